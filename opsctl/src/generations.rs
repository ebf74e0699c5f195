//! What was installed, generation by generation: the spec, the rendering, who made it and how it was verified.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::HostError;
use crate::host::disk::{Disk, make_folders, remove_tree, replace};
use crate::host::files::{self, NewFile};
use crate::state::State;
use crate::transaction::Purpose;

/// One generation, as its folder says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generation {
    /// Its number: one more than that of the one before it.
    pub(crate) number: u64,
    /// When it was made, in seconds of the UNIX epoch.
    pub(crate) time: u64,
    /// Who made it.
    pub(crate) who: String,
    /// What for.
    pub(crate) purpose: Purpose,
    /// The digest of the deployment, which the running programs name; empty after an uninstallation.
    pub(crate) digest: String,
    /// The SHA-256 of the spec's text; empty after an uninstallation.
    pub(crate) spec_digest: String,
    /// The opsctl that made it.
    pub(crate) version: String,
    /// The document of its verification; null where there was none.
    pub(crate) verification: Value,
}

/// A generation before it is one.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// What is known of it.
    pub(crate) generation: Generation,
    /// The text of the spec.
    pub(crate) spec: Vec<u8>,
    /// What the planner is to remember.
    pub(crate) baseline: Vec<u8>,
}

/// The generations of a deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Generations<'a> {
    /// Where they are.
    pub(crate) state: &'a State,
}

impl Generations<'_> {
    /// The numbers that are there, ascending.
    pub(crate) fn numbers(self) -> Vec<u64> {
        let entries = std::fs::read_dir(self.state.generations());
        let mut numbers: Vec<u64> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// The number of the newest one; 0 before the first.
    pub(crate) fn newest(self) -> u64 {
        self.numbers().last().copied().unwrap_or_default()
    }

    /// One of them.
    pub(crate) fn read(self, number: u64) -> Result<Generation, HostError> {
        read_json(&self.state.generation(number).join(META))
    }

    /// The newest one, if it is of something that is installed.
    pub(crate) fn current(self) -> Result<Option<Generation>, HostError> {
        match self.newest() {
            0 => Ok(None),
            number => Ok(Some(self.read(number)?).filter(Generation::is_installed)),
        }
    }

    /// The copy of the spec of a generation.
    pub(crate) fn spec(self, number: u64) -> Result<String, HostError> {
        files::read_text(&self.state.generation(number).join(SPEC))
    }

    /// What a generation rendered and installed, as the planner remembers it.
    pub(crate) fn baseline(self, number: u64) -> Result<Vec<u8>, HostError> {
        read(&self.state.generation(number).join(BASELINE))
    }

    /// Writes everything of a generation but its place: it is not there before [`Self::commit`].
    pub(crate) fn prepare(self, disk: &dyn Disk, draft: &Draft) -> Result<(), HostError> {
        let folder = self.state.generations().join(NEXT);
        remove_tree(disk, &folder)?;
        make_folders(disk, &folder, 0o700)?;
        let meta = json(&draft.generation);
        for (name, contents) in [
            (SPEC, draft.spec.as_slice()),
            (BASELINE, draft.baseline.as_slice()),
            (META, meta.as_slice()),
        ] {
            disk.write_new(NewFile {
                path: &folder.join(name),
                contents,
                mode: 0o600,
                owner: (None, None),
            })?;
        }
        Ok(())
    }

    /// Puts the prepared generation in its place, with the verification that it passed. Done twice it is done once.
    pub(crate) fn commit(
        self,
        disk: &dyn Disk,
        number: u64,
        verification: &Value,
    ) -> Result<(), HostError> {
        let next = self.state.generations().join(NEXT);
        if self.state.generation(number).exists() {
            return Ok(());
        }
        let mut generation: Generation = read_json(&next.join(META))?;
        generation.verification = verification.clone();
        replace(
            disk,
            NewFile {
                path: &next.join(META),
                contents: &json(&generation),
                mode: 0o600,
                owner: (None, None),
            },
        )?;
        disk.rename(&next, &self.state.generation(number))
    }

    /// Takes a prepared generation away that is not to be.
    pub(crate) fn discard(self, disk: &dyn Disk) -> Result<(), HostError> {
        remove_tree(disk, &self.state.generations().join(NEXT))
    }

    /// Removes the oldest so that at most `keep` stay.
    pub(crate) fn prune(self, disk: &dyn Disk, keep: usize) -> Result<(), HostError> {
        let numbers = self.numbers();
        let old = numbers.len().saturating_sub(keep.max(1));
        for number in &numbers[..old] {
            remove_tree(disk, &self.state.generation(*number))?;
        }
        Ok(())
    }
}

impl Generation {
    /// Whether something of it is on the machine.
    pub(crate) fn is_installed(&self) -> bool {
        self.purpose != Purpose::Uninstall
    }

    /// Whether its verification passed; nothing where there was none.
    pub(crate) fn verified(&self) -> Option<bool> {
        self.verification["ok"].as_bool()
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn read(path: &Path) -> Result<Vec<u8>, HostError> {
    std::fs::read(path).map_err(HostError::on("read", path.display()))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, HostError> {
    serde_json::from_slice(&read(path)?)
        .map_err(|error| HostError::on("read", path.display())(error.into()))
}

const META: &str = "generation.json";
const SPEC: &str = "deploy.toml";
const BASELINE: &str = "baseline.json";
const NEXT: &str = "next";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::disk::Real;

    fn draft(number: u64) -> Draft {
        Draft {
            generation: Generation {
                number,
                time: 1,
                who: "ann".into(),
                purpose: Purpose::Apply,
                digest: "00".into(),
                spec_digest: "11".into(),
                version: "0".into(),
                verification: Value::Null,
            },
            spec: b"name = \"x\"\n".to_vec(),
            baseline: b"{}\n".to_vec(),
        }
    }

    #[test]
    fn a_generation_is_there_once_it_is_committed_and_the_oldest_go() {
        let root = tempfile::tempdir().expect("a folder");
        let state = State::of(root.path(), &"x".parse().expect("a name"));
        state.make(&Real).expect("made");
        let generations = Generations { state: &state };
        for number in 1..=3 {
            generations
                .prepare(&Real, &draft(number))
                .expect("prepared");
            assert_eq!(generations.newest(), number - 1);
            let passed = serde_json::json!({"ok": true});
            for _ in 0..2 {
                generations
                    .commit(&Real, number, &passed)
                    .expect("committed");
            }
        }
        let newest = generations.current().expect("readable").expect("there");
        assert_eq!((newest.number, newest.verified()), (3, Some(true)));
        assert_eq!(generations.spec(3).expect("there"), "name = \"x\"\n");
        generations.prune(&Real, 2).expect("removed");
        assert_eq!(generations.numbers(), [2, 3]);
    }
}
