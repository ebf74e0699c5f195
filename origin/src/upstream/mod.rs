//! The MCP servers behind the origin: started once, kept running, many calls at a time through one process.

mod board;
mod conversation;
mod lines;
mod process;
mod stderr;
mod supervisor;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcp::Naming;
use origin_config::Server;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::snapshot::Snapshot;
use board::Board;
use conversation::Command;
use supervisor::Supervisor;

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

/// One `tools/call` for one server.
#[derive(Debug, Clone)]
pub struct Call {
    /// The `params` as raw JSON, with the server's own name of the tool.
    pub params: String,
    /// The id of the HTTP request that asks for it, for the log.
    pub request_id: String,
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

/// All servers of one origin.
#[derive(Debug)]
pub struct Upstreams {
    servers: HashMap<String, Handle>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    tickets: AtomicU64,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Handle {
    calls: mpsc::Sender<Command>,
    cancels: mpsc::UnboundedSender<u64>,
    call_timeout: Duration,
}

impl Upstreams {
    /// Starts every server and returns at once; the first complete snapshot follows. Must be called on a runtime.
    pub fn start(servers: &[Server], options: &Options) -> Self {
        let (board, snapshots) = Board::new(servers, options);
        let board = Arc::new(board);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let handles = servers.iter().enumerate().map(|(index, server)| {
            let (calls, inbox) = mpsc::channel(CALL_QUEUE);
            let (cancels, cancelled) = mpsc::unbounded_channel();
            let supervisor = Supervisor {
                index,
                server: server.clone(),
                options: options.clone(),
                board: Arc::clone(&board),
                calls: inbox,
                cancels: cancelled,
                stop: stop.clone(),
            };
            tasks.spawn(supervisor.run());
            (
                server.name.clone(),
                Handle {
                    calls,
                    cancels,
                    call_timeout: server.call_timeout,
                },
            )
        });
        let servers = handles.collect();
        tasks.close();
        Self {
            servers,
            snapshots,
            tickets: AtomicU64::new(0),
            stop,
            tasks,
        }
    }

    /// The capability snapshot, and how to see its changes.
    pub fn snapshot(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Calls a tool of `server` and waits for its answer, at most the server's `call_timeout`.
    ///
    /// A call that times out, or whose future is dropped, is cancelled at the server.
    pub async fn call(&self, server: &str, call: Call) -> Result<RawResult, CallError> {
        let handle = self
            .servers
            .get(server)
            .ok_or_else(|| CallError::UnknownServer(server.to_owned()))?;
        let mut line = LogLine {
            request_id: call.request_id,
            server,
            began: Instant::now(),
            outcome: "abandoned",
        };
        let (reply, answer) = oneshot::channel();
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let mut pending = Pending {
            answer: Some(answer),
            ticket,
            cancels: &handle.cancels,
        };
        let unavailable = |reason: &str| CallError::Unavailable {
            server: server.to_owned(),
            reason: reason.to_owned(),
        };
        let exchange = async {
            let command = Command {
                ticket,
                params: call.params,
                reply,
            };
            handle
                .calls
                .send(command)
                .await
                .map_err(|_| unavailable("the origin is shutting down"))?;
            pending
                .answer()
                .await
                .unwrap_or_else(|| Err(unavailable("the origin is shutting down")))
        };
        let outcome = timeout(handle.call_timeout, exchange)
            .await
            .unwrap_or_else(|_| {
                Err(CallError::Timeout {
                    server: server.to_owned(),
                    after: handle.call_timeout,
                })
            });
        line.outcome = word(&outcome);
        outcome
    }

    /// Ends every server: standard input closed, then SIGTERM, then SIGKILL, each to the whole process group. Returns when
    /// no process is left, after about four seconds at most.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// The line that every call leaves in the log, also one whose caller went away.
struct LogLine<'a> {
    request_id: String,
    server: &'a str,
    began: Instant,
    outcome: &'static str,
}

impl Drop for LogLine<'_> {
    fn drop(&mut self) {
        tracing::info!(
            request_id = self.request_id,
            server = self.server,
            outcome = self.outcome,
            duration_ms = self.began.elapsed().as_secs_f64() * 1000.0,
            "upstream call"
        );
    }
}

/// How a call went, for the log.
fn word(outcome: &Result<RawResult, CallError>) -> &'static str {
    match outcome {
        Ok(_) => "answered",
        Err(CallError::Refused(_)) => "refused",
        Err(CallError::Timeout { .. }) => "timeout",
        Err(CallError::Unavailable { .. } | CallError::UnknownServer(_)) => "unavailable",
    }
}

/// A call that was sent. Dropped before its answer it tells the supervisor.
struct Pending<'a> {
    answer: Option<oneshot::Receiver<Result<RawResult, CallError>>>,
    ticket: u64,
    cancels: &'a mpsc::UnboundedSender<u64>,
}

impl Pending<'_> {
    async fn answer(&mut self) -> Option<Result<RawResult, CallError>> {
        let outcome = self.answer.as_mut()?.await.ok();
        self.answer = None;
        outcome
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        // Closed before the message is sent: a call still in the queue is then seen to have nobody waiting.
        if self.answer.take().is_some() {
            let _ = self.cancels.send(self.ticket);
        }
    }
}

/// Calls that wait for a server to read its input. More wait in their own requests, which the connection limits bound.
const CALL_QUEUE: usize = 64;
