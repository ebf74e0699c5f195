//! `cargo xtask soak`: the long versions of tests that the suites run a few rounds of.

use std::process::ExitCode;

use clap::ValueEnum as _;

use crate::cli::{Soak, SoakName};
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{process, talk};

/// Runs those named, or all. Each prints one JSON object.
pub(crate) fn run(repository: &Repository, arguments: &Soak) -> Result<ExitCode, Failure> {
    let names = match arguments.names.as_slice() {
        [] => SoakName::value_variants(),
        named => named,
    };
    let mut held = true;
    for name in names {
        held &= match name {
            SoakName::Gateway => gateway(repository, arguments.rounds)?,
        };
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
