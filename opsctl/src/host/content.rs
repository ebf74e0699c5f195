//! What is at a path of the machine, and whose it is.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use deploy::plan::{Content, Ownership, digest};

use crate::host::disk::Ids;
use crate::host::files::below;
use crate::host::{accounts, is_root};

/// What is at a path of the machine below `root` now. Links are not followed.
pub(crate) fn at(root: &Path, path: &str) -> std::io::Result<Content> {
    use std::io::ErrorKind::{NotADirectory, NotFound};

    let path = below(root, path);
    let data = match path.symlink_metadata() {
        Ok(data) => data,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => {
            return Ok(Content::Absent);
        }
        Err(error) => return Err(error),
    };
    let mode = data.permissions().mode() & 0o7777;
    let owner = Ownership::Numbers(data.uid(), data.gid());
    let kind = data.file_type();
    Ok(if kind.is_file() {
        Content::File {
            digest: digest(&std::fs::read(&path)?),
            mode,
            owner,
        }
    } else if kind.is_dir() {
        Content::Folder { mode, owner }
    } else {
        let kind = match kind {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_socket() => "a socket",
            kind if kind.is_fifo() => "a pipe",
            _ => "a device",
        };
        Content::Other {
            kind: kind.to_owned(),
        }
    })
}

/// Whether both are the same thing with the same bytes, whosever they are.
pub(crate) fn is_same_thing(one: &Content, other: &Content) -> bool {
    match (one, other) {
        (Content::File { digest: one, .. }, Content::File { digest: two, .. }) => one == two,
        (Content::Absent, Content::Absent) | (Content::Folder { .. }, Content::Folder { .. }) => {
            true
        }
        _ => false,
    }
}

/// The mode of a file or folder, and its owner as numbers on the machine below `root`. Only root gives things away.
pub(crate) fn rights(content: &Content, root: &Path) -> Option<(u32, Ids)> {
    let (mode, owner) = content.rights()?;
    let ids = match owner {
        _ if !is_root() => (None, None),
        Ownership::Writer => (None, None),
        Ownership::Numbers(user, group) => (Some(*user), Some(*group)),
        Ownership::Names(user, group) => {
            // a tree for another machine has no accounts of its own; this one's may have the same names
            let own = root.join("etc/passwd").exists();
            let tables = if own { root } else { Path::new("/") };
            accounts::numbers(tables, user, group)
        }
    };
    Some((mode, ids))
}

/// Whether what is here has the rights that `wanted` asks for.
pub(crate) fn has_rights_of(here: &Content, wanted: &Content, root: &Path) -> bool {
    let fits = |has: Option<u32>, wants: Option<u32>| wants.is_none() || has == wants;
    match (rights(here, root), rights(wanted, root)) {
        (Some((mode, ids)), Some((wanted_mode, wanted_ids))) => {
            mode == wanted_mode && fits(ids.0, wanted_ids.0) && fits(ids.1, wanted_ids.1)
        }
        (has, wants) => has.is_none() == wants.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_at_a_path_is_told_apart() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("folder")).expect("our own folder");
        std::os::unix::fs::symlink("folder", root.path().join("link")).expect("our own folder");
        let of = |path: &str| at(root.path(), path).expect("readable");
        assert_eq!(of("/none"), Content::Absent);
        assert_eq!(of("/none/deeper"), Content::Absent);
        assert!(matches!(of("/link"), Content::Other { .. }));
        assert!(matches!(of("/folder"), Content::Folder { .. }));
    }
}
