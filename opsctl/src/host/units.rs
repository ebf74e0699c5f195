//! What the service manager says of units, for people.

use std::time::Duration;

use super::services::{Services, run};
use crate::error::HostError;

/// What the manager says of a unit, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    /// `codeintel-origin.service`
    pub(crate) name: String,
    /// `loaded`, `not-found`, `masked`, …
    pub(crate) load: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub(crate) active: String,
    /// `running`, `listening`, `dead`, …
    pub(crate) sub: String,
    /// `enabled`, `disabled`, …; empty where there is no unit file
    pub(crate) boot: String,
    /// The main process.
    pub(crate) pid: Option<u32>,
    /// How often it was restarted by itself; a socket has no such number.
    pub(crate) restarts: Option<u32>,
    /// Since when it is active, in seconds of the UNIX epoch.
    pub(crate) since: Option<i64>,
    /// The memory of all its processes, in bytes.
    pub(crate) memory: Option<u64>,
    /// `success`, or how it ended: `exit-code`, `signal`, `watchdog`, …
    pub(crate) result: String,
    /// Its file has changed and has not been read again.
    pub(crate) changed: bool,
}

impl Unit {
    /// Whether it does what it is for.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }
}

/// What units are, in their order; one that is not there has `not-found` as its load.
pub(crate) async fn show(services: &Services, units: &[String]) -> Result<Vec<Unit>, HostError> {
    let mut words = vec!["show", "--timestamp=unix", PROPERTIES, "--"];
    words.extend(units.iter().map(String::as_str));
    let Services::Systemctl(program) = services else {
        return Ok(Vec::new());
    };
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    let said = run(program, &words, PATIENCE).await?;
    Ok(said.split("\n\n").map(unit_of).collect())
}

fn unit_of(block: &str) -> Unit {
    let value = |key: &str| {
        let mut lines = block.lines();
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
    };
    let text = |key| value(key).unwrap_or_default().to_owned();
    Unit {
        name: text("Id"),
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        boot: text("UnitFileState"),
        pid: number(value("MainPID")).filter(|pid| *pid != 0),
        restarts: number(value("NRestarts")),
        since: number(value("ActiveEnterTimestamp").and_then(|time| time.strip_prefix('@'))),
        // `[not set]`, and 2^64 - 1 where it is not accounted
        memory: number(value("MemoryCurrent")).filter(|bytes| *bytes != u64::MAX),
        result: text("Result"),
        changed: value("NeedDaemonReload") == Some("yes"),
    }
}

fn number<N: std::str::FromStr>(value: Option<&str>) -> Option<N> {
    value?.parse().ok()
}

const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,\
ActiveEnterTimestamp,MemoryCurrent,Result,NeedDaemonReload";
/// The manager answers at once, where it answers at all.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_shows_is_read() {
        let unit = unit_of(
            "MainPID=1262\nNRestarts=2\nResult=success\nMemoryCurrent=2097152\nId=a-origin.service\nLoadState=loaded\n\
             ActiveState=active\nSubState=running\nUnitFileState=enabled\nActiveEnterTimestamp=@1700000000\n\
             NeedDaemonReload=yes\n",
        );
        assert!(unit.is_up() && unit.changed);
        assert_eq!((unit.pid, unit.restarts), (Some(1262), Some(2)));
        assert_eq!(
            (unit.since, unit.memory),
            (Some(1_700_000_000), Some(2 << 20))
        );
        let unit = unit_of(
            "MainPID=0\nMemoryCurrent=[not set]\nId=b.service\nLoadState=not-found\nActiveState=inactive\n",
        );
        assert!(!unit.is_up());
        assert_eq!((unit.pid, unit.memory, unit.since), (None, None, None));
    }
}
