//! The MCP servers behind the origin: started once, kept running, many calls at a time through one process.

mod account;
mod board;
mod child;
mod conversation;
mod environment;
mod exchange;
mod handle;
mod lent;
mod limits;
mod lines;
mod link;
mod native;
mod peer;
mod pipe;
mod pool;
mod private;
mod process;
mod remote;
mod stderr;
mod supervisor;
#[cfg(test)]
mod tests;
mod trip;
mod watched;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use mcp::Naming;
use mcp::upstream::Greeting;
use origin_config::{ProcessMode, Server};
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::metrics::Calls;
use crate::native::Toolbox;
use crate::snapshot::Snapshot;
use board::Board;
use exchange::{Line, unavailable};
use handle::{Handle, Shared};
use lent::{Loans, Of};
use lines::MAX_MESSAGE;
use private::Birth;

pub use account::Busy;
pub(crate) use board::source;
pub use exchange::{Call, Exchange, Heard, Note};
pub use lent::Loan;
pub(crate) use link::prepare;
pub use native::Teller;
pub use private::{Hears, Private, Said, Way};
pub use trip::Trace;
pub use watched::Watch;

/// What a server answered: the `result` of the response, one JSON value as it was sent.
pub type RawResult = Box<str>;

/// What the servers need from the origin.
#[derive(Clone)]
pub struct Options {
    /// How tools are named to clients.
    pub naming: Naming,
    /// The origin's own environment, read once by `main`: servers get a few variables of it and those they name.
    pub environment: Vec<(OsString, OsString)>,
    /// The origin's name, told to the servers in the handshake.
    pub client_name: String,
    /// Tools that are compiled in, and the name of the server that they make.
    pub native: Option<(String, Arc<Toolbox>)>,
    /// Whether calls are counted.
    pub is_counted: bool,
    /// The time for [`Snapshot::built_at`].
    pub clock: Clock,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold secrets.
        f.debug_struct("Options")
            .field("naming", &self.naming)
            .finish_non_exhaustive()
    }
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No server has that name.
    #[error("no server is named `{0}`")]
    UnknownServer(String),
    /// The server is not there, or died with the call in flight.
    #[error("the server `{server}` is not available: {reason}")]
    Unavailable {
        /// Its name.
        server: String,
        /// Why, in a line or two.
        reason: String,
    },
    /// The server did not answer in its `call_timeout`; it was told to cancel.
    #[error("the server `{server}` did not answer within {after:?}")]
    Timeout {
        /// Its name.
        server: String,
        /// Its `call_timeout`.
        after: Duration,
    },
    /// The server answered with a JSON-RPC error, here as it was sent.
    #[error("the server refused the call")]
    Refused(Box<str>),
}

/// A server said that one of its resources changed.
#[derive(Debug)]
pub struct Update {
    /// The server.
    pub server: Arc<str>,
    /// The `params` of its notification as raw JSON.
    pub params: String,
}

/// All servers of one origin.
#[derive(Debug)]
pub struct Upstreams {
    shared: Arc<Shared>,
    servers: RwLock<Servers>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    loans: Arc<Loans>,
}

#[derive(Debug, Default)]
struct Servers {
    by_name: HashMap<String, Arc<Handle>>,
    /// The next place on the board.
    place: u64,
}

impl Upstreams {
    /// Starts every server and returns at once; the first complete snapshot follows. Must be called on a runtime.
    pub fn start(servers: &[Server], options: &Options) -> Self {
        let (board, snapshots) = Board::new(options);
        let tasks = TaskTracker::new();
        tasks.close();
        let upstreams = Self {
            shared: Arc::new(Shared {
                options: options.clone(),
                board: Arc::new(board),
                updates: broadcast::Sender::new(UPDATES),
                tickets: Arc::new(AtomicU64::new(0)),
                stop: CancellationToken::new(),
                tasks,
            }),
            servers: RwLock::default(),
            snapshots,
            loans: Arc::default(),
        };
        upstreams.arrange(servers, Duration::ZERO);
        upstreams
    }

    /// The servers are these from now on. One that is as it was goes on undisturbed. One that is configured otherwise gets new
    /// processes, for which its next calls wait; those under way have `patience` to be answered by the old ones, and so have those
    /// of a server that is gone.
    pub fn arrange(&self, servers: &[Server], patience: Duration) {
        let native = self.shared.options.native.as_ref();
        let own = native.map(|(name, toolbox)| (native::server(name), toolbox));
        let mut state = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut state.by_name);
        let mut arranged = Vec::new();
        for server in servers.iter().chain(own.iter().map(|(server, _)| server)) {
            let before = old.get(&server.name);
            let place = match before {
                Some(before) if before.server == *server => before.place,
                _ => {
                    state.place += 1;
                    state.place
                }
            };
            arranged.push((place, server));
        }
        // Before a process has something to say there.
        self.shared.board.arrange(&arranged);
        let mut gone = Vec::new();
        for (place, server) in arranged {
            let before = old.remove(&server.name);
            let handle = match (before, &own) {
                (Some(before), _) if before.place == place => before,
                (None, Some((own, toolbox))) if own.name == server.name => {
                    let native = self.shared.start_native(own.clone(), place, toolbox);
                    Arc::new(native)
                }
                (before, _) => {
                    let handle = self.shared.start(server, place, before.as_deref());
                    gone.extend(before);
                    Arc::new(handle)
                }
            };
            state.by_name.insert(server.name.clone(), handle);
        }
        gone.extend(old.into_values());
        drop(state);
        for handle in gone {
            self.loans.clear(&handle.server.name);
            self.shared.retire(handle, patience);
        }
    }

    /// The capability snapshot, and how to see its changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// What shared servers say of their resources from now on.
    pub fn updates(&self) -> broadcast::Receiver<Arc<Update>> {
        self.shared.updates.subscribe()
    }

    /// How busy each server is, by its name.
    pub fn busy(&self) -> BTreeMap<String, Busy> {
        let servers = self.servers();
        let servers = servers.by_name.iter();
        let busy = |handle: &Handle| Busy {
            in_flight: handle.account.in_flight(),
            queued: handle.pool.queued(),
        };
        servers
            .map(|(name, handle)| (name.clone(), busy(handle)))
            .collect()
    }

    /// Shows what was counted of each server's calls; nothing where nothing is counted.
    pub fn each_calls(&self, mut show: impl FnMut(&str, &Calls)) {
        for (name, handle) in &self.servers().by_name {
            if let Some(calls) = handle.account.calls() {
                show(name, calls);
            }
        }
    }

    /// Hands a request to a process of `server` that all clients share, the least busy one. Its answer comes within the server's `call_timeout`.
    ///
    /// A request that times out, or whose [`Exchange`] is dropped, is cancelled at the server.
    pub fn begin(&self, server: &str, call: Call) -> Result<Exchange, CallError> {
        let handle = self.handle(server)?;
        let line = handle.pool.line();
        let line = line.ok_or_else(|| unavailable(server, "it has no process"))?;
        Ok(line.begin(call))
    }

    /// The same, and waits for the answer alone.
    pub async fn call(&self, server: &str, call: Call) -> Result<RawResult, CallError> {
        self.begin(server, call)?.answer().await
    }

    /// Has a shared server tell of changes of a resource, until the watch is dropped. `None`: there is no such server.
    pub fn watch(&self, server: &str, uri: String) -> Option<Watch> {
        let handle = self.handle(server).ok()?;
        Some(Watch::new(handle.pool.watched(), uri))
    }

    /// Whether each session has a process of this server to itself.
    pub fn is_private(&self, server: &str) -> bool {
        let handle = self.handle(server);
        handle.is_ok_and(|handle| handle.server.process == ProcessMode::PerSession)
    }

    /// Starts a process of `server` for one session. It is at work when this returns, though not yet ready: requests wait.
    pub fn private(
        &self,
        server: &str,
        greeting: Arc<Greeting>,
        hears: Hears,
    ) -> Result<Private, CallError> {
        let handle = self.handle(server)?;
        let permit = Arc::clone(&handle.processes).try_acquire_owned();
        let permit = permit.map_err(|_| {
            self.loans.clear(server);
            unavailable(server, NO_PLACE)
        })?;
        Ok(self.born(&handle, permit, greeting, hears))
    }

    /// Lends a process of `server`, which is told of the capabilities of `greeting`, to one request.
    pub async fn lend(&self, server: &str, greeting: &Arc<Greeting>) -> Result<Loan, CallError> {
        let handle = self.handle(server)?;
        let of = Of {
            server: server.into(),
            capabilities: greeting.capabilities.clone(),
        };
        if let Some(loan) = self.loans.take(&of) {
            return Ok(loan);
        }
        let place = Arc::clone(&handle.processes);
        if place.available_permits() == 0 {
            self.loans.clear(server);
        }
        let permit = timeout(PLACE, place.acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok);
        let permit = permit.ok_or_else(|| unavailable(server, NO_PLACE))?;
        let (hears, heard) = lent::ear();
        let process = self.born(&handle, permit, Arc::clone(greeting), hears);
        Ok(Loan::new(&self.loans, of, process, heard))
    }

    fn handle(&self, server: &str) -> Result<Arc<Handle>, CallError> {
        let handle = self.servers().by_name.get(server).map(Arc::clone);
        handle.ok_or_else(|| CallError::UnknownServer(server.to_owned()))
    }

    fn servers(&self) -> RwLockReadGuard<'_, Servers> {
        self.servers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn born(
        &self,
        handle: &Handle,
        permit: OwnedSemaphorePermit,
        greeting: Arc<Greeting>,
        hears: Hears,
    ) -> Private {
        let name = handle.server.name.as_str().into();
        let timeout = handle.server.call_timeout;
        let (line, inbox) = Line::new(name, timeout, Arc::clone(&handle.account));
        let birth = Birth {
            server: handle.server.clone(),
            route: handle.route.clone(),
            greeting,
            hears,
            stop: handle.stop.clone(),
            permit,
        };
        let (private, life) = birth.begin(line, inbox);
        self.shared.tasks.spawn(life);
        private
    }

    /// Ends every server: standard input closed, then SIGTERM, then SIGKILL, each to the whole process group. Returns when
    /// no process is left, after about four seconds at most.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.wait().await;
    }
}

/// Why there is no process.
const NO_PLACE: &str = "as many clients use it as `max_processes` allows";

/// How long a request waits for the place of a process that is being ended: as long as one waits for a server that restarts.
const PLACE: Duration = Duration::from_secs(1);

/// Updates of resources that a listener may lag behind; older ones are lost to it, and the next says the same.
const UPDATES: usize = 256;
