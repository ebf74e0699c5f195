//! Licences, bans, sources and advisories of the dependencies, by cargo-deny.

use std::process::Command;

use super::{Counts, Outcome};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::tools::cargo_deny;
use crate::{process, talk};

/// What needs nothing from outside; each counts as one test.
const OFFLINE: [&str; 3] = ["bans", "licenses", "sources"];

/// A finding names its package; the tree of what leads to it is `cargo tree -i PACKAGE`.
const GRAPHS: &str = "--hide-inclusion-graph";

pub(crate) fn run(repository: &Repository, cache: &Cache) -> Result<Outcome, Failure> {
    let program = cargo_deny::ensure(repository, cache)?;
    let deny = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        repository.enter(&mut command);
        command
            .args(["--locked", "--color", "never"])
            .args(arguments);
        command
    };
    let mut counts = Counts::default();
    for check in OFFLINE {
        let passed = process::status(&mut deny(&["check", GRAPHS, check]))?.success();
        counts = counts
            + if passed {
                Counts::PASSED
            } else {
                Counts::FAILED
            };
    }
    let mut notes = Vec::new();
    let (fetched, why) = process::output(&mut deny(&["fetch", "db"]))?;
    if fetched.success() {
        let arguments = ["check", GRAPHS, "--disable-fetch", "advisories"];
        let passed = process::status(&mut deny(&arguments))?.success();
        counts = counts
            + if passed {
                Counts::PASSED
            } else {
                Counts::FAILED
            };
    } else {
        let reason = why
            .lines()
            .find(|line| line.contains("failed"))
            .unwrap_or("no answer");
        talk::progress(format_args!("advisories skipped: {reason}"));
        counts.skipped += 1;
        notes.push("(advisories skipped: their database cannot be reached)".to_owned());
    }
    Ok(Outcome {
        passed: counts.failed == 0,
        counts,
        notes,
    })
}
