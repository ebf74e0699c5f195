//! One command a file: plain values in, an exit code out.

mod bench;
mod conformance;
mod demo;
mod fuzz;
mod package;
mod soak;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::repository::Repository;

pub(crate) use tools::environment;

/// Runs the command that the command line names.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let repository = Repository::find()?;
    match cli.command {
        Command::Demo(arguments) => demo::run(&repository, &arguments),
        Command::Test(arguments) => test::run(&repository, &arguments.suites),
        Command::Conformance(arguments) => conformance::run(&repository, &arguments),
        Command::Bench(arguments) => bench::run(&repository, &arguments),
        Command::Soak(arguments) => soak::run(&repository, &arguments),
        Command::Fuzz(arguments) => fuzz::run(&repository, &arguments),
        Command::Package => package::run(&repository),
        Command::Tidy => tidy::run(&repository),
        Command::Tools(arguments) => tools::run(&repository, &arguments),
    }
}
