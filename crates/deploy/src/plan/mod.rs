//! From a rendering and a machine to the steps that make the machine what the rendering says.
//!
//! ```text
//! Inventory + Rendered ─plan→ Plan   or   Conflicts, before anything is touched
//! ```
//!
//! What a hand did is respected: a file that a hand edited is kept where the rendering has not changed, merged where it
//! has, and a conflict where both changed the same lines. What a hand deleted stays deleted. What was never opsctl's is
//! not touched. The table is that of dpkg's and ucf's configuration files, which operators know.

mod baseline;
mod conflict;
mod content;
mod decide;
mod head;
mod inventory;
mod note;
mod order;
mod origins;
mod planner;
mod secrets;
mod stale;
mod step;
mod told;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use baseline::{BaseFile, BaseFolder, Baseline, BaselineError};
pub use conflict::{Conflict, ConflictKind, Conflicts};
pub use content::{Accounts, Content, Ownership, digest};
pub use decide::set_aside_path;
pub use head::is_same;
pub use inventory::{Found, Inventory, Running, RunningOrigin, UnitState};
pub use note::{Note, NoteKind};
pub use planner::{Goal, Options, plan};
pub use secrets::without_secrets;
pub use stale::Moved;
pub use step::{Change, Issue, Step, Verb, Why};
pub use units::unit_of;

use crate::words::{GenerationId, Name};

/// What an apply will do, exactly: named steps in their order, with no choice left. It can be shown, saved and carried out
/// later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`Plan::FORMAT`].
    pub format: u32,
    /// The version of opsctl that made it.
    pub opsctl: String,
    /// The deployment.
    pub deployment: Name,
    /// The generation that it leads to; none where it takes the deployment away.
    pub generation: Option<GenerationId>,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// What is left as it is, and why: for people.
    pub notes: Vec<Note>,
    /// The texts of the files that are written, by digest. They may hold secrets, so that no plan that is shown or saved has
    /// them: who carries a saved one out makes it again, and compares.
    #[serde(default, skip_serializing)]
    pub texts: BTreeMap<String, String>,
    /// What was found at every path that was looked at: the plan holds for this machine only.
    pub expects: BTreeMap<String, Content>,
    /// The version of NGINX that it was made for.
    pub nginx: Option<String>,
}

impl Plan {
    /// The number of this format.
    pub const FORMAT: u32 = 1;

    /// A plan that does nothing, for a deployment that is installed.
    pub fn of_nothing(deployment: &Name) -> Self {
        Self {
            format: Self::FORMAT,
            opsctl: env!("CARGO_PKG_VERSION").to_owned(),
            deployment: deployment.clone(),
            generation: None,
            steps: Vec::new(),
            notes: Vec::new(),
            texts: BTreeMap::new(),
            expects: BTreeMap::new(),
            nginx: None,
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The paths that change, in their order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().filter_map(|step| match step {
            Step::Change(change) => Some(change),
            _ => None,
        })
    }

    /// Whether another plan changes the same paths in the same way, but for certificates that are made anew each time, and ends
    /// the streams of no unit that this one lets go on.
    pub fn is_like(&self, other: &Self) -> bool {
        let told = |plan: &Self, verbs: &[Verb]| -> BTreeSet<String> {
            let told = plan.services().filter(|(verb, _)| verbs.contains(verb));
            told.map(|(_, unit)| unit.to_owned()).collect()
        };
        if !told(other, &[Verb::Restart]).is_subset(&told(self, &[Verb::Restart, Verb::Start])) {
            return false;
        }
        let is_made = |why| matches!(why, Why::Certificate | Why::Placeholder);
        let (mut one, mut two) = (self.changes(), other.changes());
        loop {
            match (one.next(), two.next()) {
                (None, None) => return true,
                (Some(one), Some(two)) if one == two => {}
                (Some(one), Some(two))
                    if is_made(one.why) && (&one.path, one.why) == (&two.path, two.why) => {}
                _ => return false,
            }
        }
    }

    /// The units that something is done to, in the order of the steps, each with what is done.
    pub fn services(&self) -> impl Iterator<Item = (Verb, &str)> {
        self.steps.iter().flat_map(|step| match step {
            Step::Units { verb, units, .. } => units
                .iter()
                .map(|unit| (*verb, unit.as_str()))
                .collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    }

    /// The steps that take back the first `done` ones: what was started is stopped, the files go back, last first, and
    /// what reads them reads them again.
    pub fn undo(&self, done: usize) -> Vec<Step> {
        order::undo(&self.steps[..done.min(self.steps.len())])
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
