//! Reading the configuration again while the origin serves.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use findings::{Report, Severity};
use jiff::Timestamp;
use origin_config::{OriginConfig, Reload};
use sd_notify::NotifyState;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;
use crate::logging::Level;
use crate::run::Change;
use crate::settings;
use crate::stamp::Stamp;
use crate::tls::Store;

/// How often a running origin has read its configuration again, and what came of the last time.
#[derive(Debug, Default)]
pub struct Reloads(Mutex<Option<Last>>);

/// What came of the last time that the configuration was read again.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    /// The first one is 1.
    pub(crate) number: u64,
    /// When it was over.
    pub(crate) at: Timestamp,
    /// Whether the configuration was taken up, as far as a running origin can.
    pub(crate) taken_up: bool,
    /// What the service manager shows.
    pub(crate) status: String,
}

impl Reloads {
    /// The last one; none since the start.
    pub(crate) fn last(&self) -> Option<Last> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, outcome: &Result<String, String>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (Ok(status) | Err(status)) = outcome;
        *last = Some(Last {
            number: last.as_ref().map_or(0, |last| last.number) + 1,
            at: Clock::system().wall(),
            taken_up: outcome.is_ok(),
            status: status.clone(),
        });
    }
}

/// Where a configuration came from, so that it can be read from there again.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What is laid over it: the origin's own environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The level of the log, which the configuration sets.
    pub level: Level,
    /// Whether it is read again whenever the file changes, and not only when that is asked for.
    pub follow: bool,
}

impl Source {
    /// Reads the configuration whenever `asked` says so, for ever.
    pub(crate) async fn attend(
        self,
        asked: Arc<Notify>,
        changes: mpsc::Sender<Change>,
        reloads: Arc<Reloads>,
    ) {
        let mut stamp = Stamp::of(&self.file);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = asked.notified() => {}
                _ = look.tick(), if self.follow => {
                    if Stamp::of(&self.file) == stamp {
                        continue;
                    }
                }
            }
            // Before it is read: what changes meanwhile is seen at the next look.
            stamp = Stamp::of(&self.file);
            self.reload(&changes, &reloads).await;
        }
    }

    /// Reads the configuration again and has it taken up. One that has errors changes nothing: each of them is in the log. A service
    /// manager hears of the beginning and of the end, and what came of it is the status that it shows.
    async fn reload(&self, changes: &mpsc::Sender<Change>, reloads: &Reloads) {
        // A service of `Type=notify-reload` has to say when it began, too.
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
        let outcome = match self.read().await {
            Some(config) => self.take_up(config, changes).await,
            None => Err("the configuration has errors: the old one is kept".to_owned()),
        };
        reloads.add(&outcome);
        let (Ok(status) | Err(status)) = outcome;
        tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    async fn read(&self) -> Option<OriginConfig> {
        let source = self.clone();
        let read = move || settings::from_file(&source.file, &source.environment);
        let (config, report) = tokio::task::spawn_blocking(read).await.ok()?;
        log(&report);
        config
    }

    /// What came of it, in a line: of what was taken up, or why nothing was.
    async fn take_up(
        &self,
        config: OriginConfig,
        changes: &mpsc::Sender<Change>,
    ) -> Result<String, String> {
        let (outcome, taken_up) = oneshot::channel();
        let change = Change { config, outcome };
        if changes.send(change).await.is_err() {
            return Err("the origin is ending: the configuration is not read any more".to_owned());
        }
        let status = match taken_up.await {
            Ok(Ok(reload)) => {
                self.level.set(reload.config.loglevel);
                return Ok(self::status(&reload));
            }
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                format!("the configuration cannot be taken up, the old one is kept: {error}{cause}")
            }
            Err(_) => "the configuration was not taken up: the origin is ending".to_owned(),
        };
        tracing::error!("{status}");
        Err(status)
    }
}

/// Reads the certificates whenever `asked` says so, for ever: for an origin whose configuration is no file.
pub(crate) async fn certificates_alone(asked: Arc<Notify>, certificates: Option<Arc<Store>>) {
    loop {
        asked.notified().await;
        if let Some(store) = certificates.clone() {
            tracing::info!("SIGHUP: the certificates are read again; the configuration is no file");
            tokio::task::spawn_blocking(move || store.reload());
        } else {
            tracing::warn!("SIGHUP changes nothing: the configuration is no file");
        }
    }
}

/// Says what was taken up and what was not, in the log and as a line.
fn status(reload: &Reload) -> String {
    let (changed, waiting) = (reload.changed.join(", "), reload.waiting.join(", "));
    if changed.is_empty() {
        tracing::info!("the configuration is as it was");
    } else {
        tracing::info!(changed, "the configuration was taken up");
    }
    if waiting.is_empty() {
        return "the configuration of the file is the one that runs".to_owned();
    }
    tracing::warn!(
        waiting,
        "these keys need a restart: until then their old values count"
    );
    format!("waiting for a restart: {waiting}")
}

fn log(report: &Report) {
    for finding in report.findings() {
        let (id, path, message, hint) = (
            &finding.id,
            finding.path.as_deref(),
            &finding.message,
            finding.hint.as_deref(),
        );
        let line = finding.line;
        if finding.severity == Severity::Error {
            tracing::error!(id, path, line, hint, "the configuration: {message}");
        } else {
            tracing::warn!(id, path, line, hint, "the configuration: {message}");
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager did not hear of the reload");
    }
}

/// As often as certificates and API keys.
const LOOK: Duration = Duration::from_secs(1);
