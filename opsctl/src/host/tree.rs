//! A rendered tree on disk: written whole or not at all, and compared.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use deploy::plan::is_same;
use deploy::{Owner, Rendered, RenderedFile};

use crate::error::HostError;
use crate::host::files::{NewFile, below, make_folder, place, stage};
use crate::host::{accounts, is_root};

/// What differs between a rendered file and the one on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// There is no file.
    Missing,
    /// Its text is another one.
    Contents(String),
    /// Its permission bits are others.
    Mode(u32),
    /// Its user or group is another one: the numbers of both.
    Owner(u32, u32),
}

/// Writes all files below a folder: first every file beside its place, then all of them into their places. Where the first
/// half fails nothing has changed. Owners are set by root only; names that the tree's machine does not know stay root's.
pub(crate) fn write(rendered: &Rendered, folder: &Path) -> Result<(), HostError> {
    let mut staged = Staged::default();
    for directory in &rendered.directories {
        staged.folder(
            &below(folder, &directory.path),
            directory.mode,
            owner(directory.owner.as_ref(), folder),
        )?;
    }
    for file in &rendered.files {
        // one that is as it should be stays: rewritten, it would look changed to systemd and to people
        if difference(file, folder, |old, new| old == new).is_none() {
            continue;
        }
        let path = below(folder, &file.path);
        if let Some(above) = path.parent() {
            staged.folder(above, 0o755, (None, None))?;
        }
        let temporary = stage(NewFile {
            path: &path,
            contents: file.contents.as_bytes(),
            mode: file.mode,
            owner: owner(file.owner.as_ref(), folder),
        })?;
        staged.files.push((temporary, path));
    }
    staged.commit()
}

/// What was made and is not yet in force; taken away again unless committed.
#[derive(Debug, Default)]
struct Staged {
    folders: Vec<PathBuf>,
    files: Vec<(PathBuf, PathBuf)>,
}

impl Staged {
    fn folder(
        &mut self,
        path: &Path,
        mode: u32,
        owner: (Option<u32>, Option<u32>),
    ) -> Result<(), HostError> {
        let missing: Vec<_> = path
            .ancestors()
            .take_while(|above| !above.exists())
            .map(Path::to_owned)
            .collect();
        for made in missing.into_iter().rev() {
            let (mode, owner) = if made == path {
                (mode, owner)
            } else {
                (0o755, (None, None))
            };
            make_folder(&made, mode, owner)?;
            self.folders.push(made);
        }
        Ok(())
    }

    fn commit(mut self) -> Result<(), HostError> {
        for (temporary, path) in &self.files {
            place(temporary, path)?;
        }
        self.files.clear();
        self.folders.clear();
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (temporary, _) in &self.files {
            let _ = fs::remove_file(temporary);
        }
        for folder in self.folders.iter().rev() {
            // one that something else has been put into stays
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Compares every rendered file with the one below a folder. The generation that a head names says when the file last
/// changed, and is no difference.
pub(crate) fn compare(rendered: &Rendered, folder: &Path) -> Vec<(RenderedFile, Difference)> {
    let differs = |file: &RenderedFile| Some((file.clone(), difference(file, folder, is_same)?));
    rendered.files.iter().filter_map(differs).collect()
}

/// What differs between one rendered file and the one below a folder, where `same` says which texts do not.
fn difference(
    file: &RenderedFile,
    folder: &Path,
    same: fn(&str, &str) -> bool,
) -> Option<Difference> {
    let path = below(folder, &file.path);
    let read = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match (read, path.metadata()) {
        (Ok(old), _) if !same(&old, &file.contents) => Some(Difference::Contents(old)),
        (Ok(_), Ok(data)) if data.permissions().mode() & 0o7777 != file.mode => {
            Some(Difference::Mode(data.mode() & 0o7777))
        }
        (Ok(_), Ok(data)) if !belongs(&data, owner(file.owner.as_ref(), folder)) => {
            Some(Difference::Owner(data.uid(), data.gid()))
        }
        (Ok(_), Ok(_)) => None,
        _ => Some(Difference::Missing),
    }
}

/// Whether a file is of this user and group, as far as these are known here.
fn belongs(data: &fs::Metadata, (user, group): (Option<u32>, Option<u32>)) -> bool {
    user.is_none_or(|user| user == data.uid()) && group.is_none_or(|group| group == data.gid())
}

fn owner(owner: Option<&Owner>, folder: &Path) -> (Option<u32>, Option<u32>) {
    let Some(owner) = owner.filter(|_| is_root()) else {
        return (None, None);
    };
    // a tree for another machine has no accounts of its own; this machine's may have other numbers, but the same names
    let root = if folder.join("etc/passwd").exists() {
        folder
    } else {
        Path::new("/")
    };
    accounts::numbers(root, owner.user.as_str(), owner.group.as_str())
}

#[cfg(test)]
mod tests {
    use deploy::Component;

    use super::*;

    fn rendered() -> Rendered {
        let file = |path: &str, mode| RenderedFile {
            path: path.into(),
            contents: "text\n".into(),
            mode,
            owner: None,
            component: Component::Edge,
        };
        Rendered {
            files: vec![
                file("/etc/nginx/a.conf", 0o644),
                file("/etc/x/origin.toml", 0o640),
            ],
            directories: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_does_not_differ() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(compare(&rendered(), folder.path()).len(), 2);
        write(&rendered(), folder.path()).expect("written");
        assert_eq!(compare(&rendered(), folder.path()), []);
    }

    #[test]
    fn a_changed_text_or_mode_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&rendered(), folder.path()).expect("written");
        let mut other = rendered();
        other.files[0].contents = "other\n".into();
        other.files[1].mode = 0o600;
        let kinds: Vec<_> = compare(&other, folder.path())
            .into_iter()
            .map(|(_, kind)| kind)
            .collect();
        assert_eq!(
            kinds,
            [
                Difference::Contents("text\n".into()),
                Difference::Mode(0o640)
            ]
        );
    }

    #[test]
    fn a_file_that_is_as_it_should_be_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let inode = || {
            folder
                .path()
                .join("etc/nginx/a.conf")
                .metadata()
                .map(|data| data.ino())
                .ok()
        };
        write(&rendered(), folder.path()).expect("written");
        let first = inode();
        write(&rendered(), folder.path()).expect("written");
        assert!(first.is_some() && inode() == first);
        let mut other = rendered();
        other.files[0].contents = "other\n".into();
        write(&other, folder.path()).expect("written");
        assert_ne!(inode(), first);
    }

    #[test]
    fn another_group_is_a_difference_and_an_unknown_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        write(&rendered(), folder.path()).expect("written");
        let data = folder.path().join("etc/x/origin.toml").metadata();
        let data = data.expect("there");
        let (user, group) = (data.uid(), data.gid());
        assert!(belongs(&data, (Some(user), Some(group))));
        assert!(belongs(&data, (Some(user), None)));
        assert!(!belongs(&data, (Some(user), Some(group + 1))));
        assert!(!belongs(&data, (Some(user + 1), None)));
    }

    #[test]
    fn a_tree_that_cannot_be_written_whole_is_not_written_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocked = files_of(folder.path(), "etc/x");
        let error = write(&rendered(), folder.path()).expect_err("a file is in the way");
        assert!(error.to_string().contains("etc/x"), "{error}");
        assert!(!folder.path().join("etc/nginx").exists());
        assert!(blocked.exists());
    }

    fn files_of(folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        make_folder(path.parent().expect("below"), 0o755, (None, None)).expect("made");
        crate::host::files::replace(NewFile {
            path: &path,
            contents: b"",
            mode: 0o600,
            owner: (None, None),
        })
        .expect("written");
        path
    }
}
