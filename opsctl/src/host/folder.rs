//! A folder that is one thing: made beside its place and put there at once.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::{Builder, TempDir};

use crate::error::HostError;
use crate::host::files::{NewFile, folder_of, make_folder, write_new};

/// A file of the folder: its path below it, its text and its mode.
pub(crate) type Part<'a> = (&'a str, &'a str, u32);

/// Puts a folder with these files in the place of what is there, which is gone then. Who looks sees the old one or the new one,
/// whole; where anything fails the old one stays.
pub(crate) fn replace(folder: &Path, parts: &[Part<'_>]) -> Result<(), HostError> {
    let above = folder_of(folder);
    make_folder(above, 0o755, (None, None))?;
    let made = Builder::new().prefix(".opsctl-").tempdir_in(above);
    let made = made.map_err(HostError::on("make a folder in", above.display()))?;
    fill(&made, parts)?;
    let placed = if folder.exists() {
        exchange(made.path(), folder)
    } else {
        fs::rename(made.path(), folder)
    };
    placed
        .and_then(|()| File::open(above)?.sync_all())
        .map_err(HostError::on("write", folder.display()))
    // what `made` names now is the old folder, or nothing: it goes with it
}

fn fill(made: &TempDir, parts: &[Part<'_>]) -> Result<(), HostError> {
    for (name, text, mode) in parts {
        let path = made.path().join(name);
        make_folder(folder_of(&path), 0o755, (None, None))?;
        let file = NewFile {
            path: &path,
            contents: text.as_bytes(),
            mode: *mode,
            owner: (None, None),
        };
        write_new(&path, file).map_err(HostError::on("write", path.display()))?;
    }
    fs::set_permissions(made.path(), Permissions::from_mode(0o755))
        .map_err(HostError::on("set the mode of", made.path().display()))
}

/// Both change their places at one moment (`RENAME_EXCHANGE` of renameat2(2)); a file system that cannot do that has the place
/// empty for that moment.
fn exchange(new: &Path, old: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            let aside = new.with_extension("old");
            fs::rename(old, &aside)?;
            if let Err(error) = fs::rename(new, old) {
                fs::rename(&aside, old)?;
                return Err(error);
            }
            fs::rename(&aside, new)
        }
        done => Ok(done?),
    }
}

/// The files below a folder by their paths, sorted; none where there is no folder. What Python keeps beside modules is no file of
/// anybody's.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<String>, HostError> {
    let mut found = Vec::new();
    if folder.exists() {
        walk(folder, Path::new(""), &mut found).map_err(HostError::on("read", folder.display()))?;
    }
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, below: &Path, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let path: PathBuf = below.join(entry.file_name());
        let is_folder = entry.file_type()?.is_dir();
        if is_folder && entry.file_name() != "__pycache__" {
            walk(folder, &path, found)?;
        } else if !is_folder {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = above.path().join("x");
        replace(&folder, &[("a", "1", 0o644), ("b/c", "2", 0o755)]).expect("made");
        assert_eq!(files_below(&folder).expect("read"), ["a", "b/c"]);
        replace(&folder, &[("d", "3", 0o644)]).expect("replaced");
        assert_eq!(files_below(&folder).expect("read"), ["d"]);
        let mode = |path: &Path| path.metadata().expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("d"))), (0o755, 0o644));
        assert_eq!(fs::read_dir(above.path()).expect("read").count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_leaves_the_old_one() {
        let above = tempfile::tempdir().expect("a folder");
        let folder = above.path().join("x");
        replace(&folder, &[("a", "1", 0o644)]).expect("made");
        // a file cannot be a folder too
        assert!(replace(&folder, &[("b", "2", 0o644), ("b/c", "3", 0o644)]).is_err());
        assert_eq!(files_below(&folder).expect("read"), ["a"]);
        assert_eq!(fs::read_dir(above.path()).expect("read").count(), 1);
    }
}
