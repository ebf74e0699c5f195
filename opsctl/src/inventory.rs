//! What the machine is, read for the planner.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use deploy::plan::{
    Accounts, Baseline, Content, Found, Goal, Inventory, Ownership, set_aside_path,
};
use findings::Finding;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::below;
use crate::host::{accounts, is_root};

/// Looks at every file that a goal concerns on the machine below `root`. Units, running programs and the version of NGINX
/// are for whoever can ask them.
///
/// # Errors
/// When a path that exists cannot be read, or what opsctl remembers cannot be understood.
pub(crate) fn take(root: &Path, goal: Goal<'_>) -> Result<Inventory, CommandError> {
    let baseline = baseline(root, &Baseline::path(goal.paths))?;
    let paths = Inventory::paths(goal.rendered, baseline.as_ref(), goal.paths);
    let mut inventory = Inventory {
        accounts: accounts_of(root, goal, baseline.as_ref()),
        baseline,
        ..Inventory::default()
    };
    for path in paths {
        look(root, path, &mut inventory)?;
    }
    let snippets = format!("{}/snippets", goal.paths.pieces);
    look_below(root, &snippets, &mut inventory)?;
    Ok(inventory)
}

/// What opsctl remembers of a deployment.
///
/// # Errors
/// When it cannot be read or understood; that it is not there is no error.
pub(crate) fn baseline(root: &Path, path: &str) -> Result<Option<Baseline>, CommandError> {
    let path = below(root, path);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(HostError::on("read", path.display())(error).into()),
    };
    Baseline::read(&text).map(Some).map_err(|error| {
        let message = format!("`{}` cannot be used: {error}", path.display());
        let hint = "a newer opsctl reads it; or move it away: files that are as they are rendered are then taken over, and \
                    every other one is asked about";
        let finding = Finding::error("state.baseline", message).hint(hint);
        CommandError::finding(Exit::Prerequisite, finding)
    })
}

/// Adds what is at a path, and the copy of it that a plan would set aside.
fn look(root: &Path, path: String, inventory: &mut Inventory) -> Result<(), HostError> {
    let Some(found) = at(root, &path)? else {
        return Ok(());
    };
    let aside = found
        .text
        .as_deref()
        .map(|text| set_aside_path(&path, text));
    inventory.found.insert(path, found);
    if let Some(aside) = aside
        && let Some(found) = at(root, &aside)?
    {
        inventory.found.insert(aside, found);
    }
    Ok(())
}

/// What is at a path; nothing where there is nothing. A link to a folder is that folder.
fn at(root: &Path, path: &str) -> Result<Option<Found>, HostError> {
    let path = below(root, path);
    let read = || -> std::io::Result<Option<Found>> {
        let data = match path.symlink_metadata() {
            Err(error) if is_absent(&error) => return Ok(None),
            data => data?,
        };
        let (mode, owner) = rights(&data);
        if data.is_file() {
            return std::fs::read(&path).map(|bytes| Some(Found::file(bytes, mode, owner)));
        }
        if let Some(folder) = path.metadata().ok().filter(Metadata::is_dir) {
            let (mode, owner) = rights(&folder);
            return Ok(Some(Found::other(Content::Folder { mode, owner })));
        }
        let kind = match data.file_type() {
            kind if kind.is_symlink() => "a symbolic link",
            kind if kind.is_socket() => "a socket",
            kind if kind.is_fifo() => "a pipe",
            _ => "a device",
        };
        let kind = kind.to_owned();
        Ok(Some(Found::other(Content::Other { kind })))
    };
    read().map_err(HostError::on("read", path.display()))
}

fn rights(data: &Metadata) -> (u32, Ownership) {
    (
        data.permissions().mode() & 0o7777,
        Ownership::Numbers(data.uid(), data.gid()),
    )
}

/// Adds the files below a folder that is an operator's.
fn look_below(root: &Path, folder: &str, inventory: &mut Inventory) -> Result<(), HostError> {
    let entries = match std::fs::read_dir(below(root, folder)) {
        Err(error) if is_absent(&error) => return Ok(()),
        entries => entries.map_err(HostError::on("read", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(HostError::on("read", folder))?;
        // a name that is not UTF-8 stands in no plan
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{folder}/{name}");
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            look_below(root, &path, inventory)?;
        } else if let Some(found) = at(root, &path)? {
            inventory.found.entry(path).or_insert(found);
        }
    }
    Ok(())
}

/// The numbers of the accounts that files belong to and of those that the rendering makes. Only root gives files away, so
/// that for anybody else there are none.
fn accounts_of(root: &Path, goal: Goal<'_>, baseline: Option<&Baseline>) -> Accounts {
    let mut known = Accounts::default();
    if !is_root() {
        return known;
    }
    let rendered = goal.rendered;
    let files = rendered.files.iter().filter_map(|file| file.owner.as_ref());
    let folders = rendered.directories.iter();
    let owners = files
        .chain(folders.filter_map(|folder| folder.owner.as_ref()))
        .map(|owner| Ownership::rendered(Some(owner)));
    let before = baseline.into_iter().flat_map(|base| base.files.values());
    let names: BTreeSet<(String, String)> = owners
        .chain(before.map(|file| file.owner.clone()))
        .filter_map(|owner| match owner {
            Ownership::Names(user, group) => Some((user, group)),
            Ownership::Writer | Ownership::Numbers(..) => None,
        })
        // a user that owns no file is known too, or it would be made again and again
        .chain(goal.users().map(|user| (user.to_owned(), user.to_owned())))
        .collect();
    // a tree for another machine has no accounts of its own; this machine's may have other numbers, but the same names
    let own = root.join("etc/passwd").exists();
    let tables = if own { root } else { Path::new("/") };
    for (user, group) in names {
        let (user_number, group_number) = accounts::numbers(tables, &user, &group);
        known.users.extend(user_number.map(|number| (user, number)));
        known
            .groups
            .extend(group_number.map(|number| (group, number)));
    }
    known
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use deploy::{Component, Layout, Rendered, RenderedFile};

    use super::*;

    #[test]
    fn what_is_at_a_path_is_told_apart() {
        let root = tempfile::tempdir().expect("a folder");
        let of = |path: &str| {
            at(root.path(), path)
                .expect("readable")
                .map(|found| found.content)
        };
        std::fs::create_dir(root.path().join("folder")).expect("our own folder");
        symlink("folder", root.path().join("link")).expect("our own folder");
        symlink("nowhere", root.path().join("loose")).expect("our own folder");
        assert_eq!(of("/none"), None);
        assert!(matches!(of("/folder"), Some(Content::Folder { .. })));
        assert!(matches!(of("/link"), Some(Content::Folder { .. })));
        assert!(matches!(of("/loose"), Some(Content::Other { kind }) if kind == "a symbolic link"));
    }

    #[test]
    fn a_user_that_owns_no_file_is_known() {
        if !is_root() {
            return;
        }
        let root = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(root.path().join("etc")).expect("our own folder");
        crate::host::files::replace(crate::host::files::NewFile {
            path: &root.path().join("etc/passwd"),
            contents: b"codeintel:x:996:996::/:/bin/false\n",
            mode: 0o644,
            owner: (None, None),
        })
        .expect("written");
        let name = "codeintel".parse().expect("a name");
        let paths = Layout::Debian.paths(&name).expect("a layout");
        let rendered = Rendered {
            files: vec![RenderedFile {
                path: "/etc/sysusers.d/codeintel.conf".to_owned(),
                contents: "u codeintel - \"an origin\" /var/lib/codeintel\n".to_owned(),
                mode: 0o644,
                owner: None,
                component: Component::Services,
            }],
            directories: Vec::new(),
        };
        let goal = Goal {
            name: &name,
            paths: &paths,
            generation: None,
            rendered: &rendered,
        };
        let accounts = accounts_of(root.path(), goal, None);
        assert_eq!(accounts.users["codeintel"], 996);
    }

    #[test]
    fn a_memory_that_cannot_be_understood_is_said_with_the_way_out() {
        let root = tempfile::tempdir().expect("a folder");
        let of = |path: &str| baseline(root.path(), path);
        assert!(of("/baseline.json").expect("no error").is_none());
        let path = root.path().join("baseline.json");
        crate::host::files::replace(crate::host::files::NewFile {
            path: &path,
            contents: b"{\"format\": 99, \"opsctl\": \"7.0\"}",
            mode: 0o600,
            owner: (None, None),
        })
        .expect("written");
        let error = of("/baseline.json").expect_err("a later format");
        assert_eq!(error.exit, Exit::Prerequisite);
        assert!(error.findings.to_string().contains("opsctl 7.0 wrote it"));
    }
}
