//! A change of the machine as a value: the plan, and what it is for. To take it back is the same with the arrow turned.

#[cfg(test)]
mod crash_tests;
mod files;
mod journal;
mod run;
mod units;

pub(crate) use files::MoveError;
pub(crate) use journal::{Journal, Outcome, Record, Unfinished};
pub(crate) use run::{Cause, End, Failed, Machine, Recovered};

use deploy::plan::Plan;
use serde::{Deserialize, Serialize};

/// A whole change of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    /// The generation that it makes.
    pub(crate) generation: u64,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// Who started it.
    pub(crate) who: String,
    /// When, in seconds of the UNIX epoch.
    pub(crate) time: u64,
    /// The steps. The journal has them without their texts, which are kept beside it.
    pub(crate) plan: Plan,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// To install what the spec says.
    Apply,
    /// To go back to this generation.
    Rollback(u64),
    /// To take everything out.
    Uninstall,
    /// To put a renewed certificate into its place: no generation comes of it.
    Certificate,
}
