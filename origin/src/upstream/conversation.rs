//! One life of one server process: its pipes, the protocol machine, and the calls in flight.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use mcp::upstream::{self, Event, Upstream};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::{Instant, sleep_until};

use super::CallError;
use super::exchange::{Command, Note, Order, Reply, unavailable};
use super::lines::{Line, Lines};

/// The talk with a server over its pipes.
#[derive(Debug)]
pub(super) struct Conversation {
    server: String,
    machine: Upstream,
    stdin: ChildStdin,
    lines: Lines<ChildStdout>,
    /// What the server has not read yet.
    unsent: Vec<u8>,
    waiting: HashMap<u64, Reply>,
    /// When a server that told of changes and stopped is asked to go on.
    listens_at: Option<Instant>,
    ignored: u32,
}

impl Conversation {
    /// Opens the talk.
    pub(super) fn new(
        server: &str,
        machine: Upstream,
        stdin: ChildStdin,
        stdout: ChildStdout,
    ) -> Self {
        let mut conversation = Self {
            server: server.to_owned(),
            machine,
            stdin,
            lines: Lines::new(stdout, MAX_LINE),
            unsent: Vec::new(),
            waiting: HashMap::new(),
            listens_at: None,
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
            () = at(self.listens_at), if self.listens_at.is_some() => {
                self.listens_at = None;
                self.machine.listen();
                self.collect();
            }
        }
        Ok(None)
    }

    /// Does what is ordered.
    pub(super) fn order(&mut self, order: Order) {
        match order {
            Order::Call(command) => self.call(command),
            Order::Tell { method, params } => {
                self.machine.tell(&method, params.as_deref());
                self.collect();
            }
            Order::Respond { id, outcome } => {
                let outcome = outcome.as_deref().map_err(AsRef::as_ref);
                self.machine.respond(&id, outcome);
                self.collect();
            }
        }
    }

    /// Sends a request, unless nobody waits for it any more.
    fn call(&mut self, command: Command) {
        if command.reply.as_ref().is_some_and(Reply::is_closed) {
            return;
        }
        let sent = self.machine.call(upstream::Call {
            ticket: command.ticket,
            method: &command.method,
            params: &command.params,
            caller: &command.caller,
        });
        if !sent {
            return command.refuse(&self.server, "it is starting");
        }
        if let Some(reply) = command.reply {
            self.waiting.insert(command.ticket, reply);
        }
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
            reply.answer(Err(unavailable(&self.server, reason)));
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
                    reply.answer(outcome.map_err(CallError::Refused));
                }
                None
            }
            Event::Note {
                ticket,
                method,
                params,
            } => {
                if let Some(reply) = self.waiting.get(&ticket) {
                    reply.note(Note { method, params });
                }
                None
            }
            Event::Ignored(reason) => {
                self.ignore(&reason);
                None
            }
            Event::Silent => {
                self.listens_at = Some(Instant::now() + SILENCE);
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

async fn at(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

/// How long a server that has ended a listen request is left alone. What changes meanwhile is told this much later; one that
/// ends every such request at once costs little.
const SILENCE: Duration = Duration::from_secs(5);

/// The longest line of a server: rmcp's cap since 3.6.0.
const MAX_LINE: usize = 16 << 20;

/// Above this calls wait in their queue: a pipe holds 64 KiB on Linux, and a few of these keep it full.
const QUEUE_SOFT: usize = 1 << 20;

/// Above this the server is given up: one body of the largest size fits twice.
const QUEUE_HARD: usize = 32 << 20;

/// How many ignored lines of one process are logged: a server that prints for ever must not fill the log.
const IGNORED_LOGGED: u32 = 20;
