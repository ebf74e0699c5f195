//! Unix sockets and their files.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::umask;
use socket2::{Domain, SockAddr, Type};

use super::{BindError, Socket};

/// Binds to `path`. A socket file is in the way only while somebody answers on it; one that was left behind is removed.
pub(super) fn bind(path: &Path, mask: u32, backlog: u32) -> Result<Socket, BindError> {
    let refused = |source| BindError::Refused {
        address: format!("unix:{}", path.display()),
        source,
    };
    // From the look at the old file to the first listen nobody else may look: of two origins that find the same file left
    // behind, the second would remove the socket of the first.
    let _turn = Turn::take(path).map_err(refused)?;
    clear(path)?;
    let listener = listen(path, mask, backlog).map_err(refused)?;
    let file = SocketFile::of(path).map_err(refused)?;
    Ok(Socket::Unix(Some(file), listener))
}

fn clear(path: &Path) -> Result<(), BindError> {
    let refused = |source| BindError::Refused {
        address: format!("unix:{}", path.display()),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(BindError::Occupied(path.to_owned()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        // Nobody holds the other end of this file.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(refused)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue (EAGAIN) or a socket of another type is somebody too.
        _ => Err(BindError::Busy(path.to_owned())),
    }
}

fn listen(path: &Path, mask: u32, backlog: u32) -> io::Result<UnixListener> {
    let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)?;
    // The file gets its mode as it is made: with a chmod afterwards there would be a moment for anybody to connect.
    let before = umask(mode(mask));
    let bound = socket.bind(&address);
    umask(before);
    bound?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A mask bit by bit, since a Mac's type for it is narrower.
fn mode(mask: u32) -> Mode {
    let bits = (0_u32..9).filter(|bit| mask & (1 << bit) != 0);
    bits.map(|bit| Mode::from_raw_mode(1 << bit)).collect()
}

/// The right to change the sockets of a folder, until it is dropped. The lock is one on the folder itself, so that no file
/// is left beside the socket; it is held for a few system calls, so waiting for it is short.
struct Turn(#[expect(dead_code, reason = "unlocks when it is closed")] Option<fs::File>);

impl Turn {
    fn take(path: &Path) -> io::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        match fs::File::open(folder) {
            Ok(folder) => {
                folder.lock()?;
                Ok(Self(Some(folder)))
            }
            // A folder may let us make files in it and not list them. Then there is no lock, and binding goes on as it can.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// The file of a socket that this process has bound.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::symlink_metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: file.dev(),
            inode: file.ino(),
        })
    }
}

impl Drop for SocketFile {
    /// Unlinks the file, unless another process has put its own in the place.
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == (self.device, self.inode));
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a socket file stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn bound(path: &Path) -> Result<Socket, BindError> {
        bind(path, 0o117, 16)
    }

    #[test]
    fn the_file_has_its_mode_from_the_start_and_goes_with_the_socket() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        let socket = bound(&path).expect("a free path");
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_is_answered_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        let _first = bound(&path).expect("a free path");
        assert!(matches!(bound(&path), Err(BindError::Busy(_))));
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        drop(UnixListener::bind(&path).expect("a free path"));
        assert!(path.exists(), "the standard library leaves the file");
        let _second = bound(&path).expect("nobody answers");
    }

    #[test]
    fn of_many_that_start_at_once_on_a_stale_file_one_listens_and_keeps_its_file() {
        for _ in 0..500 {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("o.sock");
            drop(UnixListener::bind(&path).expect("a free path"));
            let start = std::sync::Barrier::new(8);
            let won: Vec<_> = std::thread::scope(|scope| {
                let contend = || {
                    start.wait();
                    bound(&path)
                };
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(contend)).collect();
                threads
                    .into_iter()
                    .filter_map(|thread| thread.join().expect("no panic").ok())
                    .collect()
            });
            assert_eq!(won.len(), 1, "one of them");
            assert!(UnixStream::connect(&path).is_ok(), "and it is reachable");
        }
    }

    #[test]
    fn a_file_that_is_no_socket_is_never_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        fs::File::create(&path).expect("a file");
        assert!(matches!(bound(&path), Err(BindError::Occupied(_))));
        assert!(path.exists());
    }

    #[test]
    fn the_file_of_a_successor_is_not_unlinked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        let first = bound(&path).expect("a free path");
        fs::remove_file(&path).expect("the first file");
        let _second = bound(&path).expect("a free path");
        drop(first);
        assert!(path.exists());
    }
}
