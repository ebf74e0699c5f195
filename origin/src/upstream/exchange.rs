//! One request to a server process, from its sending to its answer.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mcp::jsonrpc::Id;
use mcp::upstream::Caller;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::account::Account;
use super::pool::Load;
use super::trip::{Trace, Trip};
use super::{CallError, RawResult};
use crate::metrics::Called;

/// One request for a server.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its method.
    pub method: Cow<'static, str>,
    /// The `params` as raw JSON, with the server's own names in them.
    pub params: String,
    /// Who asks.
    pub caller: Caller,
    /// The id of the HTTP request that asks for it, for the log and for a remote server.
    pub request_id: String,
    /// Where that request belongs.
    pub trace: Trace,
    /// Whether it has no answer until somebody ends it: it has no time limit then.
    pub endless: bool,
}

/// What comes of a request.
#[derive(Debug)]
pub enum Heard {
    /// A notification that belongs to it.
    Note(Note),
    /// Its answer; nothing comes after it.
    Answer(Result<RawResult, CallError>),
}

/// A notification.
#[derive(Debug)]
pub struct Note {
    /// Its method.
    pub method: String,
    /// Its `params` as raw JSON.
    pub params: Option<String>,
}

/// What a process is given to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Send a request.
    Call(Command),
    /// Send a notification.
    Tell {
        method: String,
        params: Option<String>,
    },
    /// Send the answer to a request of the server.
    Respond {
        id: Id,
        outcome: Result<Box<str>, Box<str>>,
    },
}

/// One request on its way to a process.
#[derive(Debug)]
pub(super) struct Command {
    /// Unique among the requests of this origin.
    pub(super) ticket: u64,
    pub(super) method: Cow<'static, str>,
    /// `params` as raw JSON.
    pub(super) params: String,
    pub(super) caller: Caller,
    pub(super) trip: Arc<Trip>,
    /// Where its answer goes; `None` when nobody wants it.
    pub(super) reply: Option<Reply>,
}

/// Where the answer to a request goes, and what comes before it.
#[derive(Debug)]
pub(super) struct Reply {
    answer: oneshot::Sender<Result<RawResult, CallError>>,
    notes: mpsc::Sender<Note>,
}

impl Reply {
    /// Nobody waits any more.
    pub(super) fn is_closed(&self) -> bool {
        self.answer.is_closed()
    }

    /// Where its notifications go, for one who tells them while another makes the answer.
    pub(super) fn noter(&self) -> Noter {
        Noter(self.notes.clone())
    }

    pub(super) fn answer(self, outcome: Result<RawResult, CallError>) {
        let _ = self.answer.send(outcome);
    }

    /// A caller that takes its notifications too slowly misses some: they tell how far something is, and the next one says more.
    pub(super) fn note(&self, note: Note) {
        let _ = self.notes.try_send(note);
    }
}

/// See [`Reply::noter`].
#[derive(Debug)]
pub(super) struct Noter(mpsc::Sender<Note>);

impl Noter {
    /// See [`Reply::note`].
    pub(super) fn note(&self, note: Note) {
        let _ = self.0.try_send(note);
    }
}

impl Command {
    /// Answers that the server is not there.
    pub(super) fn refuse(self, server: &str, reason: &str) {
        if let Some(reply) = self.reply {
            reply.answer(Err(unavailable(server, reason)));
        }
    }
}

/// The way to one process.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) server: Arc<str>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) cancels: mpsc::UnboundedSender<u64>,
    pub(super) call_timeout: Duration,
    /// What all processes of the server have in common.
    pub(super) account: Arc<Account>,
    /// What the process has to do.
    pub(super) load: Arc<Load>,
}

/// The other end of a [`Line`].
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) orders: Orders,
    pub(super) cancels: mpsc::UnboundedReceiver<u64>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Orders {
    queue: mpsc::Receiver<Order>,
    /// Calls of a life that is over, which were not done in it.
    undone: VecDeque<Command>,
}

impl Orders {
    /// What is to be done next. May be dropped and called again.
    pub(super) async fn recv(&mut self) -> Option<Order> {
        match self.undone.pop_front() {
            Some(command) => Some(Order::Call(command)),
            None => self.queue.recv().await,
        }
    }

    /// Has these done before all others.
    pub(super) fn put_back(&mut self, undone: Vec<Command>) {
        self.undone.extend(undone);
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        self.queue.close();
    }
}

impl Line {
    pub(super) fn new(
        server: Arc<str>,
        call_timeout: Duration,
        account: Arc<Account>,
    ) -> (Self, Inbox) {
        let (orders, ordered) = mpsc::channel(CALL_QUEUE);
        let (cancels, cancelled) = mpsc::unbounded_channel();
        let line = Self {
            server,
            orders,
            cancels,
            call_timeout,
            account,
            load: Arc::default(),
        };
        let inbox = Inbox {
            orders: Orders {
                queue: ordered,
                undone: VecDeque::new(),
            },
            cancels: cancelled,
        };
        (line, inbox)
    }

    /// Hands a request to the process: at once where it reads what it is given, else while the exchange is waited for.
    pub(super) fn begin(self: &Arc<Self>, call: Call) -> Exchange {
        let (answer, answered) = oneshot::channel();
        let (notes, noted) = mpsc::channel(NOTE_QUEUE);
        let ticket = self.account.ticket();
        let began = Instant::now();
        let trip = Arc::new(Trip::new(call.request_id, call.trace));
        let entry = LogLine {
            server: Arc::clone(&self.server),
            account: Arc::clone(&self.account),
            tool: mcp::dispatch::tool_called(&call.method, &call.params),
            method: call.method.clone(),
            sent: call.params.len(),
            received: 0,
            trip: Arc::clone(&trip),
            began,
            outcome: "abandoned",
        };
        let command = Command {
            ticket,
            method: call.method,
            params: call.params,
            caller: call.caller,
            trip,
            reply: Some(Reply { answer, notes }),
        };
        let (sending, refused) = match self.orders.try_send(Order::Call(command)) {
            Ok(()) => (None, None),
            Err(TrySendError::Full(order)) => (Some(self.place_for(order)), None),
            Err(TrySendError::Closed(_)) => (None, Some(unavailable(&self.server, CLOSED))),
        };
        self.load.begin();
        self.account.begin();
        Exchange {
            notes: noted,
            answer: Some(answered),
            sending,
            refused,
            ticket,
            deadline: (!call.endless).then(|| began + self.call_timeout),
            line: Arc::clone(self),
            entry,
        }
    }

    /// Requests that the process has not read yet.
    pub(super) fn queued(&self) -> usize {
        self.orders.max_capacity() - self.orders.capacity()
    }

    /// Waits for a place in the queue. Dropped before there is one, nothing is sent.
    fn place_for(&self, order: Order) -> Sending {
        let orders = self.orders.clone();
        Sending(Box::pin(async move {
            if let Ok(place) = orders.reserve_owned().await {
                place.send(order);
            }
        }))
    }

    /// Sends a request whose answer nobody wants, unless too many are waiting.
    pub(super) fn send(&self, method: &'static str, params: String) {
        let command = Command {
            ticket: self.account.ticket(),
            method: method.into(),
            params,
            caller: Caller::Own,
            trip: Arc::default(),
            reply: None,
        };
        if self.orders.try_send(Order::Call(command)).is_err() {
            tracing::warn!(server = %self.server, method, "a request was not sent: the server reads too slowly");
        }
    }
}

/// A request that was handed to a process. Dropped before its answer it is cancelled there.
#[derive(Debug)]
pub struct Exchange {
    notes: mpsc::Receiver<Note>,
    answer: Option<oneshot::Receiver<Result<RawResult, CallError>>>,
    /// Its way into a queue that was full.
    sending: Option<Sending>,
    refused: Option<CallError>,
    ticket: u64,
    deadline: Option<Instant>,
    line: Arc<Line>,
    entry: LogLine,
}

struct Sending(Pin<Box<dyn Future<Output = ()> + Send>>);

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

impl Exchange {
    /// Waits for what comes next. May be dropped and called again, but not after the answer.
    pub async fn next(&mut self) -> Heard {
        let outcome = match (self.refused.take(), &mut self.answer) {
            (Some(error), _) => Err(error),
            (None, None) => Err(unavailable(&self.line.server, "it has answered already")),
            (None, Some(answer)) => {
                let deadline = self.deadline;
                let late = async {
                    match deadline {
                        Some(deadline) => sleep_until(deadline).await,
                        None => std::future::pending().await,
                    }
                };
                let sending = async {
                    if let Some(sending) = &mut self.sending {
                        sending.0.as_mut().await;
                    }
                    self.sending = None;
                    std::future::pending::<Infallible>().await
                };
                tokio::select! {
                    // What was said before the answer comes before it.
                    biased;
                    never = sending => match never {},
                    Some(note) = self.notes.recv() => return Heard::Note(note),
                    outcome = answer => {
                        self.answer = None;
                        outcome.unwrap_or_else(|_| Err(unavailable(&self.line.server, CLOSED)))
                    }
                    () = late => Err(self.too_late()),
                }
            }
        };
        self.entry.outcome = word(&outcome);
        self.entry.received = match &outcome {
            Ok(body) | Err(CallError::Refused(body)) => body.len(),
            Err(_) => 0,
        };
        Heard::Answer(outcome)
    }

    /// Waits for the answer alone.
    pub async fn answer(mut self) -> Result<RawResult, CallError> {
        loop {
            if let Heard::Answer(outcome) = self.next().await {
                return outcome;
            }
        }
    }

    /// Gives the server its whole time again: it waited for somebody else.
    pub fn renew(&mut self) {
        if self.deadline.is_some() {
            self.deadline = Some(Instant::now() + self.line.call_timeout);
        }
    }

    fn too_late(&self) -> CallError {
        CallError::Timeout {
            server: self.line.server.to_string(),
            after: self.line.call_timeout,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.line.load.end();
        self.line.account.end();
        // Closed before the message is sent: a request still in the queue is then seen to have nobody waiting.
        if self.answer.take().is_some() {
            let _ = self.line.cancels.send(self.ticket);
        }
    }
}

/// The line that every request leaves in the log, also one whose caller went away.
#[derive(Debug)]
struct LogLine {
    server: Arc<str>,
    account: Arc<Account>,
    method: Cow<'static, str>,
    /// The tool, of a call of one.
    tool: Option<String>,
    /// The length of `params`, and of the result or error.
    sent: usize,
    received: usize,
    trip: Arc<Trip>,
    began: Instant,
    outcome: &'static str,
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        if let Some(tool) = &self.tool {
            let called = Called {
                tool,
                outcome: self.outcome,
                began: self.began.into_std(),
                took,
                request_id: &self.trip.request_id,
            };
            self.account.called(&self.server, called);
        }
        tracing::info!(
            request_id = self.trip.request_id,
            server = %self.server,
            method = %self.method,
            tool = self.tool,
            outcome = self.outcome,
            duration_ms = took.as_secs_f64() * 1000.0,
            status = self.trip.status(),
            retries = self.trip.retries(),
            bytes_sent = self.sent,
            bytes_received = self.received,
            "upstream call"
        );
    }
}

/// How a request went, for the log.
fn word(outcome: &Result<RawResult, CallError>) -> &'static str {
    match outcome {
        Ok(_) => "answered",
        Err(CallError::Refused(_)) => "refused",
        Err(CallError::Timeout { .. }) => "timeout",
        Err(CallError::Unavailable { .. } | CallError::UnknownServer(_)) => "unavailable",
    }
}

pub(super) fn unavailable(server: &str, reason: &str) -> CallError {
    CallError::Unavailable {
        server: server.to_owned(),
        reason: reason.to_owned(),
    }
}

/// The one reason for which a process's line ends before the process's own end is told.
const CLOSED: &str = "the origin is shutting down";

/// Requests that wait for a server to read its input. More wait in their own callers, which the connection limits bound.
const CALL_QUEUE: usize = 64;

/// Notifications of one request that its caller has not taken yet.
const NOTE_QUEUE: usize = 64;
