//! Where opsctl keeps what it knows of a deployment: root's own folder below `/var/lib/opsctl`.
//!
//! It is not `/var/lib/NAME`: systemd gives that to the origin's user (`StateDirectory=`), and what root obeys must not be
//! anybody else's to write.

use std::path::{Path, PathBuf};

use deploy::words::Name;

use crate::error::HostError;
use crate::host::disk::{Disk, make_folders};
use crate::host::files::below;

/// The state folder of one deployment.
#[derive(Debug, Clone)]
pub(crate) struct State {
    name: Name,
    folder: PathBuf,
}

impl State {
    /// That of a deployment of the machine below `root`.
    pub(crate) fn of(root: &Path, name: &Name) -> Self {
        Self {
            name: name.clone(),
            folder: below(root, FOLDER).join(name.as_str()),
        }
    }

    /// The names of all deployments of the machine below `root`, sorted.
    pub(crate) fn names(root: &Path) -> Vec<Name> {
        let entries = std::fs::read_dir(below(root, FOLDER));
        let mut names: Vec<_> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<Name>().ok())
            .collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names
    }

    /// Makes the folder where it is missing: for root alone, since a spec may hold secrets.
    pub(crate) fn make(&self, disk: &dyn Disk) -> Result<(), HostError> {
        if let Some(above) = self.folder.parent() {
            make_folders(disk, above, 0o700)?;
        }
        make_folders(disk, &self.folder, 0o700)?;
        make_folders(disk, &self.generations(), 0o700)
    }

    /// The deployment.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// The folder as the machine itself names it.
    pub(crate) fn path(&self) -> String {
        format!("{FOLDER}/{}", self.name)
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that is locked.
    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// The journal of transactions.
    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// The texts that the transaction under way moves, by digest.
    pub(crate) fn texts(&self) -> PathBuf {
        self.folder.join("texts")
    }

    /// One line of JSON for each thing that was done.
    pub(crate) fn audit(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    /// The generation that waits for `opsctl confirm`.
    pub(crate) fn unconfirmed(&self) -> PathBuf {
        self.folder.join("unconfirmed.json")
    }

    /// The folder of the generations.
    pub(crate) fn generations(&self) -> PathBuf {
        self.folder.join("generations")
    }

    /// The folder of one generation.
    pub(crate) fn generation(&self, number: u64) -> PathBuf {
        self.generations().join(number.to_string())
    }
}

const FOLDER: &str = "/var/lib/opsctl";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::disk::Real;

    #[test]
    fn the_deployments_of_a_machine_are_those_with_a_state() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(State::names(root.path()).is_empty());
        for name in ["b", "a"] {
            let state = State::of(root.path(), &name.parse().expect("a name"));
            state.make(&Real).expect("made");
        }
        let names: Vec<_> = State::names(root.path())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }
}
