//! One line of JSON for each thing that was done to a deployment, by whom and with what end.

use serde_json::json;

use crate::exit::Exit;
use crate::ground::Ground;
use crate::host;
use crate::host::disk::{Disk as _, Real};

/// Adds a line to the audit log. That it cannot be written undoes nothing, and is told by the caller.
pub(crate) fn audit(
    ground: &Ground,
    what: &str,
    generation: Option<u64>,
    exit: Exit,
) -> Result<(), crate::error::HostError> {
    let line = json!({
        "time": timestamp(host::since_epoch().as_secs()),
        "who": host::person(),
        "pid": std::process::id(),
        "what": what,
        "generation": generation,
        "exit": exit.code(),
        "outcome": exit.meaning(),
        "opsctl": env!("CARGO_PKG_VERSION"),
    });
    Real.append(&ground.state.audit(), &format!("{line}\n"))
}

/// Seconds of the UNIX epoch as RFC 3339 has them, in UTC.
pub(crate) fn timestamp(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "unknown".to_owned(), |time| time.to_string())
}
