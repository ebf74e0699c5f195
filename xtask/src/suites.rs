//! The suites of `cargo xtask test`: what each runs, and how it counts.

mod cargo;
mod conformance;
mod deny;
mod machine;
mod summary;

use std::process::Command;

use crate::cache::Cache;
use crate::cli::Suite;
use crate::commands;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{process, tidy};

pub(crate) use cargo::programs;
use machine::Tests;
pub(crate) use summary::Counts;

/// What came of a suite.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) passed: bool,
    pub(crate) counts: Counts,
    /// What the line of the suite says beside the counts: each thing skipped, by name.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(passed: bool, counts: Counts) -> Self {
        Self {
            passed,
            counts,
            notes: Vec::new(),
        }
    }

    pub(crate) fn failed(counts: Counts) -> Self {
        Self::new(false, counts)
    }

    /// A suite that is one check.
    pub(crate) fn single(passed: bool) -> Self {
        Self::new(
            passed,
            if passed {
                Counts::PASSED
            } else {
                Counts::FAILED
            },
        )
    }
}

/// Runs one suite; an error means that it could not be run.
pub(crate) fn run(
    repository: &Repository,
    cache: &Cache,
    suite: Suite,
) -> Result<Outcome, Failure> {
    match suite {
        Suite::Fmt => cargo::fmt(repository),
        Suite::Tidy => tidy(repository),
        Suite::Clippy => cargo::clippy(repository),
        Suite::Unit => cargo::unit(repository, cache),
        Suite::Goldens => cargo::goldens(repository, cache),
        Suite::Doc => cargo::doc_tests(repository),
        Suite::Docs => cargo::documentation(repository),
        Suite::Deny => deny::run(repository, cache),
        Suite::Conformance => conformance::run(repository, cache),
        Suite::E2e => {
            cargo::end_to_end(repository, cache, commands::environment(repository, cache)?)
        }
        Suite::Machine => machine::run(repository, cache, Tests::Suite),
        Suite::Demo => demo(repository),
    }
}

/// The tests on a whole machine that take too long for the suite.
pub(crate) fn long_machine(repository: &Repository, cache: &Cache) -> Result<Outcome, Failure> {
    machine::run(repository, cache, Tests::Long)
}

/// The demo in a process of its own: it becomes `opsctl`.
fn demo(repository: &Repository) -> Result<Outcome, Failure> {
    let mut command = Command::new("cargo");
    repository.enter(&mut command);
    command.args(["xtask", "demo", "--once"]);
    Ok(Outcome::single(process::status(&mut command)?.success()))
}

/// Each house rule counts as one test.
fn tidy(repository: &Repository) -> Result<Outcome, Failure> {
    let report = tidy::check(repository.root())?;
    report.show();
    let counts = Counts {
        passed: report.kept(),
        failed: report.broken(),
        skipped: 0,
    };
    Ok(Outcome::new(report.broken() == 0, counts))
}
