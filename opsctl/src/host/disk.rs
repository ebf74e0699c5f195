//! Every call that changes the disk during a transaction. Each is durable when it returns, so that a journal line that
//! was written after another one never survives it alone.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;

use crate::error::HostError;
use crate::host::files::{self, NewFile};

/// The numbers of a user and a group; what is not given stays as it is, or is whoever writes.
pub(crate) type Ids = (Option<u32>, Option<u32>);

/// What changes a disk. Another disk than [`Real`] fails where a test wants it to.
pub(crate) trait Disk: Send + Sync {
    /// Makes one folder whose parent is there.
    fn make_folder(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError>;
    /// Writes a file that is not there yet.
    fn write_new(&self, file: NewFile<'_>) -> Result<(), HostError>;
    /// Gives a file a second name, which keeps it, with its rights and labels, when the first one is replaced.
    fn link(&self, from: &Path, to: &Path) -> Result<(), HostError>;
    /// Puts a file in the place of another one.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError>;
    /// Gives a file or folder its owner and mode.
    fn set_rights(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> Result<(), HostError>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> Result<(), HostError>;
    /// Adds to the end of a file, which is made (0600) where it is missing.
    fn append(&self, path: &Path, text: &str) -> Result<(), HostError>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Real;

impl Disk for Real {
    fn make_folder(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError> {
        let made = || {
            fs::DirBuilder::new().mode(0o700).create(path)?;
            rights(path, mode, owner)?;
            sync(files::folder_of(path))
        };
        made().map_err(HostError::on("make the folder", path.display()))
    }

    fn write_new(&self, file: NewFile<'_>) -> Result<(), HostError> {
        files::write_new(file.path, file)
            .and_then(|()| sync(files::folder_of(file.path)))
            .map_err(HostError::on("write", file.path.display()))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        fs::hard_link(from, to)
            .and_then(|()| sync(files::folder_of(to)))
            .map_err(HostError::on("link", from.display()))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        files::place(from, to)
    }

    fn set_rights(&self, path: &Path, mode: u32, owner: Ids) -> Result<(), HostError> {
        rights(path, mode, owner)
            .and_then(|()| sync(path))
            .map_err(HostError::on("set the rights of", path.display()))
    }

    fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        fs::remove_file(path)
            .and_then(|()| sync(files::folder_of(path)))
            .map_err(HostError::on("remove", path.display()))
    }

    fn remove_folder(&self, path: &Path) -> Result<(), HostError> {
        fs::remove_dir(path)
            .and_then(|()| sync(files::folder_of(path)))
            .map_err(HostError::on("remove the folder", path.display()))
    }

    fn append(&self, path: &Path, text: &str) -> Result<(), HostError> {
        let added = || {
            let is_new = !path.exists();
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            if is_new {
                sync(files::folder_of(path))?;
            }
            Ok(())
        };
        added().map_err(HostError::on("write", path.display()))
    }
}

/// The owner first: a change of owner takes the set-id bits away.
fn rights(path: &Path, mode: u32, owner: Ids) -> std::io::Result<()> {
    if owner != (None, None) {
        chown(path, owner.0, owner.1)?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder and those above it that are missing (0755 each); one that is there stays as it is.
pub(crate) fn make_folders(disk: &dyn Disk, path: &Path, mode: u32) -> Result<(), HostError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folders(disk, above, 0o755)?;
    }
    disk.make_folder(path, mode, (None, None))
}

/// Writes a file beside its place and renames it there. What an earlier attempt left beside it is taken away first.
pub(crate) fn replace(disk: &dyn Disk, file: NewFile<'_>) -> Result<(), HostError> {
    let mut name = std::ffi::OsString::from(".opsctl-new-");
    name.push(file.path.file_name().unwrap_or_default());
    let temporary = file.path.with_file_name(name);
    if temporary.symlink_metadata().is_ok() {
        disk.remove_file(&temporary)?;
    }
    disk.write_new(NewFile {
        path: &temporary,
        ..file
    })?;
    disk.rename(&temporary, file.path)
}

/// Removes a folder with everything in it; one that is not there is no error.
pub(crate) fn remove_tree(disk: &dyn Disk, folder: &Path) -> Result<(), HostError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(HostError::on("read", folder.display())(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .map_err(HostError::on("read", folder.display()))?
                .path(),
        );
    }
    // the same order on every disk
    paths.sort();
    for path in paths {
        // its own type: a link to a folder is removed, never followed
        if path.symlink_metadata().is_ok_and(|data| data.is_dir()) {
            remove_tree(disk, &path)?;
        } else {
            disk.remove_file(&path)?;
        }
    }
    disk.remove_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_goes_without_what_its_links_lead_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let (tree, other) = (folder.path().join("tree"), folder.path().join("other"));
        make_folders(&Real, &tree.join("a/b"), 0o700).expect("made");
        make_folders(&Real, &other, 0o700).expect("made");
        Real.append(&other.join("x"), "1\n").expect("written");
        std::os::unix::fs::symlink(&other, tree.join("a/link")).expect("our own folder");
        remove_tree(&Real, &tree).expect("removed");
        assert!(!tree.exists() && other.join("x").exists());
        remove_tree(&Real, &tree).expect("nothing to do");
    }

    #[test]
    fn what_is_appended_follows_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        Real.append(&path, "1\n").expect("written");
        Real.append(&path, "2\n").expect("written");
        assert_eq!(files::read_text(&path).expect("there"), "1\n2\n");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
