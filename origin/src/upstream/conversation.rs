//! One life of one server: the link to it, the protocol machine, and the calls in flight.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mcp::jsonrpc::Id;
use mcp::upstream::{self, Event, Upstream};
use mcp::{Caching, Kind};
use tokio::time::{Instant, sleep_until, timeout};

use super::CallError;
use super::exchange::{Command, Note, Order, Reply};
use super::lines::{MAX_MESSAGE, Message};
use super::link::{Heard, Link};
use super::trip::Trip;

/// What is left of a talk that broke off.
#[derive(Debug)]
pub(super) struct Loss {
    /// Why it did, with what an operator may know beside.
    pub(super) reason: String,
    /// The calls that were not done, for the server's next life.
    pub(super) undone: Vec<Command>,
}

/// The talk with a server over its link.
#[derive(Debug)]
pub(super) struct Conversation {
    server: String,
    machine: Upstream,
    link: Link,
    /// The calls whose answers somebody waits for.
    waiting: HashMap<u64, Command>,
    /// Calls that the server has not done, though they were sent.
    undone: Vec<Command>,
    /// When a server that told of changes and stopped is asked to go on.
    listens_at: Option<Instant>,
    /// When each list of a server that says how long it is fresh is read again.
    stale_at: HashMap<Kind, Instant>,
    ignored: u32,
}

impl Conversation {
    /// Opens the talk.
    pub(super) fn new(server: &str, machine: Upstream, link: Link) -> Self {
        let mut conversation = Self {
            server: server.to_owned(),
            machine,
            link,
            waiting: HashMap::new(),
            undone: Vec::new(),
            listens_at: None,
            stale_at: HashMap::new(),
            ignored: 0,
        };
        conversation.collect();
        conversation
    }

    /// Whether calls may be given to [`Conversation::call`]: the server is ready and reads what it is sent.
    pub(super) fn takes_calls(&self) -> bool {
        self.machine.is_ready() && self.link.is_open() && self.link.backlog() < QUEUE_SOFT
    }

    /// Moves messages either way until something is to be told, or the talk is over (`Err` says why). May be dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Event>, String> {
        if let Some(event) = self.machine.poll_event() {
            return Ok(self.handle(event));
        }
        let stale = self.stale_at.iter().min_by_key(|(_, at)| **at);
        let stale = stale.map(|(kind, at)| (*kind, *at));
        tokio::select! {
            heard = self.link.step() => if let Some(heard) = heard? {
                match heard {
                    Heard::Message(message) => self.receive(&message),
                    Heard::Lost { id, reason, again } => self.lost(&id, &reason, again),
                }
                if self.link.backlog() > QUEUE_HARD {
                    return Err("it asks without reading the answers".to_owned());
                }
            },
            () = at(self.listens_at), if self.listens_at.is_some() => {
                self.listens_at = None;
                self.machine.listen();
                self.collect();
            },
            kind = grown_old(stale), if stale.is_some() => {
                // One that cannot be read this time is read the next.
                self.freshen(kind, Caching::OWN);
                self.machine.changed(kind);
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
        self.collect_for(Some(&Arc::clone(&command.trip)));
        if command.reply.is_some() {
            self.waiting.insert(command.ticket, command);
        }
    }

    /// A request has no answer. What the server has not done is kept for its next life.
    fn lost(&mut self, id: &Id, reason: &str, again: bool) {
        let ticket = self.machine.lost(id, reason);
        if let Some(command) = ticket.and_then(|ticket| self.waiting.remove(&ticket)) {
            if again {
                self.undone.push(command);
            } else {
                command.refuse(&self.server, reason);
            }
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

    /// Ends the talk in good order: every call in flight is answered with `reason`, then the server is asked to leave. Returns
    /// when nothing of it is left.
    pub(super) async fn end(self, reason: &str) {
        refuse(self.waiting, &self.server, reason);
        self.link.end(&self.server).await;
    }

    /// The talk broke off. The server may have answered with its last breath; every other call in flight is answered with the
    /// reason, or a better one that is found. Returns when nothing of the server is left.
    pub(super) async fn lose(mut self, mut reason: String) -> Loss {
        if let Some(better) = self.link.status().await {
            reason = better;
            // Not for ever: a process that the server left behind may write on.
            let _ = timeout(LAST_WORDS, self.last_words()).await;
        }
        refuse(self.waiting, &self.server, &reason);
        let tail = self.link.kill().await;
        if !tail.is_empty() {
            reason = format!("{reason}; its last lines were:\n{tail}");
        }
        Loss {
            reason,
            undone: self.undone,
        }
    }

    async fn last_words(&mut self) {
        while let Some(message) = self.link.last_word().await {
            self.receive(&message);
            while let Some(event) = self.machine.poll_event() {
                self.handle(event);
            }
        }
    }

    fn receive(&mut self, message: &Message) {
        match message {
            Message::Whole(message) => match std::str::from_utf8(message).map(str::trim) {
                Ok("") => {}
                Ok(text) => self.machine.receive(text),
                Err(_) => self.ignore("not UTF-8"),
            },
            Message::Part(part) => {
                let why = format!(
                    "the server `{}` sent a message longer than {} MiB",
                    self.server,
                    MAX_MESSAGE >> 20
                );
                tracing::warn!(server = self.server, "{why}");
                self.machine
                    .receive_part(&String::from_utf8_lossy(part), &why);
            }
        }
        self.collect();
    }

    /// Keeps for itself what concerns one call; what concerns the server is returned.
    fn handle(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Answer { ticket, outcome } => {
                let command = self.waiting.remove(&ticket);
                if let Some(reply) = command.and_then(|command| command.reply) {
                    reply.answer(outcome.map_err(CallError::Refused));
                }
                None
            }
            Event::Note {
                ticket,
                method,
                params,
            } => {
                let command = self.waiting.get(&ticket);
                if let Some(reply) = command.and_then(|command| command.reply.as_ref()) {
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
            event => {
                match &event {
                    Event::Ready(hello) => {
                        for kind in Kind::ALL {
                            if let Some(caching) = hello.offers.caching(kind) {
                                self.freshen(kind, caching);
                            }
                        }
                    }
                    Event::Listed { kind, list } => {
                        // A list that a relay reads once is not kept up for it.
                        if let Some(caching) =
                            list.caching.filter(|_| self.stale_at.contains_key(kind))
                        {
                            self.freshen(*kind, caching);
                        }
                    }
                    _ => {}
                }
                Some(event)
            }
        }
    }

    /// A list has just been read. One that is never fresh is read again as often as one of which a server says nothing is kept.
    fn freshen(&mut self, kind: Kind, caching: Caching) {
        let ttl = match caching.ttl_ms {
            0 => Caching::OWN.ttl_ms,
            // What is longer than a year is for ever.
            ttl => ttl.clamp(SHORTEST_TTL, 365 * 24 * 3_600_000),
        };
        let at = Instant::now() + Duration::from_millis(ttl);
        self.stale_at.insert(kind, at);
    }

    fn ignore(&mut self, reason: &str) {
        self.ignored = self.ignored.saturating_add(1);
        if self.ignored <= IGNORED_LOGGED {
            tracing::warn!(
                server = self.server,
                reason,
                "a message of the server was ignored"
            );
        }
    }

    fn collect(&mut self) {
        self.collect_for(None);
    }

    /// Sends what the machine has to say; `trip` goes along with the call that it is for.
    fn collect_for(&mut self, trip: Option<&Arc<Trip>>) {
        while let Some(message) = self.machine.poll_outgoing() {
            self.link.send(&message, trip);
        }
    }
}

async fn at(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

async fn grown_old(stale: Option<(Kind, Instant)>) -> Kind {
    match stale {
        Some((kind, at)) => {
            sleep_until(at).await;
            kind
        }
        None => std::future::pending().await,
    }
}

fn refuse(waiting: HashMap<u64, Command>, server: &str, reason: &str) {
    for command in waiting.into_values() {
        command.refuse(server, reason);
    }
}

/// What a caller may know of a reason: the error output of a server is for its operator.
pub(super) fn first_line(reason: &str) -> &str {
    reason.lines().next().unwrap_or_default()
}

/// How long a server that has ended a listen request is left alone. What changes meanwhile is told this much later; one that
/// ends every such request at once costs little.
const SILENCE: Duration = Duration::from_secs(5);

/// In milliseconds: a server whose lists are fresh for less than this is asked no more often, and clients are told what it says.
const SHORTEST_TTL: u64 = 1_000;

/// How long a link is listened to on after its end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Above this calls wait in their queue: a pipe holds 64 KiB on Linux, and a few of these keep it full.
const QUEUE_SOFT: usize = 1 << 20;

/// Above this the server is given up: one body of the largest size fits twice.
const QUEUE_HARD: usize = 32 << 20;

/// How many ignored messages of one life are logged: a server that prints for ever must not fill the log.
const IGNORED_LOGGED: u32 = 20;
