//! The MCP servers behind the origin: started once, kept running, many calls at a time through one process.

mod account;
mod board;
mod child;
mod conversation;
mod environment;
mod exchange;
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

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use mcp::Naming;
use mcp::upstream::{Eras, Greeting};
use origin_config::{ProcessMode, Server};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::metrics::Calls;
use crate::native::Toolbox;
use crate::snapshot::Snapshot;
use account::Account;
use board::{Board, Seat};
use exchange::{Line, unavailable};
use lent::{Loans, Of};
use lines::MAX_MESSAGE;
use link::Route;
use native::Native;
use pool::{Member, Pool};
use private::Birth;
use supervisor::Supervisor;
use watched::Watched;

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
    servers: HashMap<String, Handle>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    updates: broadcast::Sender<Arc<Update>>,
    loans: Arc<Loans>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Handle {
    server: Server,
    pool: Pool,
    account: Arc<Account>,
    route: Route,
    /// The processes that sessions may still have of it.
    processes: Arc<Semaphore>,
}

impl Upstreams {
    /// Starts every server and returns at once; the first complete snapshot follows. Must be called on a runtime.
    pub fn start(servers: &[Server], options: &Options) -> Self {
        let own = options.native.as_ref();
        let own_server = own.map(|(name, _)| native::server(name));
        let servers: Vec<_> = servers.iter().chain(&own_server).collect();
        let (board, snapshots) = Board::new(&servers, options);
        let board = Arc::new(board);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let updates = broadcast::Sender::new(UPDATES);
        let tickets = Arc::new(AtomicU64::new(0));
        let handles = servers.iter().enumerate().map(|(index, server)| {
            let route = Route::to(server, &options.environment);
            let name: Arc<str> = server.name.as_str().into();
            let account = Account::new(Arc::clone(&tickets), options.is_counted);
            let account = Arc::new(account);
            let native = own.filter(|_| index + 1 == servers.len());
            let members = (0..board::processes(server)).map(|process| {
                let account = Arc::clone(&account);
                let (line, inbox) = Line::new(Arc::clone(&name), server.call_timeout, account);
                let watched = Arc::new(Watched::default());
                let seat = Seat {
                    server: index,
                    process,
                };
                if let Some((_, toolbox)) = native {
                    let native = Native {
                        seat,
                        toolbox: Arc::clone(toolbox),
                        board: Arc::clone(&board),
                        inbox,
                        stop: stop.clone(),
                    };
                    tasks.spawn(native.run());
                } else {
                    let supervisor = Supervisor {
                        seat,
                        server: (*server).clone(),
                        route: route.clone(),
                        options: options.clone(),
                        board: Arc::clone(&board),
                        inbox,
                        load: Arc::clone(&line.load),
                        watched: Arc::clone(&watched),
                        updates: updates.clone(),
                        eras: Eras::new(route.probe()),
                        stop: stop.clone(),
                    };
                    tasks.spawn(supervisor.run());
                }
                let line = Arc::new(line);
                Member { line, watched }
            });
            let pool = Pool::new(members.collect());
            let processes = usize::try_from(server.max_processes).unwrap_or(usize::MAX);
            let handle = Handle {
                server: (*server).clone(),
                route: route.clone(),
                pool,
                account,
                processes: Arc::new(Semaphore::new(processes.min(Semaphore::MAX_PERMITS))),
            };
            (server.name.clone(), handle)
        });
        let servers = handles.collect();
        tasks.close();
        Self {
            servers,
            snapshots,
            updates,
            loans: Arc::default(),
            stop,
            tasks,
        }
    }

    /// The capability snapshot, and how to see its changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// What shared servers say of their resources from now on.
    pub fn updates(&self) -> broadcast::Receiver<Arc<Update>> {
        self.updates.subscribe()
    }

    /// How busy each server is, by its name.
    pub fn busy(&self) -> impl Iterator<Item = (&str, Busy)> {
        self.servers.iter().map(|(name, handle)| {
            let busy = Busy {
                in_flight: handle.account.in_flight(),
                queued: handle.pool.queued(),
            };
            (name.as_str(), busy)
        })
    }

    /// What was counted of each server's calls; of none where nothing is counted.
    pub fn calls(&self) -> impl Iterator<Item = (&str, &Calls)> {
        let servers = self.servers.iter();
        servers.filter_map(|(name, handle)| Some((name.as_str(), handle.account.calls()?)))
    }

    /// Hands a request to a process of `server` that all clients share, the least busy one. Its answer comes within the server's `call_timeout`.
    ///
    /// A request that times out, or whose [`Exchange`] is dropped, is cancelled at the server.
    pub fn begin(&self, server: &str, call: Call) -> Result<Exchange, CallError> {
        let line = self.handle(server)?.pool.line();
        let line = line.ok_or_else(|| unavailable(server, "it has no process"))?;
        Ok(line.begin(call))
    }

    /// The same, and waits for the answer alone.
    pub async fn call(&self, server: &str, call: Call) -> Result<RawResult, CallError> {
        self.begin(server, call)?.answer().await
    }

    /// Has a shared server tell of changes of a resource, until the watch is dropped. `None`: there is no such server.
    pub fn watch(&self, server: &str, uri: String) -> Option<Watch> {
        let handle = self.servers.get(server)?;
        Some(Watch::new(handle.pool.watched(), uri))
    }

    /// Whether each session has a process of this server to itself.
    pub fn is_private(&self, server: &str) -> bool {
        let handle = self.servers.get(server);
        handle.is_some_and(|handle| handle.server.process == ProcessMode::PerSession)
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
        Ok(self.born(handle, permit, greeting, hears))
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
        let process = self.born(handle, permit, Arc::clone(greeting), hears);
        Ok(Loan::new(&self.loans, of, process, heard))
    }

    fn handle(&self, server: &str) -> Result<&Handle, CallError> {
        let handle = self.servers.get(server);
        handle.ok_or_else(|| CallError::UnknownServer(server.to_owned()))
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
            stop: self.stop.clone(),
            permit,
        };
        let (private, life) = birth.begin(line, inbox);
        self.tasks.spawn(life);
        private
    }

    /// Ends every server: standard input closed, then SIGTERM, then SIGKILL, each to the whole process group. Returns when
    /// no process is left, after about four seconds at most.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// Why there is no process.
const NO_PLACE: &str = "as many clients use it as `max_processes` allows";

/// How long a request waits for the place of a process that is being ended: as long as one waits for a server that restarts.
const PLACE: Duration = Duration::from_secs(1);

/// Updates of resources that a listener may lag behind; older ones are lost to it, and the next says the same.
const UPDATES: usize = 256;
