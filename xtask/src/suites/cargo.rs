//! The suites that cargo and nextest run.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use super::machine::Tests;
use super::{Counts, Outcome, summary};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;
use crate::tools::nextest;

/// The end-to-end tests, which need tools that the others do not.
const E2E: &str = "e2e";
/// The tests on a whole machine, which need root.
const MACHINE: &str = "machine";

pub(crate) fn fmt(repository: &Repository) -> Result<Outcome, Failure> {
    one(repository.cargo().args(["fmt", "--all", "--check"]))
}

pub(crate) fn clippy(repository: &Repository) -> Result<Outcome, Failure> {
    let mut command = repository.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--locked"]);
    one(command.args(["--", "-D", "warnings"]))
}

pub(crate) fn documentation(repository: &Repository) -> Result<Outcome, Failure> {
    let mut command = repository.cargo();
    command.args(["doc", "--workspace", "--no-deps", "--locked"]);
    one(command.env("RUSTDOCFLAGS", "-D warnings"))
}

pub(crate) fn doc_tests(repository: &Repository) -> Result<Outcome, Failure> {
    let mut command = repository.cargo();
    let (status, text) =
        process::watched(command.args(["test", "--quiet", "--workspace", "--doc", "--locked"]))?;
    let mut outcome = counted(status.success(), summary::libtest(&text));
    if outcome.passed && outcome.counts == Counts::default() {
        outcome
            .notes
            .push("(no page has an example that runs)".to_owned());
    }
    Ok(outcome)
}

pub(crate) fn unit(repository: &Repository, cache: &Cache) -> Result<Outcome, Failure> {
    let mut command = nextest(repository, cache)?;
    run(command.args(["--workspace", "--exclude", E2E, "--exclude", MACHINE]))
}

pub(crate) fn goldens(repository: &Repository, cache: &Cache) -> Result<Outcome, Failure> {
    let mut command = nextest(repository, cache)?;
    run(command.args([
        "--package",
        "deploy",
        "--package",
        "wrappers",
        "-E",
        "test(/golden|reference/)",
    ]))
}

pub(crate) fn end_to_end(
    repository: &Repository,
    cache: &Cache,
    environment: Vec<(&'static str, PathBuf)>,
) -> Result<Outcome, Failure> {
    if !programs(repository)? {
        return Ok(Outcome::single(false));
    }
    let mut command = nextest(repository, cache)?;
    run(command.args(["--package", E2E]).envs(environment))
}

pub(crate) fn machine(
    repository: &Repository,
    cache: &Cache,
    environment: Vec<(&'static str, PathBuf)>,
    tests: Tests,
) -> Result<Outcome, Failure> {
    let mut command = match tests {
        Tests::Suite => nextest(repository, cache)?,
        Tests::Long => {
            let mut command = runner(repository, cache)?;
            command.args(["--profile", "long", "--run-ignored", "only"]);
            command
        }
    };
    run(command.args(["--package", MACHINE]).envs(environment))
}

/// Builds all programs: the tests start origin, opsctl and servers made for tests.
pub(crate) fn programs(repository: &Repository) -> Result<bool, Failure> {
    let mut build = repository.cargo();
    build.args(["build", "--workspace", "--bins", "--locked"]);
    Ok(process::status(&mut build)?.success())
}

fn nextest(repository: &Repository, cache: &Cache) -> Result<Command, Failure> {
    let mut command = runner(repository, cache)?;
    if env::var_os("CI").is_some() {
        command.args(["--profile", "ci"]);
    }
    Ok(command)
}

fn runner(repository: &Repository, cache: &Cache) -> Result<Command, Failure> {
    let mut command = Command::new(nextest::ensure(repository, cache)?);
    repository.enter(&mut command);
    command.args(["nextest", "run", "--locked"]);
    Ok(command)
}

fn run(command: &mut Command) -> Result<Outcome, Failure> {
    let (status, text) = process::watched(command)?;
    Ok(counted(status.success(), summary::nextest(&text)))
}

/// A runner that says that all is well and names no count is not believed.
fn counted(success: bool, counts: Option<Counts>) -> Outcome {
    match counts {
        Some(counts) if success => Outcome::new(counts.failed == 0, counts),
        Some(counts) if counts.failed > 0 => Outcome::failed(counts),
        Some(counts) => Outcome::failed(counts + Counts::FAILED),
        None => Outcome::failed(Counts::FAILED),
    }
}

fn one(command: &mut Command) -> Result<Outcome, Failure> {
    Ok(Outcome::single(process::status(command)?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_ends_well_without_a_count_has_failed() {
        assert!(!counted(true, None).passed);
    }

    #[test]
    fn a_run_that_ends_badly_with_no_failed_test_counts_one() {
        let passed = Counts {
            passed: 4,
            ..Counts::default()
        };
        let outcome = counted(false, Some(passed));
        assert!(!outcome.passed);
        assert_eq!(outcome.counts.failed, 1);
    }
}
