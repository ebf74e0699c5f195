//! Which deployment of a machine a command is about.

use std::path::{Path, PathBuf};

use deploy::words::Name;
use findings::Finding;

use crate::cli::Named;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::spec::SpecFile;
use crate::state::State;

/// The deployment that is named, else the spec's, else the only one that the machine has. What is wrong with the rest of
/// the spec is of no interest here: to go back from a broken spec is what it may be for.
///
/// # Errors
/// Exit 2 where there is none, or more than one.
pub(super) fn find(named: &Named, spec: &Path) -> Result<Name, CommandError> {
    if let Some(name) = &named.name {
        return Ok(name.clone());
    }
    if let Some(name) = SpecFile::read(spec).ok().and_then(|file| file.deployment()) {
        return Ok(name);
    }
    let root = named.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let names = State::names(&root);
    if let [name] = names.as_slice() {
        return Ok(name.clone());
    }
    let message = match names.as_slice() {
        [] => "nothing is installed here".to_owned(),
        names => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "there is more than one deployment here: {}",
                names.join(", ")
            )
        }
    };
    let hint = "`--name NAME` says which, or `--spec FILE`";
    Err(CommandError::finding(
        Exit::Usage,
        Finding::error("state.name", message).hint(hint),
    ))
}

/// What is to be taken back or out is something that opsctl remembers.
///
/// # Errors
/// Exit 2 where it remembers nothing.
pub(super) fn check_installed(ground: &Ground) -> Result<(), CommandError> {
    if !ground.generations().numbers().is_empty() {
        return Ok(());
    }
    let name = ground.state.name();
    let finding = Finding::error("state.name", format!("{name} is not installed here"));
    let hint = format!(
        "if it was, and `{}` was lost: `opsctl apply` takes over the files that are as the spec renders them",
        ground.state.path()
    );
    Err(CommandError::finding(Exit::Usage, finding.hint(hint)))
}
