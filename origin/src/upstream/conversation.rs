//! One life of one server process: its pipes, the protocol machine, and the calls in flight.

use std::collections::HashMap;
use std::io;

use mcp::upstream::{Event, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::lines::{Line, Lines};
use super::{CallError, RawResult};

/// One call on its way to a server.
#[derive(Debug)]
pub(super) struct Command {
    /// Unique among the calls of this origin.
    pub(super) ticket: u64,
    /// `params` as raw JSON.
    pub(super) params: String,
    /// Where the answer goes.
    pub(super) reply: oneshot::Sender<Result<RawResult, CallError>>,
}

impl Command {
    /// Answers that the server is not there.
    pub(super) fn refuse(self, server: &str, reason: &str) {
        let (server, reason) = (server.to_owned(), reason.to_owned());
        let _ = self
            .reply
            .send(Err(CallError::Unavailable { server, reason }));
    }
}

/// The talk with a server over its pipes.
#[derive(Debug)]
pub(super) struct Conversation {
    server: String,
    machine: Upstream,
    stdin: ChildStdin,
    lines: Lines<ChildStdout>,
    /// What the server has not read yet.
    unsent: Vec<u8>,
    waiting: HashMap<u64, oneshot::Sender<Result<RawResult, CallError>>>,
    ignored: u32,
}

impl Conversation {
    /// Opens the talk; `client` is the origin's name. The rest of the pipes is not needed here.
    pub(super) fn new(server: &str, client: &str, stdin: ChildStdin, stdout: ChildStdout) -> Self {
        let mut conversation = Self {
            server: server.to_owned(),
            machine: Upstream::new(client, env!("CARGO_PKG_VERSION")),
            stdin,
            lines: Lines::new(stdout, MAX_LINE),
            unsent: Vec::new(),
            waiting: HashMap::new(),
            ignored: 0,
        };
        conversation.collect();
        conversation
    }

    /// Whether calls may be given to [`Conversation::call`]: the server is ready and reads what it is sent.
    pub(super) fn takes_calls(&self) -> bool {
        self.machine.is_ready() && self.unsent.len() < QUEUE_SOFT
    }

    /// Moves bytes either way until something is to be told, or the talk is over (`Err` says why). May be dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Event>, String> {
        if let Some(event) = self.machine.poll_event() {
            return Ok(self.handle(event));
        }
        tokio::select! {
            line = self.lines.next() => self.receive(line)?,
            sent = self.stdin.write(&self.unsent), if !self.unsent.is_empty() => match sent {
                Ok(0) => return Err("it closed its standard input".to_owned()),
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) => return Err(format!("it does not read its standard input: {error}")),
            },
        }
        Ok(None)
    }

    /// Sends a call, unless nobody waits for it any more.
    pub(super) fn call(&mut self, command: Command) {
        if command.reply.is_closed() {
            return;
        }
        if !self.machine.call(command.ticket, &command.params) {
            return command.refuse(&self.server, "it is starting");
        }
        self.waiting.insert(command.ticket, command.reply);
        self.collect();
    }

    /// Tells the server that nobody waits for a call any more.
    pub(super) fn cancel(&mut self, ticket: u64) {
        self.waiting.remove(&ticket);
        self.machine
            .cancel(ticket, "the caller does not wait any longer");
        self.collect();
    }

    /// Reads what is left in the pipe of a server that has ended: it may have answered with its last breath.
    pub(super) async fn drain(&mut self) {
        while let Ok(Line::Whole(line)) = self.lines.next().await {
            let _ = self.receive(Ok(Line::Whole(line)));
            while let Some(event) = self.machine.poll_event() {
                self.handle(event);
            }
        }
    }

    /// Answers every call in flight with the end of the server, and closes its pipes.
    pub(super) fn close(self, reason: &str) {
        for reply in self.waiting.into_values() {
            let (server, reason) = (self.server.clone(), reason.to_owned());
            let _ = reply.send(Err(CallError::Unavailable { server, reason }));
        }
    }

    fn receive(&mut self, line: io::Result<Line>) -> Result<(), String> {
        let line = match line {
            Ok(Line::Whole(line)) => line,
            Ok(Line::Cut(_)) => {
                return Err(format!("it sent a line longer than {} MiB", MAX_LINE >> 20));
            }
            Ok(Line::End) => return Err("it closed its standard output".to_owned()),
            Err(error) => return Err(format!("its standard output cannot be read: {error}")),
        };
        match std::str::from_utf8(&line).map(str::trim) {
            Ok("") => {}
            Ok(text) => self.machine.receive(text),
            Err(_) => self.ignore("not UTF-8"),
        }
        self.collect();
        if self.unsent.len() > QUEUE_HARD {
            return Err("it asks without reading the answers".to_owned());
        }
        Ok(())
    }

    /// Keeps for itself what concerns one call; what concerns the server is returned.
    fn handle(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Answer { ticket, outcome } => {
                if let Some(reply) = self.waiting.remove(&ticket) {
                    let _ = reply.send(outcome.map_err(CallError::Refused));
                }
                None
            }
            // Answers go out as one JSON body, which has no place for progress.
            Event::Progress { ticket, .. } => {
                tracing::debug!(server = self.server, ticket, "progress");
                None
            }
            Event::Ignored(reason) => {
                self.ignore(&reason);
                None
            }
            event => Some(event),
        }
    }

    fn ignore(&mut self, reason: &str) {
        self.ignored = self.ignored.saturating_add(1);
        if self.ignored <= IGNORED_LOGGED {
            tracing::warn!(
                server = self.server,
                reason,
                "a line of the server was ignored"
            );
        }
    }

    fn collect(&mut self) {
        while let Some(line) = self.machine.poll_outgoing() {
            self.unsent.extend_from_slice(line.as_bytes());
            self.unsent.push(b'\n');
        }
    }
}

/// The longest line of a server: rmcp's cap since 3.6.0.
const MAX_LINE: usize = 16 << 20;

/// Above this calls wait in their queue: a pipe holds 64 KiB on Linux, and a few of these keep it full.
const QUEUE_SOFT: usize = 1 << 20;

/// Above this the server is given up: one body of the largest size fits twice.
const QUEUE_HARD: usize = 32 << 20;

/// How many ignored lines of one process are logged: a server that prints for ever must not fill the log.
const IGNORED_LOGGED: u32 = 20;
