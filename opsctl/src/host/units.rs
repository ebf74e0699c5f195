//! The service manager: what units are, and telling them what to do.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use findings::Finding;
use tokio::process::Command;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;

/// Who runs the services of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// systemd, through `systemctl` and `journalctl`.
    Systemd,
}

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

impl Manager {
    /// The manager of this machine.
    ///
    /// # Errors
    /// Exit 17 where there is none that we know.
    pub(crate) fn of_machine() -> Result<Self, CommandError> {
        // sd_booted(3): the folder is there when systemd is the service manager
        if Path::new("/run/systemd/system").is_dir() {
            return Ok(Self::Systemd);
        }
        let finding = Finding::error("host.services", "systemd does not run this machine")
            .hint("`opsctl up` runs the whole deployment in the foreground");
        Err(CommandError::finding(Exit::Prerequisite, finding))
    }

    /// What units are, in their order; one that is not there has `not-found` as its load.
    pub(crate) async fn show(self, units: &[String]) -> Result<Vec<Unit>, HostError> {
        let mut words = vec!["show", "--timestamp=unix", PROPERTIES, "--"];
        words.extend(units.iter().map(String::as_str));
        let Self::Systemd = self;
        let said = run("systemctl", &words).await?;
        Ok(said.split("\n\n").map(unit_of).collect())
    }

    /// Does one thing to units, as `restart`, and waits until it is done.
    pub(crate) async fn tell(self, verb: &str, units: &[String]) -> Result<(), HostError> {
        let mut words = vec![verb, "--"];
        words.extend(units.iter().map(String::as_str));
        let Self::Systemd = self;
        run("systemctl", &words).await.map(drop)
    }
}

/// Runs a program to its end and returns its standard output; what it said on standard error is the cause of a failure.
pub(crate) async fn run(program: &str, words: &[&str]) -> Result<String, HostError> {
    let name = format!("{program} {}", words.join(" "));
    tracing::debug!(command = name, "run");
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output())
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
        .and_then(|output| output)
        .map_err(HostError::on("run", &name))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let cause = if said.is_empty() {
        output.status.to_string()
    } else {
        said
    };
    Err(HostError::on("run", &name)(std::io::Error::other(cause)))
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
/// Longer than any stop timeout that is worth waiting for: a restart waits for it.
const PATIENCE: Duration = Duration::from_mins(5);

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

    #[tokio::test]
    async fn what_a_program_said_is_the_cause_of_its_failure() {
        let error = run("sh", &["-c", "echo no such unit >&2; exit 5"])
            .await
            .expect_err("it fails");
        assert_eq!(error.source.to_string(), "no such unit");
    }
}
