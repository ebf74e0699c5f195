//! `opsctl confirm`: a generation that waits is kept.

use std::path::Path;
use std::time::Duration;

use findings::Finding;
use serde_json::json;

use super::{named, output};
use crate::cli::{Format, Named};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::guard;
use crate::lock::Lock;
use crate::steps::audit;
use crate::ui::Ui;

/// Keeps it.
///
/// # Errors
/// Exit 2 where none waits: it was taken back already, or nothing was to be confirmed.
pub(crate) async fn run(arguments: &Named, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let name = named::find(arguments, spec)?;
    let ground = Ground::of(arguments.root.as_deref(), &name)?;
    let nothing = || {
        let message = format!("no generation of {name} waits to be confirmed");
        let finding = Finding::error("confirm.nothing", message);
        CommandError::finding(
            Exit::Usage,
            finding.hint("`opsctl history` shows what became of it"),
        )
    };
    if guard::waiting(&ground).is_none() {
        return Err(nothing());
    }
    let _lock = Lock::take(&ground.state.lock(), "confirm", WAIT).await?;
    let waiting = guard::waiting(&ground).ok_or_else(nothing)?;
    guard::lift(&ground).await?;
    let number = waiting.generation;
    if let Err(error) = audit(&ground, "confirm", Some(number), Exit::Done) {
        ui.say(Finding::warn("apply.audit", error.to_string()));
    }
    output(match ui.format() {
        Format::Json => ui.json(&json!({
            "ok": true, "outcome": "confirmed", "deployment": name.as_str(), "generation": number,
        })),
        Format::Human => ui.data(format_args!("generation {number} of {name} stays\n")),
    })?;
    Ok(Exit::Done)
}

/// Whoever holds the lock may be the one that takes it back: that is worth waiting for.
const WAIT: Duration = Duration::from_mins(1);
