//! What the machine is, as far as a deployment goes: read by the shell, judged here.

use std::collections::{BTreeMap, BTreeSet};

use super::baseline::Baseline;
use super::content::{Accounts, Content, Ownership};
use crate::layout::Paths;
use crate::render::Rendered;

/// A machine at one moment. A path that is not in it was not looked at, which stands for nothing being there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// What was found at the paths of [`Inventory::paths`], and the operator's own snippets.
    pub found: BTreeMap<String, Found>,
    /// What the last apply rendered and installed; nothing before the first one, or where the state was lost.
    pub baseline: Option<Baseline>,
    /// The accounts, as far as owners can be set and compared: none where we are not root.
    pub accounts: Accounts,
    /// The units of systemd; none where it does not run the machine.
    pub units: BTreeMap<String, UnitState>,
    /// What the running programs answered.
    pub running: Running,
    /// The NGINX of the machine, as `1.26.3`.
    pub nginx: Option<String>,
}

/// What is at a path, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub content: Content,
    /// The text of a file in UTF-8; none for any other file, which is never merged and never replaced.
    pub text: Option<String>,
}

/// What a unit is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitState {
    /// It starts at boot.
    pub enabled: bool,
    /// It runs, or listens.
    pub active: bool,
}

/// What running programs named; those that did not answer are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// NGINX's.
    pub edge: Option<String>,
    /// The origins', by site.
    pub origins: BTreeMap<String, RunningOrigin>,
}

/// What a running origin says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningOrigin {
    /// The generation of its configuration.
    pub generation: String,
    /// The version of the program.
    pub version: String,
}

impl Inventory {
    /// Every path that has to be looked at: of the rendering, of what the last apply installed, and of opsctl's own
    /// state, with the folders above.
    pub fn paths(
        rendered: &Rendered,
        baseline: Option<&Baseline>,
        paths: &Paths,
    ) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = rendered
            .files
            .iter()
            .map(|file| file.path.clone())
            .chain(
                rendered
                    .directories
                    .iter()
                    .map(|folder| folder.path.clone()),
            )
            .collect();
        if let Some(baseline) = baseline {
            all.extend(baseline.files.keys().cloned());
            all.extend(baseline.folders.keys().cloned());
        }
        let above: Vec<_> = all.iter().flat_map(|path| folders_above(path)).collect();
        all.extend(above);
        // the folder above it is made by whoever takes the lock, and says nothing of the machine
        all.insert(Baseline::path(paths));
        all
    }

    /// What is at a path.
    pub fn content(&self, path: &str) -> &Content {
        self.found
            .get(path)
            .map_or(&Content::Absent, |found| &found.content)
    }

    /// The text of the file at a path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.found.get(path)?.text.as_deref()
    }

    /// What a unit is; one that is not known does not run.
    pub fn unit(&self, name: &str) -> UnitState {
        self.units.get(name).copied().unwrap_or_default()
    }
}

impl Found {
    /// A file of these bytes.
    pub fn file(bytes: Vec<u8>, mode: u32, owner: Ownership) -> Self {
        Self {
            content: Content::file(&bytes, mode, owner),
            text: String::from_utf8(bytes).ok(),
        }
    }

    /// What is no file.
    pub fn other(content: Content) -> Self {
        Self {
            content,
            text: None,
        }
    }
}

/// The folders above a path, the root left out, outermost first.
pub(super) fn folders_above(path: &str) -> Vec<String> {
    let slashes = path.match_indices('/').map(|(at, _)| at).skip(1);
    slashes.map(|at| path[..at].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_above_a_path_are_those_that_may_be_missing() {
        assert_eq!(folders_above("/etc/nginx/x.conf"), ["/etc", "/etc/nginx"]);
        assert!(folders_above("/x").is_empty());
    }
}
