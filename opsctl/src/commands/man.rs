//! `opsctl man`: the manual pages, from the same words as `--help`.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::output;
use crate::cli::{self, Cli};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files;
use crate::ui::Ui;

/// Writes opsctl's page to standard output, or all pages into a folder.
pub(crate) fn run(arguments: &cli::Man, ui: &mut Ui) -> Result<Exit, CommandError> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let Some(folder) = &arguments.out else {
        output(ui.data(page(&root)?))?;
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).map_err(HostError::on("make", folder.display()))?;
    write(&root, folder)?;
    Ok(Exit::Done)
}

/// A command's page and those of the commands below it: `opsctl.1`, `opsctl-render.1`.
fn write(command: &Command, folder: &Path) -> Result<(), CommandError> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    files::replace(files::NewFile {
        path: &folder.join(format!("{name}.1")),
        contents: page(command)?.as_bytes(),
        mode: 0o644,
        owner: (None, None),
    })?;
    command
        .get_subcommands()
        .try_for_each(|below| write(below, folder))
}

fn page(command: &Command) -> Result<String, CommandError> {
    let mut text = Vec::new();
    Man::new(command.clone())
        .render(&mut text)
        .map_err(HostError::on("write", "a manual page"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut root = Cli::command().disable_help_subcommand(true);
        root.build();
        write(&root, folder.path()).expect("pages");
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let page = std::fs::read_to_string(folder.path().join(format!("opsctl-{name}.1")));
            let page = page.expect("a page");
            assert!(page.contains(&format!("opsctl\\-{name}")), "{name}: {page}");
        }
    }
}
