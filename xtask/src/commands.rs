//! One command a file: plain values in, an exit code out.

mod tools;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::repository::Repository;

/// Runs the command that the command line names.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let repository = Repository::find()?;
    match cli.command {
        Command::Tools(arguments) => tools::run(&repository, &arguments),
        _ => Err(Failure::new("not written yet")),
    }
}
