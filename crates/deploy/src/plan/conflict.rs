//! What a plan cannot decide: both sides are shown, and nothing is touched.

use std::fmt;

use findings::{Finding, Report};
use serde::Serialize;

use crate::merge::Clash;

/// A path that a person has to decide about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The path.
    pub path: String,
    /// What is wrong.
    pub kind: ConflictKind,
}

/// What a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum ConflictKind {
    /// A hand and the rendering changed the same lines.
    BothChanged {
        /// The places.
        clashes: Vec<Clash>,
    },
    /// There is a file that opsctl never installed, or of which it does not know what it installed.
    Foreign,
    /// There is no file where one has to be, or no folder.
    InTheWay {
        /// What there is, with an article.
        found: String,
        /// What has to be there, with an article.
        wanted: String,
    },
    /// It is to be replaced or merged, and is no text in UTF-8.
    NotText,
}

/// All that a person has to decide about, by path; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// One finding a conflict, with the command that resolves it.
    pub fn report(&self) -> Report {
        let mut report = Report::new();
        for conflict in &self.0 {
            report.push(conflict.finding());
        }
        report
    }
}

impl Conflict {
    /// What a person is told, with the command that resolves it.
    pub fn finding(&self) -> Finding {
        let path = &self.path;
        let (id, message, hint) = match &self.kind {
            ConflictKind::BothChanged { clashes } => (
                "hand.conflict",
                format!(
                    "a hand edit and the new rendering change the same lines, in {} place{}",
                    clashes.len(),
                    if clashes.len() == 1 { "" } else { "s" }
                ),
                format!(
                    "`opsctl diff` shows both; edit the file until it is as you want it and say `opsctl adopt {path}`, or take the rendering with `opsctl adopt --replace {path}`"
                ),
            ),
            ConflictKind::Foreign => (
                "hand.foreign",
                "there is a file that opsctl did not install, and it is not what is rendered"
                    .to_owned(),
                format!(
                    "`opsctl adopt {path}` keeps its text as a hand edit, `opsctl adopt --replace {path}` takes the rendering"
                ),
            ),
            ConflictKind::InTheWay { found, wanted } => (
                "hand.in-the-way",
                format!("there is {found} where {wanted} has to be"),
                format!("move {path} away"),
            ),
            ConflictKind::NotText => (
                "hand.not-text",
                "it was edited by hand and is not UTF-8, so that nothing can be merged into it"
                    .to_owned(),
                format!("write {path} in UTF-8, or move it away"),
            ),
        };
        let line = match &self.kind {
            ConflictKind::BothChanged { clashes } => clashes.first().map(|clash| clash.line),
            _ => None,
        };
        Finding {
            file: Some(path.clone()),
            line,
            ..Finding::error(id, message).hint(hint)
        }
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<_> = self
            .0
            .iter()
            .map(|conflict| format!("`{}`", conflict.path))
            .collect();
        write!(
            f,
            "hand edits conflict with the rendering in {}",
            paths.join(", ")
        )
    }
}

impl std::error::Error for Conflicts {}
