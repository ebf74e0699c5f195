//! launchd, through `launchctl`, or a program that takes the same words.
//!
//! What `launchctl print` says is for people and has no promise: only lines that have been the same since macOS 10.10 are read,
//! and what is not understood counts as not running.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deploy::{Launchd, LaunchdKind};
use tokio::process::Command;

use super::services::run;
use super::units::Unit;
use crate::error::HostError;

/// launchd, as one deployment uses it.
#[derive(Debug, Clone)]
pub(crate) struct Launchctl {
    /// The program.
    pub(crate) program: PathBuf,
    /// `[launchd]` of the spec.
    pub(crate) launchd: Launchd,
}

/// A service's file.
struct Plist(Option<String>);

impl Plist {
    fn of(path: &str) -> Self {
        Self(super::files::read_text(Path::new(path)).ok())
    }

    fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// It is started for connections, so waiting is what it is for.
    fn waits(&self) -> bool {
        self.0
            .as_deref()
            .is_some_and(|text| text.contains("<key>inetdCompatibility</key>"))
    }

    /// The string behind a key of the top level, as we write it.
    fn string(&self, key: &str) -> Option<&str> {
        let (_, rest) = self
            .0
            .as_deref()?
            .split_once(&format!("<key>{key}</key>"))?;
        let (text, _) = rest
            .trim_start()
            .strip_prefix("<string>")?
            .split_once("</string>")?;
        Some(text)
    }
}

impl Launchctl {
    /// What services are, in their order; one without a file has `not-found` as its load.
    pub(crate) async fn show(&self, labels: &[String]) -> Result<Vec<Unit>, HostError> {
        let disabled = self
            .ask(&["print-disabled".to_owned(), self.domain()])
            .await?;
        let disabled = disabled.unwrap_or_default();
        let mut units = Vec::new();
        for label in labels {
            let plist = Plist::of(&self.launchd.plist(label));
            let said = self.ask(&["print".to_owned(), self.target(label)]).await?;
            let mut unit = read(said.as_deref(), &plist);
            unit.name.clone_from(label);
            unit.boot = boot(&disabled, label, &plist);
            units.push(unit);
        }
        Ok(units)
    }

    /// Does one of `start`, `stop` and `restart` to some services, and waits for it.
    pub(crate) async fn tell(&self, verb: &str, labels: &[String]) -> Result<(), HostError> {
        for label in labels {
            let loaded = self.ask(&["print".to_owned(), self.target(label)]).await?;
            let path = self.launchd.plist(label);
            for words in self.words(verb, label, loaded.is_some(), Plist::of(&path).waits()) {
                run(&self.program, &words, PATIENCE).await?;
            }
        }
        self.settle(labels, verb != "stop").await
    }

    /// The command lines of one verb. A service that waits for connections is loaded and taken away, never started.
    fn words(&self, verb: &str, label: &str, loaded: bool, waits: bool) -> Vec<Vec<String>> {
        let target = self.target(label);
        let bootstrap = vec![
            "bootstrap".to_owned(),
            self.domain(),
            self.launchd.plist(label),
        ];
        let kickstart = vec!["kickstart".to_owned(), target.clone()];
        match (verb, loaded) {
            ("stop", true) => vec![vec!["bootout".to_owned(), target]],
            ("stop", false) => Vec::new(),
            (_, false) if waits => vec![bootstrap],
            (_, false) => vec![bootstrap, kickstart],
            (_, true) if waits => Vec::new(),
            ("restart", true) => vec![vec!["kickstart".to_owned(), "-k".to_owned(), target]],
            (_, true) => vec![kickstart],
        }
    }

    /// launchd does what it was told by and by.
    async fn settle(&self, labels: &[String], up: bool) -> Result<(), HostError> {
        let mut rounds = SETTLING.as_millis() / PAUSE.as_millis();
        while rounds > 0 {
            let units = self.show(labels).await?;
            if units.iter().all(|unit| unit.is_up() == up) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            rounds -= 1;
        }
        Ok(())
    }

    /// The files that services write to, in the order of the services.
    pub(crate) fn logs(&self, labels: &[String]) -> Vec<String> {
        let mut logs = Vec::new();
        for label in labels {
            let plist = Plist::of(&self.launchd.plist(label));
            for key in ["StandardOutPath", "StandardErrorPath"] {
                logs.extend(plist.string(key).map(str::to_owned));
            }
        }
        logs.dedup();
        logs
    }

    /// Where the services are: the machine's, or those of the person who is logged in.
    fn domain(&self) -> String {
        match self.launchd.kind {
            LaunchdKind::Daemon { .. } => "system".to_owned(),
            LaunchdKind::Agent { .. } => format!("gui/{}", rustix::process::getuid().as_raw()),
        }
    }

    fn target(&self, label: &str) -> String {
        format!("{}/{label}", self.domain())
    }

    /// What the program says, or nothing where it ends with a fault: a service that is not loaded is one.
    async fn ask(&self, words: &[String]) -> Result<Option<String>, HostError> {
        let mut command = Command::new(&self.program);
        command.args(words).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
            .and_then(|output| output)
            .map_err(HostError::on("run", self.program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(output.status.success().then_some(text))
    }
}

/// Reads what `launchctl print DOMAIN/LABEL` says of a loaded service.
fn read(said: Option<&str>, plist: &Plist) -> Unit {
    let Some(said) = said else {
        let (load, sub) = if plist.is_there() {
            ("loaded", "not loaded")
        } else {
            ("not-found", "dead")
        };
        return Unit {
            load: load.to_owned(),
            active: "inactive".to_owned(),
            sub: sub.to_owned(),
            ..Unit::default()
        };
    };
    let value = |key: &str| {
        // those of the service itself; tables below it are set in further
        let lines = said.lines().filter_map(|line| line.strip_prefix('\t'));
        let mut lines = lines.filter(|line| !line.starts_with(['\t', ' ']));
        lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
    };
    let state = value("state").unwrap_or("unknown");
    // `78: EX_CONFIG`, `(never exited)`
    let code = value("last exit code").and_then(|text| text.split(':').next()?.parse::<i32>().ok());
    let signal = value("last terminating signal");
    let result = match (code, signal) {
        (_, Some(signal)) => format!("signal {signal}"),
        (Some(code), None) if code != 0 => format!("exit code {code}"),
        _ => "success".to_owned(),
    };
    let active = match state {
        "running" => "active",
        "spawn scheduled" | "spawning" => "activating",
        _ if plist.waits() => "active",
        _ if result != "success" => "failed",
        _ => "inactive",
    };
    let waits = plist.waits() && state != "running";
    Unit {
        load: "loaded".to_owned(),
        active: active.to_owned(),
        sub: if waits { "listening" } else { state }.to_owned(),
        pid: value("pid").and_then(|pid| pid.parse().ok()),
        restarts: value("runs").and_then(|runs| runs.parse::<u32>().ok()?.checked_sub(1)),
        result,
        ..Unit::default()
    }
}

/// Whether a service is loaded when the machine starts or its person logs in.
fn boot(disabled: &str, label: &str, plist: &Plist) -> String {
    let quoted = format!("\"{label}\" => ");
    let mut lines = disabled.lines().map(str::trim);
    let word = lines.find_map(|line| line.strip_prefix(&quoted));
    match word {
        // `true` up to macOS 12
        Some("disabled" | "true") => "disabled",
        _ if plist.is_there() => "enabled",
        _ => "",
    }
    .to_owned()
}

/// A service that is told to end has its `ExitTimeOut`, which is the `graceful_timeout` and some seconds.
const PATIENCE: Duration = Duration::from_mins(3);
const SETTLING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn plist(waits: bool) -> Plist {
        let key = if waits {
            "inetdCompatibility"
        } else {
            "KeepAlive"
        };
        Plist(Some(format!(
            "<dict>\n\t<key>{key}</key>\n\t<key>StandardOutPath</key>\n\t<string>/l/o.log</string>\n</dict>"
        )))
    }

    fn state(sample: &str, waits: bool) -> (String, String, Unit) {
        let unit = read(Some(sample), &plist(waits));
        (unit.active.clone(), unit.sub.clone(), unit)
    }

    #[test]
    fn a_service_that_runs_has_its_process_and_its_starts() {
        let (active, sub, unit) = state(RUNNING, false);
        assert_eq!((active.as_str(), sub.as_str()), ("active", "running"));
        assert_eq!((unit.pid, unit.restarts), (Some(612), Some(2)));
        assert!(unit.is_up());
    }

    #[test]
    fn one_that_failed_says_how_and_one_that_waits_is_up() {
        let (active, _, unit) = state(FAILED, false);
        assert_eq!(
            (active.as_str(), unit.result.as_str()),
            ("failed", "exit code 78")
        );
        let (active, sub, unit) = state(WAITING, true);
        assert_eq!((active.as_str(), sub.as_str()), ("active", "listening"));
        assert!(unit.is_up() && unit.pid.is_none());
        assert_eq!(state(WAITING, false).0, "inactive");
        assert_eq!(state("garbage", false).0, "inactive");
    }

    #[test]
    fn what_is_not_loaded_is_told_from_what_is_not_there() {
        let unit = read(None, &plist(false));
        assert_eq!(
            (unit.load.as_str(), unit.sub.as_str()),
            ("loaded", "not loaded")
        );
        assert_eq!(read(None, &Plist(None)).load, "not-found");
    }

    #[test]
    fn a_disabled_service_is_not_loaded_at_boot() {
        let said = "\tdisabled services = {\n\t\t\"a-origin\" => disabled\n\t\t\"b\" => enabled\n\t\t\"c\" => true\n\t}\n";
        for (label, word) in [
            ("a-origin", "disabled"),
            ("b", "enabled"),
            ("c", "disabled"),
            ("d", "enabled"),
        ] {
            assert_eq!(boot(said, label, &plist(false)), word, "{label}");
        }
        assert_eq!(plist(false).string("StandardOutPath"), Some("/l/o.log"));
    }

    /// The forms that Apple's manual page and public reports show; not taken down from a Mac of ours.
    const RUNNING: &str = include_str!("../../tests/launchctl/running.txt");
    const FAILED: &str = include_str!("../../tests/launchctl/failed.txt");
    const WAITING: &str = include_str!("../../tests/launchctl/waiting.txt");
}
