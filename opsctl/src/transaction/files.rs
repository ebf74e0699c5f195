//! The files of a transaction, moved in either direction.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deploy::plan::{Change, Content, digest};

use crate::error::HostError;
use crate::host::content;
use crate::host::disk::{Disk, make_folders, remove_tree};
use crate::host::files::{NewFile, below};
use crate::state::State;

/// The side that a transaction is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toward {
    /// What is to be.
    After,
    /// What was.
    Before,
}

/// What may stand beside a file while it is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// What is to come to its place.
    New,
    /// A second name of what was there before.
    Old,
}

impl Toward {
    /// What is at a path before it is moved, and after.
    fn sides(self, change: &Change) -> (&Content, &Content) {
        match self {
            Self::After => (&change.before, &change.after),
            Self::Before => (&change.after, &change.before),
        }
    }
}

/// Moves the files of one transaction.
#[derive(Clone)]
pub(crate) struct Files<'a> {
    /// What changes the disk.
    pub(crate) disk: &'a dyn Disk,
    /// The folder that the machine's paths are below; `/` for this machine.
    pub(crate) root: &'a Path,
    /// Where the texts are kept.
    pub(crate) state: &'a State,
    /// The paths.
    pub(crate) changes: Vec<&'a Change>,
}

/// Why files did not go where they should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    /// The disk refused.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Somebody else changed these since they were looked at.
    #[error("`{}` changed meanwhile", .0.join("`, `"))]
    Moved(Vec<String>),
    /// There is no certificate to go on with.
    #[error("no certificate was issued for {names}")]
    NotIssued {
        /// The names.
        names: String,
        /// What certbot, or the edge, said.
        source: HostError,
    },
}

impl Files<'_> {
    /// Keeps every text of both sides, so that either can be brought about whatever happens to the machine's files.
    pub(crate) fn keep(&self, new: &BTreeMap<String, String>) -> Result<(), MoveError> {
        remove_tree(self.disk, &self.state.texts())?;
        make_folders(self.disk, &self.state.texts(), 0o700)?;
        self.keep_more(new)
    }

    /// The same for what comes later.
    pub(crate) fn keep_more(&self, new: &BTreeMap<String, String>) -> Result<(), MoveError> {
        let mut kept = std::collections::BTreeSet::new();
        for change in &self.changes {
            for content in [&change.before, &change.after] {
                let Content::File { digest: wanted, .. } = content else {
                    continue;
                };
                let path = self.state.texts().join(wanted);
                if !kept.insert(wanted.clone()) || path.exists() {
                    continue;
                }
                let bytes = match new.get(wanted) {
                    Some(text) => text.clone().into_bytes(),
                    None => read(&below(self.root, &change.path))?,
                };
                if digest(&bytes) != *wanted {
                    return Err(MoveError::Moved(vec![change.path.clone()]));
                }
                self.disk.write_new(NewFile {
                    path: &path,
                    contents: &bytes,
                    mode: 0o600,
                    owner: (None, None),
                })?;
            }
        }
        Ok(())
    }

    /// Moves every path to one side. Nothing is renamed before everything is written beside its place.
    ///
    /// Toward `After` a path that is on neither side stops it before the first rename. Toward `Before` such a path is left
    /// alone, since what it has is newer than anything that this transaction knows: its name is returned.
    pub(crate) fn go(&self, toward: Toward) -> Result<Vec<String>, MoveError> {
        self.sweep(Beside::New)?;
        let mut left = Vec::new();
        let mut moves = Vec::new();
        for change in &self.changes {
            let (from, to) = toward.sides(change);
            let now = self.now(change)?;
            if content::is_same_thing(&now, to) || content::is_same_thing(&now, from) {
                moves.push((*change, now, to));
            } else {
                left.push(change.path.clone());
            }
        }
        if toward == Toward::After && !left.is_empty() {
            return Err(MoveError::Moved(left));
        }
        moves.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        self.make_folders(&moves)?;
        let staged = self.stage(&moves)?;
        if toward == Toward::After {
            self.keep_old(&moves)?;
        }
        for (temporary, path) in staged {
            self.disk.rename(&temporary, &path)?;
        }
        self.finish(&moves)?;
        // on the way forward a second name of a file may still be in one of them
        if toward == Toward::Before {
            left.extend(self.remove_folders(toward)?);
        }
        Ok(left)
    }

    /// Removes the folders that go, from the deepest up, and returns those that somebody else uses.
    pub(crate) fn remove_folders(&self, toward: Toward) -> Result<Vec<String>, HostError> {
        let mut left = Vec::new();
        let mut changes = self.changes.clone();
        changes.sort_by(|a, b| b.path.cmp(&a.path));
        for change in changes {
            let (from, to) = toward.sides(change);
            if !matches!((from, to), (Content::Folder { .. }, Content::Absent)) {
                continue;
            }
            let path = below(self.root, &change.path);
            if is_empty(&path) {
                self.disk.remove_folder(&path)?;
            } else if path.exists() {
                left.push(change.path.clone());
            }
        }
        Ok(left)
    }

    /// Takes away what stands beside the files and is of no more use.
    pub(crate) fn sweep(&self, kind: Beside) -> Result<(), HostError> {
        for change in &self.changes {
            let beside = self.beside(change, kind);
            if beside.symlink_metadata().is_ok() {
                self.disk.remove_file(&beside)?;
            }
        }
        Ok(())
    }

    /// The paths that are not as the transaction expects to find them.
    pub(crate) fn not_before(&self) -> Result<Vec<String>, HostError> {
        let mut moved = Vec::new();
        for change in &self.changes {
            if !content::is_same_thing(&self.now(change)?, &change.before) {
                moved.push(change.path.clone());
            }
        }
        Ok(moved)
    }

    fn make_folders(&self, moves: &[(&Change, Content, &Content)]) -> Result<(), HostError> {
        for (change, now, to) in moves {
            if let (Content::Folder { .. }, Content::Absent) = (to, now) {
                let path = below(self.root, &change.path);
                if let Some(above) = path.parent() {
                    make_folders(self.disk, above, 0o755)?;
                }
                let (mode, owner) = content::rights(to, self.root).unwrap_or((0o755, (None, None)));
                self.disk.make_folder(&path, mode, owner)?;
            }
        }
        Ok(())
    }

    fn stage(
        &self,
        moves: &[(&Change, Content, &Content)],
    ) -> Result<Vec<(PathBuf, PathBuf)>, HostError> {
        let mut staged = Vec::new();
        for (change, now, to) in moves {
            let Content::File { digest, .. } = to else {
                continue;
            };
            if content::is_same_thing(now, to) {
                continue;
            }
            let path = below(self.root, &change.path);
            let old = self.beside(change, Beside::Old);
            if std::fs::read(&old).is_ok_and(|bytes| self::digest(&bytes) == *digest) {
                staged.push((old, path));
                continue;
            }
            if let Some(above) = path.parent() {
                make_folders(self.disk, above, 0o755)?;
            }
            let (mode, owner) = content::rights(to, self.root).unwrap_or((0o600, (None, None)));
            let temporary = self.beside(change, Beside::New);
            self.disk.write_new(NewFile {
                path: &temporary,
                contents: &self.text(digest)?,
                mode,
                owner,
            })?;
            staged.push((temporary, path));
        }
        Ok(staged)
    }

    /// A second name for every file that goes or is replaced: to take it back then needs no room on the disk.
    fn keep_old(&self, moves: &[(&Change, Content, &Content)]) -> Result<(), HostError> {
        self.sweep(Beside::Old)?;
        for (change, now, to) in moves {
            if matches!(now, Content::File { .. }) && !content::is_same_thing(now, to) {
                let path = below(self.root, &change.path);
                self.disk.link(&path, &self.beside(change, Beside::Old))?;
            }
        }
        Ok(())
    }

    /// Rights of what stays, and removals.
    fn finish(&self, moves: &[(&Change, Content, &Content)]) -> Result<(), HostError> {
        for (change, now, to) in moves.iter().rev() {
            let path = below(self.root, &change.path);
            match (now, to) {
                (Content::File { .. }, Content::Absent) => self.disk.remove_file(&path)?,
                (now, to)
                    if content::is_same_thing(now, to)
                        && !content::has_rights_of(now, to, self.root) =>
                {
                    if let Some((mode, owner)) = content::rights(to, self.root) {
                        self.disk.set_rights(&path, mode, owner)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn now(&self, change: &Change) -> Result<Content, HostError> {
        content::at(self.root, &change.path).map_err(HostError::on("read", &change.path))
    }

    /// A kept text, which is not believed without its digest.
    fn text(&self, wanted: &str) -> Result<Vec<u8>, HostError> {
        let path = self.state.texts().join(wanted);
        let bytes = read(&path)?;
        if digest(&bytes) == wanted {
            return Ok(bytes);
        }
        let cause = std::io::Error::other("its bytes are not those that were kept");
        Err(HostError::on("use", path.display())(cause))
    }

    /// A name that no include of NGINX or systemd matches.
    fn beside(&self, change: &Change, kind: Beside) -> PathBuf {
        let path = below(self.root, &change.path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ending = match kind {
            Beside::New => "new",
            Beside::Old => "old",
        };
        path.with_file_name(format!(".{name}.opsctl-{ending}"))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(HostError::on("read", path.display()))
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
