//! Files, written so that no one ever sees half of one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, fchown,
};
use std::path::{Path, PathBuf};

use crate::error::HostError;
use crate::host::random_name;

/// A file to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewFile<'a> {
    /// Where.
    pub(crate) path: &'a Path,
    /// What.
    pub(crate) contents: &'a [u8],
    /// Its permission bits.
    pub(crate) mode: u32,
    /// Its user and group; whoever writes it where nothing is said.
    pub(crate) owner: (Option<u32>, Option<u32>),
}

/// Reads a text file of at most [`LONGEST`] bytes.
pub(crate) fn read_text(path: &Path) -> Result<String, HostError> {
    read_text_up_to(path, LONGEST)
}

/// Reads a text file of at most so many bytes.
pub(crate) fn read_text_up_to(path: &Path, most: usize) -> Result<String, HostError> {
    read_whole(path, most)
        .and_then(as_text)
        .map_err(HostError::on("read", path.display()))
}

/// Never more than we would take: the path may name a device without an end.
fn read_whole(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let message = format!("it is longer than {} KiB", most >> 10);
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(bytes)
}

fn as_text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let ends = error.as_bytes()[..before].iter().filter(|b| **b == b'\n');
        let message = format!("line {} is not UTF-8", ends.count() + 1);
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

/// Puts a file in its place: written beside it with no rights for others, given its owner and mode, made durable, renamed.
pub(crate) fn replace(file: NewFile<'_>) -> Result<(), HostError> {
    let temporary = stage(file)?;
    place(&temporary, file.path).inspect_err(|_| {
        // what was begun is taken away again; where even that fails the first error is the one to tell
        let _ = fs::remove_file(&temporary);
    })
}

/// Writes a file whole beside its place, and returns where.
pub(crate) fn stage(file: NewFile<'_>) -> Result<PathBuf, HostError> {
    let temporary = folder_of(file.path).join(random_name(".opsctl"));
    if let Err(error) = write_new(&temporary, file) {
        let _ = fs::remove_file(&temporary);
        return Err(HostError::on("write", file.path.display())(error));
    }
    Ok(temporary)
}

/// Renames a staged file into its place, durably.
pub(crate) fn place(temporary: &Path, path: &Path) -> Result<(), HostError> {
    fs::rename(temporary, path)
        .and_then(|()| File::open(folder_of(path))?.sync_all())
        .map_err(HostError::on("write", path.display()))
}

/// The folder that a path stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        // a bare name stands in the folder that we are in
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    }
}

/// Writes a file that is not there yet, durably.
pub(crate) fn write_new(path: &Path, file: NewFile<'_>) -> std::io::Result<()> {
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    open.write_all(file.contents)?;
    let (user, group) = file.owner;
    if user.is_some() || group.is_some() {
        fchown(&open, user, group)?;
    }
    // after the owner: a change of owner takes the set-id bits away
    open.set_permissions(Permissions::from_mode(file.mode))?;
    open.sync_all()
}

/// Makes a folder and those above it that are missing (0755); one that is there keeps its mode and owner.
pub(crate) fn make_folder(
    path: &Path,
    mode: u32,
    owner: (Option<u32>, Option<u32>),
) -> Result<(), HostError> {
    if path.is_dir() {
        return Ok(());
    }
    let made = || {
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        fs::create_dir(path)?;
        if owner != (None, None) {
            chown(path, owner.0, owner.1)?;
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    made().map_err(HostError::on("make the folder", path.display()))
}

/// The user and group of a file that is there, which only root may give to another file.
pub(crate) fn owner(path: &Path) -> Option<(Option<u32>, Option<u32>)> {
    let data = path.metadata().ok()?;
    let root = super::is_root();
    Some((root.then(|| data.uid()), root.then(|| data.gid())))
}

/// Holds other runs off the files of the folder that a file stands in, until the answer is dropped. The folder is made where
/// it is missing.
pub(crate) fn lock_folder(file: &Path) -> Result<File, HostError> {
    let folder = folder_of(file);
    make_folder(folder, 0o755, (None, None))?;
    File::open(folder)
        .and_then(|open| {
            rustix::fs::flock(&open, rustix::fs::FlockOperation::LockExclusive)?;
            Ok(open)
        })
        .map_err(HostError::on("lock", folder.display()))
}

/// The last lines of a file, for a person; empty when there is nothing to show.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A path of the target machine below a folder: `/etc/x` below `/out` is `/out/etc/x`.
pub(crate) fn below(folder: &Path, path: &str) -> PathBuf {
    folder.join(path.trim_start_matches('/'))
}

/// The manual of the spec, with every key and its prose, has 8 KiB; a template has less.
const LONGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(path: &'a Path, contents: &'a str) -> NewFile<'a> {
        NewFile {
            path,
            contents: contents.as_bytes(),
            mode: 0o640,
            owner: (None, None),
        }
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        replace(file(&path, "one")).expect("written");
        replace(file(&path, "two")).expect("replaced");
        assert_eq!(read_text(&path).expect("there"), "two");
        assert_eq!(
            path.metadata().expect("there").permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_text_has_an_end_and_is_utf_8() {
        let endless = read_text(Path::new("/dev/zero")).expect_err("it has no end");
        assert!(endless.source.to_string().contains("longer than 1024 KiB"));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        let contents = b"a\nb\xff";
        replace(NewFile {
            contents,
            ..file(&path, "")
        })
        .expect("written");
        let error = read_text(&path).expect_err("it is not UTF-8");
        assert_eq!(error.source.to_string(), "line 2 is not UTF-8");
    }

    #[test]
    fn a_file_that_cannot_be_placed_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        make_folder(&path.join("y"), 0o755, (None, None)).expect("made");
        assert!(replace(file(&path, "one")).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn a_tail_is_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        replace(file(&path, "a\nb\nc\n")).expect("written");
        assert_eq!(tail(&path, 2), ["b", "c"]);
        assert!(tail(&folder.path().join("none"), 2).is_empty());
    }
}
