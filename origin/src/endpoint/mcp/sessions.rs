//! All sessions of the origin.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mcp::sessions::{self, Full};
use mcp::upstream::Greeting;
use origin_config::OriginConfig;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use super::live::Live;
use super::scope::Scope;
use crate::clock::Clock;
use crate::stream::{Turn, Wheel};
use crate::upstream::Upstreams;

/// The sessions of clients up to 2025-11-25.
pub struct Sessions {
    table: Mutex<sessions::Sessions<Arc<Live>>>,
    upstreams: Arc<Upstreams>,
    naming: mcp::Naming,
    clock: Clock,
    began: Instant,
    /// Bytes of messages that the sessions keep.
    kept: Arc<AtomicUsize>,
    max_bytes: usize,
    patience: Arc<Wheel>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSession {
    #[error("all sessions are in use")]
    Full(#[source] Full),
    #[error("there is no randomness for a session's id")]
    NoRandomness(#[source] getrandom::Error),
}

impl Sessions {
    /// No sessions yet. Must be called on a runtime: what changes is told to them, and idle ones are ended, for as long as anybody
    /// has the sessions.
    pub fn start(config: &OriginConfig, upstreams: Arc<Upstreams>, clock: Clock) -> Arc<Self> {
        let limits = &config.sessions;
        let max = usize::try_from(limits.max).unwrap_or(usize::MAX);
        let sessions = Arc::new(Self {
            table: Mutex::new(sessions::Sessions::new(max, limits.idle_timeout)),
            naming: match config.tool_names {
                origin_config::ToolNames::Prefixed => mcp::Naming::Prefixed,
                origin_config::ToolNames::Plain => mcp::Naming::Plain,
            },
            began: clock.now(),
            clock,
            kept: Arc::default(),
            max_bytes: usize::try_from(limits.max_bytes).unwrap_or(usize::MAX),
            upstreams,
            patience: Arc::new(Wheel::new(limits.answer_wait)),
        });
        let pause = (limits.idle_timeout / 8).clamp(SHORTEST_SWEEP, LONGEST_SWEEP);
        let servers = Arc::clone(&sessions.upstreams);
        let patience = Arc::clone(&sessions.patience);
        let keeping = keep(Arc::downgrade(&sessions), servers, pause);
        tokio::spawn(async move {
            tokio::select! {
                () = keeping => {}
                () = patience.drive() => {}
            }
        });
        sessions
    }

    /// How long a request waits for its answer before it becomes a stream, sessions or not: `sessions.answer_wait`.
    pub(super) fn patience(&self) -> Turn {
        self.patience.turn()
    }

    /// Opens a session; its id.
    pub(super) fn open(&self, greeting: Arc<Greeting>, scope: Scope) -> Result<String, NoSession> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(NoSession::NoRandomness)?;
        // Visible ASCII that nobody can guess (2025-11-25, Streamable HTTP, session management): 128 bits.
        let id = format!("{:032x}", u128::from_be_bytes(random));
        let upstreams = Arc::clone(&self.upstreams);
        let live = Live::new(
            greeting,
            scope,
            self.naming,
            upstreams,
            Arc::clone(&self.kept),
        );
        let now = self.now();
        let gone = self.table().insert(&id, live, now, |live| live.is_busy());
        if let Some(gone) = gone.map_err(NoSession::Full)? {
            gone.end();
        }
        Ok(id)
    }

    /// The session of that id, which is used now.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Live>> {
        let now = self.now();
        self.table().find(id, now)
    }

    /// Ends the session of that id.
    pub(super) fn end(&self, id: &str) {
        let gone = self.table().remove(id);
        if let Some(gone) = gone {
            gone.end();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    /// Gives memory back when the sessions keep too much: first the one that has just been written to, then those that were idle
    /// longest.
    pub(super) fn trim(&self, writer: &Live) {
        if self.kept.load(Ordering::Relaxed) <= self.max_bytes {
            return;
        }
        writer.forget();
        let all: Vec<_> = self.table().all().cloned().collect();
        for live in all {
            if self.kept.load(Ordering::Relaxed) <= self.max_bytes {
                return;
            }
            live.forget();
        }
    }

    fn expire(&self) {
        let now = self.now();
        let mut table = self.table();
        let mut gone = table.expire(now, |live| live.is_busy());
        gone.extend(table.take(|live| live.scope.is_over()));
        drop(table);
        for live in gone {
            live.end();
        }
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.began)
    }

    fn table(&self) -> MutexGuard<'_, sessions::Sessions<Arc<Live>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("open", &self.len())
            .finish_non_exhaustive()
    }
}

/// Tells all sessions what changes at the servers, and ends idle ones now and then. One task for all of them.
async fn keep(sessions: Weak<Sessions>, upstreams: Arc<Upstreams>, pause: Duration) {
    let (mut snapshots, mut updates) = (upstreams.snapshot(), upstreams.updates());
    // Held no longer: the last owner of the servers must be able to go.
    drop(upstreams);
    let mut sweep = tokio::time::interval(pause);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let each = |tell: &dyn Fn(&Live)| {
        let Some(sessions) = sessions.upgrade() else {
            return false;
        };
        let all: Vec<_> = sessions.table().all().cloned().collect();
        for live in &all {
            tell(live);
        }
        true
    };
    loop {
        let alive = tokio::select! {
            // Without servers nothing ever changes.
            Ok(()) = snapshots.changed() => {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                each(&|live| live.refresh(&snapshot))
            }
            update = updates.recv() => match update {
                Ok(update) => each(&|live| live.updated(&update.params)),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => false,
            },
            _ = sweep.tick() => sessions.upgrade().is_some_and(|sessions| {
                sessions.expire();
                true
            }),
        };
        if !alive {
            return;
        }
    }
}

/// Idle sessions live up to an eighth longer than they may, within these bounds.
const SHORTEST_SWEEP: Duration = Duration::from_millis(50);
const LONGEST_SWEEP: Duration = Duration::from_mins(1);
