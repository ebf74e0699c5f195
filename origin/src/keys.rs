//! API keys: which are good now, and what each of them opens.

mod holder;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use api_keys::{Key, KeyFile, KeyId, Refusal};
use findings::{Finding, Report};
use tokio::time::MissedTickBehavior;

use crate::clock::Clock;
use crate::stamp::Stamp;

pub use holder::Holder;

/// The keys of `api_keys_file`, as they stand in it now.
#[derive(Debug)]
pub struct Keys {
    path: PathBuf,
    clock: Clock,
    ring: Mutex<Ring>,
}

/// What the file says.
#[derive(Debug, Default)]
struct Ring {
    holders: HashMap<KeyId, Arc<Holder>>,
    /// The file that it was read from; `None`: there was none.
    stamp: Option<Stamp>,
}

impl Keys {
    /// Reads the file and follows its changes. Must be called on a runtime.
    ///
    /// No file means no keys, and every client is sent away: what was locked must not open because a file is missing. A file
    /// that cannot be read keeps the keys of the last one that could.
    pub fn start(path: &Path, clock: Clock) -> Arc<Self> {
        let keys = Arc::new(Self {
            path: path.to_owned(),
            clock,
            ring: Mutex::default(),
        });
        keys.take_up();
        tokio::spawn(follow(Arc::downgrade(&keys)));
        keys
    }

    /// The holder of a key that was shown.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub fn admit(&self, shown: &Key) -> Result<Arc<Holder>, Refusal> {
        let holder = self.ring().holders.get(shown.id()).map(Arc::clone);
        let holder = holder.ok_or(Refusal::Unknown)?;
        holder.record().judge(shown, self.clock.wall())?;
        Ok(holder)
    }

    /// Reads the file when it is another one than the last.
    fn take_up(&self) {
        let stamp = Stamp::of(&self.path);
        if stamp == self.ring().stamp && stamp.is_some() {
            return;
        }
        let file = match read(&self.path) {
            Ok(file) => file,
            Err(report) => {
                // Said once for each state of the file.
                if self.ring().stamp != stamp {
                    tracing::error!(file = %self.path.display(), %report, "the API keys stay as they were: the file is not sound");
                    self.ring().stamp = stamp;
                }
                return;
            }
        };
        let Some(file) = file else {
            let had = self.exchange(KeyFile::default(), None);
            if had > 0 {
                tracing::error!(file = %self.path.display(), "the file of API keys is gone: no key opens anything");
            }
            return;
        };
        let known = file.keys.len();
        self.exchange(file, stamp);
        tracing::info!(file = %self.path.display(), keys = known, "the API keys were read");
    }

    /// Puts new keys in the place of the old; how many those were. A key that stayed as it was keeps its streams.
    fn exchange(&self, file: KeyFile, stamp: Option<Stamp>) -> usize {
        let mut ring = self.ring();
        let mut old = std::mem::take(&mut ring.holders);
        let had = old.len();
        for record in file.keys {
            let stays = old.remove(&record.id);
            let holder = match stays {
                Some(holder) if *holder.record() == record => holder,
                changed => {
                    if let Some(holder) = changed {
                        holder.end();
                    }
                    Arc::new(Holder::new(record))
                }
            };
            ring.holders.insert(holder.record().id.clone(), holder);
        }
        ring.stamp = stamp;
        for holder in old.values() {
            holder.end();
        }
        had
    }

    /// Ends what is open by keys whose time is over.
    fn expire(&self) {
        let now = self.clock.wall();
        for holder in self.ring().holders.values() {
            if holder.record().expires.is_some_and(|end| end <= now) {
                holder.end();
            }
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a file of keys; `None` when there is none.
fn read(path: &Path) -> Result<Option<KeyFile>, Report> {
    let name = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let mut report = Report::new();
            let message = format!("cannot read `{name}`: {error}");
            report.push(Finding::error("keys.unreadable", message).at("api_keys_file"));
            return Err(report);
        }
    };
    let (file, report) = KeyFile::parse(&text, &name);
    file.map(Some).ok_or(report)
}

/// What is wrong with a file of keys before the start.
pub fn check(path: &Path) -> Report {
    match read(path) {
        Ok(Some(_)) => Report::new(),
        Ok(None) => {
            let mut report = Report::new();
            let message = format!("`{}` is not there: no client gets in", path.display());
            let finding = Finding::warn("keys.none", message).at("api_keys_file");
            report.push(finding.hint("`opsctl keys add NAME` makes it with a first key"));
            report
        }
        Err(report) => report,
    }
}

/// Looks at the file and the clock, for as long as anybody has the keys.
async fn follow(keys: Weak<Keys>) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Some(keys) = keys.upgrade() else {
            return;
        };
        // A look is one `stat`; a file on a dead network mount would hold the thread of a worker, so it has its own.
        let looked = tokio::task::spawn_blocking(move || {
            keys.take_up();
            keys.expire();
        });
        if let Err(error) = looked.await {
            tracing::error!(%error, "the API keys could not be looked at");
        }
    }
}

/// A revoked key is to be out within a second, and one `stat` a second is nothing.
const LOOK: Duration = Duration::from_secs(1);
