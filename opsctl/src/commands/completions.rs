//! `opsctl completions`: a completion script for a shell.

use clap::CommandFactory as _;

use super::output;
use crate::cli::{Cli, Completions};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ui::Ui;

/// Writes the script to standard output.
pub(crate) fn run(arguments: &Completions, ui: &mut Ui) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "opsctl", &mut script);
    output(ui.data(String::from_utf8_lossy(&script)))?;
    Ok(Exit::Done)
}
