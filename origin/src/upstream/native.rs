//! The server that is no process: tools that are compiled in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use mcp::capabilities::Capabilities;
use mcp::native;
use mcp::upstream::Hello;
use mcp::{Kind, Offers};
use origin_config::{Launch, ProcessMode, Server};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::CallError;
use super::board::{Board, Seat};
use super::exchange::{Command, Inbox, Note, Noter, Order};
use crate::native::Toolbox;

/// The task that answers the calls of native tools.
#[derive(Debug)]
pub(super) struct Native {
    /// Its place on the board.
    pub(super) seat: Seat,
    pub(super) toolbox: Arc<Toolbox>,
    pub(super) board: Arc<Board>,
    pub(super) inbox: Inbox,
    pub(super) stop: CancellationToken,
}

/// Tells the caller of a native tool how far the tool is.
#[derive(Debug)]
pub struct Teller {
    notes: Noter,
    token: String,
}

impl Teller {
    /// See [`crate::native::Context::progress`].
    pub(crate) fn progress(&self, done: f64, total: Option<f64>, message: &str) {
        let message = Some(message).filter(|message| !message.is_empty());
        let (method, params) = native::progress(&self.token, (done, total), message);
        let params = Some(params);
        self.notes.note(Note { method, params });
    }
}

impl Native {
    /// Serves until `stop`; no call is under way then.
    pub(super) async fn run(mut self) {
        self.board.ready(self.seat, self.hello());
        let mut calls = JoinSet::new();
        let mut running: HashMap<u64, AbortHandle> = HashMap::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                Some(ticket) = self.inbox.cancels.recv() => {
                    if let Some(call) = running.remove(&ticket) {
                        call.abort();
                    }
                }
                Some(order) = self.inbox.orders.recv() => {
                    // A notification means nothing to these tools, and they ask nothing.
                    if let Order::Call(command) = order {
                        let ticket = command.ticket;
                        let toolbox = Arc::clone(&self.toolbox);
                        let call = calls.spawn(async move {
                            call(&toolbox, command).await;
                            ticket
                        });
                        running.insert(ticket, call);
                    }
                }
                Some(ended) = calls.join_next() => {
                    if let Ok(ticket) = ended {
                        running.remove(&ticket);
                    }
                }
            }
        }
    }

    fn hello(&self) -> Hello {
        let mut offers = Offers::default().with(Kind::Tools, self.toolbox.list());
        offers.capabilities = Capabilities::read("{\"tools\":{}}");
        Hello {
            protocol_version: mcp::Revision::LATEST_LEGACY.to_string(),
            server_info: None,
            offers,
        }
    }
}

async fn call(toolbox: &Toolbox, command: Command) {
    // Nobody waits any more, or nobody ever did.
    let Some(reply) = command.reply.filter(|reply| !reply.is_closed()) else {
        return;
    };
    let outcome = match native::read(&command.method, &command.params) {
        Ok(asked) => {
            let teller = asked.token.map(|token| Teller {
                notes: reply.noter(),
                token,
            });
            toolbox.call(&asked.tool, &asked.arguments, teller).await
        }
        Err(error) => Err(error),
    };
    reply.answer(outcome.map_err(|error| CallError::Refused(error.to_json().into())));
}

/// What stands for it among the servers.
pub(super) fn server(name: &str) -> Server {
    Server {
        name: name.to_owned(),
        command: Vec::new(),
        remote: None,
        socket: None,
        working_directory: None,
        environment: BTreeMap::new(),
        environment_pass: Vec::new(),
        launch: Launch::default(),
        filter: origin_config::Filter::default(),
        start_timeout: Duration::ZERO,
        call_timeout: CALL_TIMEOUT,
        process: ProcessMode::Shared,
        max_processes: 0,
    }
}

/// The default of `call_timeout`.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
