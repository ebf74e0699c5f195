//! The manual pages, from the same words as `--help`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use origin::cli::{Cli, Exit};

/// Writes origin's page to standard output, or all pages into a folder.
pub(crate) fn run(out: Option<&Path>) -> Exit {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let written = match out {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| write(&root, folder)),
        None => page(root, &mut io::stdout()),
    };
    match written {
        // a reader that closed the pipe has seen what it wanted
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            crate::fail(Exit::Internal, &error)
        }
        _ => Exit::Done,
    }
}

/// A command's page and those of the commands below it: `origin.1`, `origin-check.1`.
fn write(command: &Command, folder: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let mut file = File::create(folder.join(format!("{name}.1")))?;
    page(command.clone(), &mut file)?;
    command
        .get_subcommands()
        .try_for_each(|below| write(below, folder))
}

fn page(command: Command, to: &mut impl Write) -> io::Result<()> {
    Man::new(command).render(to)
}
