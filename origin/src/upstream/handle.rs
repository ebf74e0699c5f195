//! One server as the origin has it: its processes, and how its requests get to them.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use mcp::upstream::Eras;
use origin_config::Server;
use tokio::sync::{Semaphore, broadcast};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::account::Account;
use super::board::{self, Board, Seat};
use super::exchange::Line;
use super::link::Route;
use super::native::Native;
use super::pool::{Member, Pool};
use super::supervisor::Supervisor;
use super::{Options, Update};
use crate::native::Toolbox;

/// What the servers of one origin share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) board: Arc<Board>,
    pub(super) updates: broadcast::Sender<Arc<Update>>,
    /// The numbers of all requests.
    pub(super) tickets: Arc<AtomicU64>,
    /// The origin's end.
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
}

/// A server of the configuration.
#[derive(Debug)]
pub(super) struct Handle {
    /// Its place on the board.
    pub(super) place: u64,
    pub(super) server: Server,
    pub(super) pool: Pool,
    pub(super) account: Arc<Account>,
    pub(super) route: Route,
    /// The processes that sessions may still have of it.
    pub(super) processes: Arc<Semaphore>,
    /// The end of all its processes.
    pub(super) stop: CancellationToken,
}

impl Shared {
    fn environment(&self) -> &[(OsString, OsString)] {
        &self.options.environment
    }

    /// Starts a server at a place of the board that is its own. `before` is the one whose name it takes over: what clients watch
    /// there they watch here, and calls wait for its first start.
    pub(super) fn start(
        self: &Arc<Self>,
        server: &Server,
        place: u64,
        before: Option<&Handle>,
    ) -> Handle {
        let name: Arc<str> = server.name.as_str().into();
        let account = Account::new(Arc::clone(&self.tickets), self.options.is_counted);
        let route = Route::to(server, self.environment());
        let processes = usize::try_from(server.max_processes).unwrap_or(usize::MAX);
        let mut handle = Handle {
            place,
            server: server.clone(),
            pool: Pool::new(Vec::new()),
            account: Arc::new(account),
            route,
            processes: Arc::new(Semaphore::new(processes.min(Semaphore::MAX_PERMITS))),
            stop: self.stop.child_token(),
        };
        let mut known = before.map(|before| before.pool.watched());
        let members = (0..board::processes(server)).map(|process| {
            let known = known.as_mut().filter(|known| !known.is_empty());
            let watched = known.map(|known| known.remove(0)).unwrap_or_default();
            let account = Arc::clone(&handle.account);
            let (line, inbox) = Line::new(Arc::clone(&name), server.call_timeout, account);
            let seat = Seat {
                server: place,
                process,
            };
            let supervisor = Supervisor {
                seat,
                server: server.clone(),
                route: handle.route.clone(),
                options: self.options.clone(),
                board: Arc::clone(&self.board),
                inbox,
                load: Arc::clone(&line.load),
                watched: Arc::clone(&watched),
                updates: self.updates.clone(),
                eras: Eras::new(handle.route.probe()),
                patience: before.map_or(Duration::ZERO, |_| server.start_timeout),
                stop: handle.stop.clone(),
            };
            self.tasks.spawn(supervisor.run());
            Member {
                line: Arc::new(line),
                watched,
            }
        });
        handle.pool = Pool::new(members.collect());
        handle
    }

    /// Starts the server that is no process.
    pub(super) fn start_native(
        self: &Arc<Self>,
        server: Server,
        place: u64,
        toolbox: &Arc<Toolbox>,
    ) -> Handle {
        let account = Account::new(Arc::clone(&self.tickets), self.options.is_counted);
        let account = Arc::new(account);
        let name = server.name.as_str().into();
        let (line, inbox) = Line::new(name, server.call_timeout, Arc::clone(&account));
        let stop = self.stop.child_token();
        let native = Native {
            seat: Seat {
                server: place,
                process: 0,
            },
            toolbox: Arc::clone(toolbox),
            board: Arc::clone(&self.board),
            inbox,
            stop: stop.clone(),
        };
        self.tasks.spawn(native.run());
        let member = Member {
            line: Arc::new(line),
            watched: Arc::default(),
        };
        Handle {
            place,
            route: Route::to(&server, self.environment()),
            server,
            pool: Pool::new(vec![member]),
            account,
            processes: Arc::new(Semaphore::new(0)),
            stop,
        }
    }

    /// Ends a server that is not used any more once its calls are answered, at the latest after `patience`.
    pub(super) fn retire(&self, handle: Arc<Handle>, patience: Duration) {
        let origin = self.stop.clone();
        self.tasks.spawn(async move {
            let end = Instant::now() + patience;
            let quiet = async {
                // Who looked the server up just before it went has not handed his call over yet.
                sleep(LOOK).await;
                while handle.account.in_flight() > 0 && Instant::now() < end {
                    sleep(LOOK).await;
                }
            };
            tokio::select! {
                () = quiet => {}
                () = origin.cancelled() => {}
            }
            let left = handle.account.in_flight();
            tracing::info!(server = handle.server.name, left, "server is ended");
            handle.stop.cancel();
        });
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// How often a server that is to end is looked at: it is in nobody's way meanwhile.
const LOOK: Duration = Duration::from_millis(50);
