//! The client's side of one connection to an MCP server: messages in, messages and events out.
//!
//! The conversation begins with the question which era the server is of ([`Probe`]); from then on every request goes out in
//! that era, whoever makes it, and every answer comes back in the era of its caller. Then there are two ways on. A *shared*
//! connection serves many clients: it reads the server's lists, and calls of many callers go through under ids of their own. A
//! *relay* serves one client, whose capabilities it greets with: what the server asks or tells is for that client. Time-outs
//! are the caller's: it asks to [`Upstream::cancel`] what took too long.

mod eras;
mod event;
mod listening;
mod listing;
mod lists;
mod notices;
mod opening;
mod translate;

use std::collections::{HashMap, VecDeque};

use crate::capabilities::Capabilities;
use crate::dispatch::method;
use crate::error::{Error, INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::jsonrpc::{self, Id, Message, Request, Response};
use crate::level::Level;
use crate::offers::Kind;
use crate::raw::{self, Object, quote};
use crate::rounds;
use crate::version::{Era, Revision};
use listening::Listening;
use listing::Listing;
use opening::Opening;

pub use eras::Eras;
pub use event::{Call, Caller, Event, Greeting, Hello, Probe, Told};

/// The state of one connection.
#[derive(Debug)]
pub struct Upstream {
    phase: Phase,
    shared: bool,
    told: Told,
    /// For whom the connection was opened: the origin, or the one client.
    own: Greeting,
    next_id: u64,
    pending: HashMap<u64, Pending>,
    tickets: HashMap<u64, u64>,
    listings: HashMap<Kind, Listing>,
    listening: Listening,
    capabilities: Capabilities,
    /// The level that the log messages of a server up to 2025-11-25 were asked for from.
    level: Option<Level>,
    outgoing: VecDeque<String>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Phase {
    /// Asking for the era.
    Opening(Opening),
    /// Listing for the first time: what was said so far waits for the lists.
    Listing(Era, Box<Hello>),
    Ready(Era),
    Failed,
}

#[derive(Debug)]
enum Pending {
    /// The question for an era.
    Opening(Era),
    Page(Kind),
    Listen,
    /// Something whose answer nobody looks at.
    Nothing,
    Call(Pended),
}

/// A call without an answer.
#[derive(Debug)]
struct Pended {
    ticket: u64,
    caller: Caller,
    token: Option<String>,
    listens: bool,
    reads: bool,
}

impl Upstream {
    /// Opens a shared connection. `name` and `version` are those of the client: the origin. A server up to 2025-11-25 that is told
    /// nothing, and keeps to the protocol, asks nothing on its own.
    pub fn shared(name: &str, version: &str, probe: Probe, told: Told) -> Self {
        let own = Greeting {
            revision: Revision::LATEST_LEGACY,
            capabilities: rounds::ALL.into(),
            client_info: format!(
                "{{\"name\":{},\"version\":{}}}",
                quote(name),
                quote(version)
            )
            .into(),
        };
        Self::open(own, true, probe, told)
    }

    /// Opens a relay for one client.
    pub fn relay(greeting: &Greeting, probe: Probe) -> Self {
        Self::open(greeting.clone(), false, probe, Told::Everything)
    }

    fn open(own: Greeting, shared: bool, probe: Probe, told: Told) -> Self {
        let mut upstream = Self {
            phase: Phase::Opening(Opening::default()),
            shared,
            told,
            own,
            next_id: 1,
            pending: HashMap::new(),
            tickets: HashMap::new(),
            listings: HashMap::new(),
            listening: Listening::default(),
            capabilities: Capabilities::default(),
            level: None,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        };
        upstream.probe(probe);
        upstream
    }

    /// The next line for the server, without its line break.
    pub fn poll_outgoing(&mut self) -> Option<String> {
        self.outgoing.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether calls may go out.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready(_))
    }

    /// The era of the server, once it is found.
    pub fn era(&self) -> Option<Era> {
        match &self.phase {
            Phase::Listing(era, _) | Phase::Ready(era) => Some(*era),
            Phase::Opening(_) | Phase::Failed => None,
        }
    }

    /// How many calls have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.tickets.len()
    }

    /// Sends one request; its answer comes as [`Event::Answer`]. `params` goes out as it is, but for what the server's era needs
    /// otherwise, and for a progress token, which becomes the request's own id: two callers may have chosen the same.
    ///
    /// `false` when the connection is not ready; nothing is sent then.
    pub fn call(&mut self, call: Call<'_>) -> bool {
        let Phase::Ready(era) = self.phase else {
            return false;
        };
        if era == Era::Modern && self.kept_from_modern(&call) {
            return true;
        }
        if era == Era::Legacy {
            self.lower_level(call.caller.level());
        }
        let params = translate::params(era, call.params, call.caller, &self.own);
        let (params, token) = own_token(params, self.next_id);
        let pended = Pended {
            ticket: call.ticket,
            caller: call.caller.clone(),
            token,
            listens: call.method == method::LISTEN,
            reads: call.method == method::RESOURCES_READ,
        };
        let id = self.request(call.method, &params, Pending::Call(pended));
        self.tickets.insert(call.ticket, id);
        true
    }

    /// What 2026-07-28 has no request for is done here. `false`: it has one.
    fn kept_from_modern(&mut self, call: &Call<'_>) -> bool {
        match call.method {
            method::SUBSCRIBE | method::UNSUBSCRIBE => self.subscribe(call),
            // Each request says for itself what it wants to have logged.
            method::SET_LEVEL => self.answered(call.ticket, Ok("{}")),
            _ => return false,
        }
        true
    }

    /// Has a server up to 2025-11-25 log what a caller wants to read. Others who read filter by their own level.
    fn lower_level(&mut self, wanted: Option<Level>) {
        let Some(wanted) = wanted.filter(|_| self.shared && self.capabilities.logging) else {
            return;
        };
        if self.level.is_none_or(|level| wanted < level) {
            self.level = Some(wanted);
            self.request(method::SET_LEVEL, &wanted.params(), Pending::Nothing);
        }
    }

    /// Passes on a notification of the client. 2026-07-28 has none.
    pub fn tell(&mut self, method: &str, params: Option<&str>) {
        if self.era() != Some(Era::Modern) {
            self.notify(method, params);
        }
    }

    /// Passes on the client's answer to [`Event::Asked`].
    pub fn respond(&mut self, id: &Id, outcome: Result<&str, &str>) {
        let (member, value) = match outcome {
            Ok(result) => ("result", result),
            Err(error) => ("error", error),
        };
        let value = raw::one_line(value);
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"{member}\":{value}}}"
        ));
    }

    /// Tells the server that nobody waits for `ticket` any more. A late answer is dropped.
    pub fn cancel(&mut self, ticket: u64, reason: &str) {
        self.listening.forget(ticket);
        if let Some(id) = self.tickets.remove(&ticket) {
            self.take_back(id, reason);
        }
    }

    /// Tells the server that a request needs no answer any more.
    fn take_back(&mut self, id: u64, reason: &str) {
        self.pending.remove(&id);
        let params = format!("{{\"requestId\":{id},\"reason\":{}}}", quote(reason));
        self.notify(method::CANCELLED, Some(&params));
    }

    /// Takes one line of the server, without its line break.
    pub fn receive(&mut self, line: &str) {
        match jsonrpc::read(line) {
            Ok(Message::Response(response)) => self.response(&response),
            Ok(Message::Request(request)) => self.asked(&request),
            Ok(Message::Notification(notification)) => self.noticed(&notification),
            Err(error) => self.ignore(format!("not a message: {}", error.to_error().message)),
        }
    }

    /// Takes the first part of a line that is too long to be read. The request that it answers, where the part says which,
    /// fails with `why`; anything else is passed over.
    pub fn receive_part(&mut self, part: &str, why: &str) {
        let id = raw::in_part(part, "id").and_then(|id| id.parse().ok());
        match id.filter(|id| self.pending.contains_key(id)) {
            Some(id) if raw::in_part(part, "method").is_none() => {
                let error = Error::new(INTERNAL_ERROR, why).to_json();
                self.response(&Response {
                    id: Some(Id::of(id)),
                    outcome: Err(&error),
                });
            }
            _ => self.ignore(why.to_owned()),
        }
    }

    /// The request `id` got lost on its way and will have no answer. The ticket of the call that it was comes back; of one of the
    /// connection's own the same becomes as if the server had refused it.
    pub fn lost(&mut self, id: &Id, why: &str) -> Option<u64> {
        let number = id.number()?;
        if let Some(Pending::Call(pended)) = self.pending.get(&number) {
            let ticket = pended.ticket;
            self.pending.remove(&number);
            self.tickets.remove(&ticket);
            return Some(ticket);
        }
        let error = Error::new(INTERNAL_ERROR, why).to_json();
        self.response(&Response {
            id: Some(id.clone()),
            outcome: Err(&error),
        });
        None
    }

    fn response(&mut self, response: &Response<'_>) {
        let id = response.id.as_ref().and_then(Id::number);
        let pending = id.and_then(|id| Some((id, self.pending.remove(&id)?)));
        match pending {
            Some((_, Pending::Call(pended))) => self.call_answered(&pended, response.outcome),
            Some((_, Pending::Opening(era))) => self.opened(era, response.outcome),
            Some((_, Pending::Page(kind))) => self.page(kind, response.outcome),
            Some((id, Pending::Listen)) => self.listen_ended(id, response.outcome.err()),
            Some((_, Pending::Nothing)) => {}
            // The answer to a call that was cancelled crossed the cancellation on its way.
            None if id.is_some_and(|id| id != 0 && id < self.next_id) => {}
            None => self.ignore("an answer to a request that was never made".to_owned()),
        }
    }

    fn call_answered(&mut self, pended: &Pended, outcome: Result<&str, &str>) {
        self.tickets.remove(&pended.ticket);
        let era = self.era().unwrap_or(Era::Legacy);
        let caller = &pended.caller;
        let outcome = match outcome {
            Ok(result) => Ok(translate::result(era, result, caller)),
            Err(error) => Err(translate::error(error, pended.reads, caller)),
        };
        let ticket = pended.ticket;
        self.events.push_back(Event::Answer { ticket, outcome });
    }

    /// Answers a call that no server had to see.
    fn answered(&mut self, ticket: u64, outcome: Result<&str, &str>) {
        let outcome = outcome.map(Into::into).map_err(Into::into);
        self.events.push_back(Event::Answer { ticket, outcome });
    }

    fn asked(&mut self, request: &Request<'_>) {
        // Servers of 2026-07-28 ask in their answers.
        if !self.shared && matches!(self.phase, Phase::Ready(Era::Legacy)) {
            self.events.push_back(Event::Asked {
                id: request.id.clone(),
                method: request.method.clone().into_owned(),
                params: request.params.map(ToOwned::to_owned),
            });
            return;
        }
        let outcome = match request.method.as_ref() {
            method::PING => Ok("{}".to_owned()),
            // Asked as soon as it is allowed, by servers that keep the answer: without a client there are none.
            method::ROOTS if self.told == Told::Everything => Ok("{\"roots\":[]}".to_owned()),
            _ => Err(self.unserved(request)),
        };
        self.respond(&request.id, outcome.as_deref().map_err(String::as_str));
    }

    /// The refusal of a request that no client is there to answer.
    fn unserved(&self, request: &Request<'_>) -> String {
        let why = match self.told {
            Told::Everything if rounds::is_question(&request.method) => {
                "the client of this call does not declare that it answers"
            }
            _ => "nobody here serves",
        };
        let message = quote(&format!("{why} `{}`", request.method));
        format!("{{\"code\":{METHOD_NOT_FOUND},\"message\":{message}}}")
    }

    fn request(&mut self, method: &str, params: &str, pending: Pending) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.pending.insert(id, pending);
        let params = raw::one_line(params);
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{},\"params\":{params}}}",
            quote(method)
        ));
        id
    }

    /// A request that the connection makes for itself, in the era of the server.
    fn own_request(&mut self, method: &str, params: &str, pending: Pending) -> u64 {
        let era = self.era().unwrap_or(Era::Legacy);
        let params = translate::params(era, params, &Caller::Own, &self.own);
        self.request(method, &params, pending)
    }

    fn notify(&mut self, method: &str, params: Option<&str>) {
        let params = params
            .map(|params| format!(",\"params\":{}", raw::one_line(params)))
            .unwrap_or_default();
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":{}{params}}}",
            quote(method)
        ));
    }

    fn fail(&mut self, reason: String) {
        self.phase = Phase::Failed;
        self.events.push_back(Event::Failed(reason));
    }

    fn ignore(&mut self, reason: String) {
        self.events.push_back(Event::Ignored(reason));
    }
}

/// `params` with its progress token replaced by `id`, and the token that was there.
fn own_token(params: String, id: u64) -> (String, Option<String>) {
    let replaced = Object::read(&params).and_then(|object| {
        let meta = object.find("_meta")?;
        let inner = Object::read(meta.value)?;
        let token = inner.find("progressToken")?;
        let params = object.replaced(meta, &inner.replaced(token, &id.to_string()));
        Some((params, Some(token.value.to_owned())))
    });
    replaced.unwrap_or((params, None))
}
