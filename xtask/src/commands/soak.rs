//! `cargo xtask soak`: the long versions of tests that the suites run a few rounds of.

use std::process::ExitCode;

use clap::ValueEnum as _;

use crate::cache::Cache;
use crate::cli::{Soak, SoakName};
use crate::failure::Failure;
use crate::repository::Repository;
use crate::tools::h3i;
use crate::{process, suites, talk};

/// Runs those named, or all.
pub(crate) fn run(repository: &Repository, arguments: &Soak) -> Result<ExitCode, Failure> {
    let names = match arguments.names.as_slice() {
        [] => SoakName::value_variants(),
        named => named,
    };
    let mut held = true;
    for name in names {
        held &= match name {
            SoakName::Gateway => gateway(repository, arguments.rounds)?,
            SoakName::Floods => floods(repository)?,
            SoakName::Machine => machine(repository)?,
            SoakName::Reload => held_streams(repository, "reload")?,
            SoakName::Restart => held_streams(repository, "restart")?,
            SoakName::H3i => malformed(repository)?,
        };
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tests of the suite that take too long for it.
fn machine(repository: &Repository) -> Result<bool, Failure> {
    talk::progress("== machine, its long tests");
    let outcome = suites::long_machine(repository, &Cache::open()?)?;
    talk::data(outcome.counts);
    Ok(outcome.passed)
}

/// The tests of the origin that take too long for the suite; they print what they cost.
fn floods(repository: &Repository) -> Result<bool, Failure> {
    talk::progress("== floods");
    let mut run = repository.cargo();
    run.args([
        "test", "--locked", "--quiet", "-p", "origin", "--test", "it",
    ]);
    run.args(["floods", "--", "--ignored", "--nocapture"]);
    Ok(process::status(&mut run)?.success())
}

/// The program that the test of the same name runs, built as for tests.
fn gateway(repository: &Repository, rounds: u32) -> Result<bool, Failure> {
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--quiet", "-p", "hostile", "--bins"]);
    if !process::status(&mut build)?.success() {
        return Err(
            Failure::new("the program does not build").or_try("cargo build -p hostile --bins")
        );
    }
    talk::progress(format_args!("== gateway, {rounds} rounds"));
    let mut run = std::process::Command::new(repository.programs()?.join("hostile-rounds"));
    Ok(process::status(run.arg(rounds.to_string()))?.success())
}

/// The cases of the origin's own tests, by a client that nobody here wrote.
fn malformed(repository: &Repository) -> Result<bool, Failure> {
    talk::progress("== h3i");
    let client = h3i::ensure(repository, &Cache::open()?)?;
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--quiet", "-p", "origin", "--bins"]);
    if !process::status(&mut build)?.success() {
        return Err(Failure::new("the origin does not build").or_try("cargo build -p origin"));
    }
    let mut run = std::process::Command::new(client);
    Ok(process::status(run.arg(repository.programs()?.join("origin")))?.success())
}

/// As many streams and rounds as the figures in docs/topology-b.md are for.
fn held_streams(repository: &Repository, name: &str) -> Result<bool, Failure> {
    let environment = super::environment(repository, &Cache::open()?)?;
    if !suites::programs(repository)? {
        return Err(Failure::new("the programs do not build").or_try("cargo build --workspace"));
    }
    talk::progress(format_args!("== {name}, 20 rounds, 100 streams"));
    let mut run = std::process::Command::new(repository.programs()?.join("held-streams"));
    run.args([name, "20", "100"]).envs(environment);
    Ok(process::status(&mut run)?.success())
}
