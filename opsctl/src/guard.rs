//! A generation that is taken back unless somebody confirms it: a timer of systemd waits, whatever becomes of the terminal.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::ground::Ground;
use crate::host;
use crate::host::disk::{Disk as _, Real, replace};
use crate::host::files::NewFile;
use crate::host::services::{self, Services};

/// A generation that waits to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unconfirmed {
    /// The generation.
    pub(crate) generation: u64,
    /// When it is taken back, in seconds of the UNIX epoch.
    pub(crate) until: u64,
}

/// The generation that waits, if one does.
pub(crate) fn waiting(ground: &Ground) -> Option<Unconfirmed> {
    let bytes = std::fs::read(ground.state.unconfirmed()).ok()?;
    let waiting: Unconfirmed = serde_json::from_slice(&bytes).ok()?;
    // one that was taken back before it was committed waits no more
    (waiting.generation == ground.generations().newest()).then_some(waiting)
}

/// Nothing else is done while a generation waits.
///
/// # Errors
/// Exit 15 names it.
pub(crate) fn check(ground: &Ground) -> Result<(), CommandError> {
    let Some(waiting) = waiting(ground) else {
        return Ok(());
    };
    let message = format!("generation {} waits to be confirmed", waiting.generation);
    let finding = findings::Finding::error("apply.unconfirmed", message)
        .hint("`opsctl confirm` keeps it, `opsctl rollback` takes it back");
    Err(CommandError::finding(Exit::Locked, finding))
}

/// Lets a timer take a generation back.
pub(crate) async fn set(
    ground: &Ground,
    generation: u64,
    within: Duration,
) -> Result<(), HostError> {
    let unconfirmed = Unconfirmed {
        generation,
        until: host::since_epoch().as_secs() + within.as_secs(),
    };
    let contents = serde_json::to_vec(&unconfirmed).unwrap_or_default();
    replace(
        &Real,
        NewFile {
            path: &ground.state.unconfirmed(),
            contents: &contents,
            mode: 0o600,
            owner: (None, None),
        },
    )?;
    let own = std::env::current_exe().map_err(HostError::on("find", "opsctl"))?;
    let words = [
        format!("--unit={}", unit(ground)),
        format!("--on-active={}s", within.as_secs()),
        "--timer-property=AccuracySec=1s".to_owned(),
        "--collect".to_owned(),
        "--quiet".to_owned(),
        "--".to_owned(),
        own.display().to_string(),
        "rollback".to_owned(),
        format!("--name={}", ground.state.name()),
        format!("--unless-confirmed={generation}"),
        // nobody is there to try again when a short run, as one for a certificate, is in the way
        "--lock-wait=10m".to_owned(),
        "--yes".to_owned(),
    ];
    services::run(Path::new("systemd-run"), &words, PATIENCE)
        .await
        .map(|_| ())
}

/// Nothing waits any more, and no timer.
pub(crate) async fn lift(ground: &Ground) -> Result<(), HostError> {
    let path = ground.state.unconfirmed();
    if !path.exists() {
        return Ok(());
    }
    Real.remove_file(&path)?;
    if let Services::Systemctl(_) = &ground.services {
        let timer = format!("{}.timer", unit(ground));
        let shown = ground.services.show(std::slice::from_ref(&timer)).await?;
        if shown.iter().any(|timer| timer.state().active) {
            ground.services.tell("stop", &[timer]).await?;
        }
    }
    Ok(())
}

fn unit(ground: &Ground) -> String {
    format!("opsctl-revert-{}", ground.state.name())
}

/// A word with systemd over its socket.
const PATIENCE: Duration = Duration::from_secs(30);
