//! The service manager: systemd through `systemctl`, launchd through `launchctl`, or a program that takes the same words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deploy::Spec;
use findings::Finding;
use tokio::process::Command;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::launchctl::Launchctl;
use crate::host::units::{PROPERTIES, Unit};

/// How units are told what to do.
#[derive(Debug, Clone)]
pub(crate) enum Services {
    /// By this program, which takes the words of `systemctl`.
    Systemctl(PathBuf),
    /// By launchd.
    Launchctl(Launchctl),
    /// Not at all: the tree is not this machine's own.
    None,
}

impl Services {
    /// systemd where it runs the machine, or the program that `OPSCTL_SYSTEMCTL` names.
    ///
    /// # Errors
    /// Exit 17 where there is neither.
    pub(crate) fn of_machine() -> Result<Self, CommandError> {
        if let Some(program) = named("OPSCTL_SYSTEMCTL") {
            return Ok(Self::Systemctl(program));
        }
        // sd_booted(3): this folder is there when systemd is the service manager
        if Path::new("/run/systemd/system").is_dir() {
            return Ok(Self::Systemctl("systemctl".into()));
        }
        let finding = Finding::error("host.services", "systemd does not run this machine")
            .hint("`OPSCTL_SYSTEMCTL=PROGRAM` names a program that takes systemctl's words; `--root DIR` installs files and starts nothing; `opsctl up` runs everything in the foreground");
        Err(CommandError::finding(Exit::Prerequisite, finding))
    }

    /// The same, or launchd where that runs the machine or `OPSCTL_LAUNCHCTL` names a program, as a spec uses it.
    ///
    /// # Errors
    /// Exit 17 where there is none of them.
    pub(crate) fn of_deployment(spec: &Spec) -> Result<Self, CommandError> {
        let here = || cfg!(target_os = "macos").then(|| PathBuf::from("/bin/launchctl"));
        match named("OPSCTL_LAUNCHCTL").or_else(here) {
            Some(program) => Ok(Self::Launchctl(Launchctl {
                program,
                launchd: spec.launchd.clone(),
            })),
            None => Self::of_machine(),
        }
    }

    /// What units are, in their order; one that is not there has `not-found` as its load. Without a service manager there are
    /// none.
    pub(crate) async fn show(&self, units: &[String]) -> Result<Vec<Unit>, HostError> {
        if units.is_empty() || matches!(self, Self::None) {
            return Ok(Vec::new());
        }
        if let Self::Launchctl(launchctl) = self {
            return launchctl.show(units).await;
        }
        let words = ["show", "--timestamp=unix", PROPERTIES, "--"];
        let words: Vec<_> = words
            .into_iter()
            .map(str::to_owned)
            .chain(units.iter().cloned())
            .collect();
        let said = self.run(&words).await?;
        Ok(said.split("\n\n").map(Unit::read).collect())
    }

    /// The same by the names that were asked for, which may be others than the units' own.
    pub(crate) async fn by_name(
        &self,
        units: &[String],
    ) -> Result<BTreeMap<String, Unit>, HostError> {
        let shown = self.show(units).await?;
        Ok(units.iter().cloned().zip(shown).collect())
    }

    /// Does one thing to some units, as `restart`; nothing where there are none.
    pub(crate) async fn tell(&self, verb: &str, units: &[String]) -> Result<(), HostError> {
        if units.is_empty() {
            return Ok(());
        }
        if let Self::Launchctl(launchctl) = self {
            return launchctl.tell(verb, units).await;
        }
        let mut words = vec![verb.to_owned(), "--".to_owned()];
        words.extend_from_slice(units);
        self.run(&words).await.map(|_| ())
    }

    /// Makes the manager read its units again.
    pub(crate) async fn read_again(&self) -> Result<(), HostError> {
        self.run(&["daemon-reload".to_owned()]).await.map(|_| ())
    }

    async fn run(&self, words: &[String]) -> Result<String, HostError> {
        match self {
            // launchd reads a file when its service is loaded
            Self::None | Self::Launchctl(_) => Ok(String::new()),
            Self::Systemctl(program) => run(program, words, PATIENCE).await,
        }
    }
}

/// The program that a variable names.
fn named(variable: &str) -> Option<PathBuf> {
    let program = std::env::var_os(variable)?;
    (!program.is_empty()).then(|| program.into())
}

/// Runs a program to its end and returns its standard output.
///
/// # Errors
/// When it does not start, does not end in time or ends with a failure: what it said on standard error is the cause.
pub(crate) async fn run(
    program: &Path,
    words: &[String],
    at_most: Duration,
) -> Result<String, HostError> {
    let name = std::iter::once(program.display().to_string())
        .chain(words.iter().cloned())
        .collect::<Vec<_>>()
        .join(" ");
    tracing::debug!(command = name, "run");
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(at_most, command.output())
        .await
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))
        .and_then(|output| output)
        .map_err(HostError::on("run", &name))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = crate::ui::printable_lines(said.trim());
    let cause = format!("it ended with {}:\n{said}", output.status);
    Err(HostError::on("run", &name)(std::io::Error::other(cause)))
}

/// Longer than the stop timeout of any unit of ours: a restart waits for it.
const PATIENCE: Duration = Duration::from_mins(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_said_is_the_cause_of_its_failure() {
        let words = ["-c".to_owned(), "echo no such unit >&2; exit 5".to_owned()];
        let error = run(Path::new("/bin/sh"), &words, PATIENCE)
            .await
            .expect_err("it fails");
        assert!(error.source.to_string().contains("no such unit"));
    }

    #[tokio::test]
    async fn without_a_manager_nothing_is_told() {
        Services::None.read_again().await.expect("nothing to do");
        let units = Services::None.show(&["a.service".to_owned()]).await;
        assert!(units.expect("nothing to ask").is_empty());
    }
}
