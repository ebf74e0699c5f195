//! What the service manager says of units.

use deploy::plan::UnitState;

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
    /// Reads one block of what `systemctl show` says with [`PROPERTIES`].
    pub(super) fn read(block: &str) -> Self {
        let value = |key: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        };
        let text = |key| value(key).unwrap_or_default().to_owned();
        Self {
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

    /// Whether it starts at boot, and whether it runs or is about to.
    pub(crate) fn state(&self) -> UnitState {
        UnitState {
            enabled: self.boot.starts_with("enabled"),
            active: self.is_up() || self.active == "activating",
        }
    }

    /// Whether it does what it is for.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading")
    }
}

fn number<N: std::str::FromStr>(value: Option<&str>) -> Option<N> {
    value?.parse().ok()
}

/// What to ask for.
pub(super) const PROPERTIES: &str = "--property=Id,LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,\
ActiveEnterTimestamp,MemoryCurrent,Result,NeedDaemonReload";
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_shows_is_read() {
        let unit = Unit::read(
            "MainPID=1262\nNRestarts=2\nResult=success\nMemoryCurrent=2097152\nId=a-origin.service\nLoadState=loaded\n\
             ActiveState=active\nSubState=running\nUnitFileState=enabled\nActiveEnterTimestamp=@1700000000\n\
             NeedDaemonReload=yes\n",
        );
        assert!(unit.is_up() && unit.changed);
        assert!(unit.state().enabled && unit.state().active);
        assert_eq!((unit.pid, unit.restarts), (Some(1262), Some(2)));
        assert_eq!(
            (unit.since, unit.memory),
            (Some(1_700_000_000), Some(2 << 20))
        );
        let unit = Unit::read(
            "MainPID=0\nMemoryCurrent=[not set]\nId=b.service\nLoadState=not-found\nActiveState=inactive\n",
        );
        assert!(!unit.is_up());
        assert_eq!(unit.state(), UnitState::default());
        assert_eq!((unit.pid, unit.memory, unit.since), (None, None, None));
    }
}
