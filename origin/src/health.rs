//! What the servers need beside themselves, and whether it is there: asked in the background, so that who asks `/health`
//! never waits for it.

mod bolt;
mod packstream;
mod redis;
#[cfg(test)]
mod tests;
mod web;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use origin_config::{Dependency, DependencyKind};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;

/// All dependencies of an origin.
#[derive(Debug)]
pub struct Dependencies {
    all: Vec<Watched>,
}

/// One dependency, looked at in its interval for as long as this is there.
#[derive(Debug)]
pub struct Watched {
    /// What it is.
    pub dependency: Arc<Dependency>,
    last: Arc<Mutex<Option<Checked>>>,
    _looks: AbortOnDropHandle<()>,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Why the dependency is not there, for the operator's eyes: it may name addresses and users.
    pub fault: Option<Arc<str>>,
    /// From the first byte of the connection to the verdict.
    pub took: Duration,
    /// When the check was over.
    pub at: Timestamp,
}

impl Dependencies {
    /// Begins to look at each of them, on a task of its own. Must be called on a runtime.
    pub fn start(dependencies: &[Dependency], clock: Clock) -> Self {
        let watch = |dependency: &Dependency| {
            let (dependency, last) = (Arc::new(dependency.clone()), Arc::default());
            let looks = tokio::spawn(look(Arc::clone(&dependency), Arc::clone(&last), clock));
            Watched {
                dependency,
                last,
                _looks: AbortOnDropHandle::new(looks),
            }
        };
        Self {
            all: dependencies.iter().map(watch).collect(),
        }
    }

    /// All of them, in the order of the configuration.
    pub fn all(&self) -> &[Watched] {
        &self.all
    }

    /// Whether each of them was looked at once.
    pub fn are_known(&self) -> bool {
        self.all.iter().all(|watched| watched.last().is_some())
    }

    /// Whether each of them is there.
    pub fn are_there(&self) -> bool {
        self.all.iter().all(Watched::is_there)
    }

    /// The first of those that nothing goes without which is not there.
    pub fn missing(&self) -> Option<&str> {
        let critical = self
            .all
            .iter()
            .filter(|watched| watched.dependency.critical);
        let missing = critical.filter(|watched| !watched.is_there());
        missing
            .map(|watched| watched.dependency.name.as_str())
            .next()
    }
}

impl Watched {
    /// What the last check found; `None` before the first is over.
    pub fn last(&self) -> Option<Checked> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn is_there(&self) -> bool {
        self.last().is_some_and(|checked| checked.fault.is_none())
    }
}

/// Looks at one dependency for ever.
async fn look(dependency: Arc<Dependency>, last: Arc<Mutex<Option<Checked>>>, clock: Clock) {
    loop {
        let began = Instant::now();
        let asked = timeout(dependency.timeout, check(&dependency.kind));
        let outcome = asked.await.unwrap_or_else(|_| {
            let limit = findings::format_duration(dependency.timeout);
            Err(format!("no answer within {limit}"))
        });
        let checked = Checked {
            took: began.elapsed(),
            fault: outcome.err().map(Into::into),
            at: clock.wall(),
        };
        note(&dependency, &last, checked);
        sleep(dependency.interval).await;
    }
}

/// Keeps what a check found. One line for each change, not for each check.
fn note(dependency: &Dependency, last: &Mutex<Option<Checked>>, now: Checked) {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let before = last.as_ref();
    let name = dependency.name.as_str();
    match (
        before.is_none_or(|checked| checked.fault.is_none()),
        &now.fault,
    ) {
        (true, Some(fault)) => {
            tracing::warn!(
                dependency = name,
                fault = &**fault,
                "a dependency is not there"
            );
        }
        (false, None) => tracing::info!(dependency = name, "a dependency is back"),
        _ => {}
    }
    *last = Some(now);
}

/// Asks a dependency once, on a connection of its own.
async fn check(kind: &DependencyKind) -> Result<(), String> {
    match kind {
        DependencyKind::Tcp(address) => wire::connect(&address.host(), address.port())
            .await
            .map(drop),
        DependencyKind::Redis(service) => redis::check(service).await,
        DependencyKind::Bolt(service) => bolt::check(service).await,
        DependencyKind::Http(web) => web::check(web).await,
    }
}
