//! The client's side of one connection to an MCP server: lines in, lines and events out.
//!
//! The conversation opens with the handshake of 2025-11-25, which every stdio server of today takes. Then there are two ways on.
//! A *shared* connection serves many clients: it asks once whether the server knows 2026-07-28 too, reads its lists, and calls
//! of many callers go through under ids of their own. A *relay* serves one client, whose capabilities it greets with: what
//! the server asks or tells is for that client. Time-outs are the caller's: it asks to [`Upstream::cancel`] what took too long.

mod event;
mod listing;

use std::collections::{HashMap, VecDeque};

use crate::capabilities::Capabilities;
use crate::dispatch::{
    CLIENT_CAPABILITIES, CLIENT_INFO, PROTOCOL_VERSION, SUBSCRIPTION_ID, method,
};
use crate::error::{Error, INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::jsonrpc::{self, Id, Message, Notification, Request, Response};
use crate::offers::{Kind, Offers};
use crate::raw::{self, Object, quote};
use crate::version::Revision;
use listing::{Listing, Next};

pub use event::{Call, Event, Greeting, Hello, Logs};

/// The state of one connection.
#[derive(Debug)]
pub struct Upstream {
    phase: Phase,
    role: Role,
    next_id: u64,
    pending: HashMap<u64, Pending>,
    tickets: HashMap<u64, u64>,
    listings: HashMap<Kind, Listing>,
    outgoing: VecDeque<String>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Role {
    /// With the origin's own `clientInfo`, until it was used.
    Shared(String),
    Relay,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    /// Listing for the first time: what was said so far waits for the lists.
    Opening(Box<Hello>),
    Ready,
    Failed,
}

#[derive(Debug)]
enum Pending {
    Initialize,
    Discover,
    Page(Kind),
    Call {
        ticket: u64,
        token: Option<String>,
        logs: Logs,
        listens: bool,
    },
}

impl Upstream {
    /// Opens a shared connection. `name` and `version` are those of the client: the origin. No capabilities are declared, so a
    /// server that keeps to the protocol asks nothing.
    pub fn new(name: &str, version: &str) -> Self {
        let info = client_info(name, version);
        let mut upstream = Self::with(Role::Shared(info.clone()));
        upstream.greet(Revision::LATEST_LEGACY, "{}", &info);
        upstream
    }

    /// Opens a relay for one client.
    pub fn relay(greeting: &Greeting) -> Self {
        let mut upstream = Self::with(Role::Relay);
        upstream.greet(
            greeting.revision,
            &greeting.capabilities,
            &greeting.client_info,
        );
        upstream
    }

    fn with(role: Role) -> Self {
        Self {
            phase: Phase::Greeting,
            role,
            next_id: 1,
            pending: HashMap::new(),
            tickets: HashMap::new(),
            listings: HashMap::new(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn greet(&mut self, revision: Revision, capabilities: &str, info: &str) {
        let params = format!(
            "{{\"protocolVersion\":\"{revision}\",\"capabilities\":{capabilities},\"clientInfo\":{info}}}"
        );
        self.request(method::INITIALIZE, &params, Pending::Initialize);
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
        matches!(self.phase, Phase::Ready)
    }

    /// How many calls have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.tickets.len()
    }

    /// Sends one request; its answer comes as [`Event::Answer`]. `params` goes out as it is, but for a progress token, which
    /// becomes the request's own id: two callers may have chosen the same.
    ///
    /// `false` when the connection is not ready; nothing is sent then.
    pub fn call(&mut self, call: Call<'_>) -> bool {
        if !self.is_ready() {
            return false;
        }
        let (params, token) = own_token(call.params, self.next_id);
        let pending = Pending::Call {
            ticket: call.ticket,
            token,
            logs: call.logs,
            listens: call.method == method::LISTEN,
        };
        let id = self.request(call.method, &params, pending);
        self.tickets.insert(call.ticket, id);
        true
    }

    /// Passes on a notification of the client.
    pub fn tell(&mut self, method: &str, params: Option<&str>) {
        self.notify(method, params);
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
        if let Some(id) = self.tickets.remove(&ticket) {
            self.pending.remove(&id);
            let params = format!("{{\"requestId\":{id},\"reason\":{}}}", quote(reason));
            self.notify(method::CANCELLED, Some(&params));
        }
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
        if let Some(Pending::Call { ticket, .. }) = self.pending.get(&number) {
            let ticket = *ticket;
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
        match id.and_then(|id| self.pending.remove(&id)) {
            Some(Pending::Call { ticket, .. }) => {
                self.tickets.remove(&ticket);
                let outcome = response.outcome.map(Into::into).map_err(Into::into);
                self.events.push_back(Event::Answer { ticket, outcome });
            }
            Some(Pending::Initialize) => self.greeted(response.outcome),
            Some(Pending::Discover) => self.discovered(response.outcome),
            Some(Pending::Page(kind)) => self.page(kind, response.outcome),
            // The answer to a call that was cancelled crossed the cancellation on its way.
            None if id.is_some_and(|id| id != 0 && id < self.next_id) => {}
            None => self.ignore("an answer to a request that was never made".to_owned()),
        }
    }

    fn greeted(&mut self, outcome: Result<&str, &str>) {
        let result = match outcome {
            Ok(result) => result,
            Err(error) => return self.fail(format!("the server refused the handshake: {error}")),
        };
        let object = Object::read(result);
        let member = |key: &str| Some(object.as_ref()?.find(key)?.value);
        let text = |key: &str| Some(raw::unquote(member(key)?)?.into_owned());
        let Some(protocol_version) = text("protocolVersion") else {
            return self.fail("the server's handshake names no protocol version".to_owned());
        };
        if !SPOKEN.contains(&protocol_version.as_str()) {
            return self.fail(format!(
                "the server speaks MCP `{protocol_version}`, which is not known here"
            ));
        }
        let capabilities = member("capabilities").map(Capabilities::read);
        let offers = Offers {
            capabilities: capabilities.unwrap_or_default(),
            instructions: text("instructions"),
            ..Offers::default()
        };
        let kinds = Kind::ALL.into_iter();
        let kinds: Vec<Kind> = kinds.filter(|kind| kind.of(&offers.capabilities)).collect();
        self.notify(method::INITIALIZED, None);
        self.phase = Phase::Opening(Box::new(Hello {
            protocol_version,
            server_info: member("serverInfo").map(Into::into),
            offers,
        }));
        if let Role::Shared(info) = &mut self.role {
            // Before the lists: a server that does one thing after another has answered it when they are read.
            let params = discovery(&std::mem::take(info));
            self.request(method::DISCOVER, &params, Pending::Discover);
            for kind in kinds {
                self.list(kind);
            }
        }
        self.settle();
    }

    /// Servers of the older revisions refuse the question, or never answer it: nothing waits for it.
    fn discovered(&mut self, outcome: Result<&str, &str>) {
        let object = outcome.ok().and_then(Object::read);
        let member = |key: &str| Some(object.as_ref()?.find(key)?.value);
        let latest = quote(Revision::LATEST.as_str());
        let serves = member("supportedVersions")
            .and_then(raw::elements)
            .is_some_and(|versions| versions.contains(&latest.as_str()));
        if !serves {
            return;
        }
        let modern = Capabilities::read(member("capabilities").unwrap_or_default());
        match &mut self.phase {
            Phase::Opening(hello) => hello.offers.modern = Some(modern),
            Phase::Ready => self.events.push_back(Event::Modern(modern)),
            Phase::Greeting | Phase::Failed => {}
        }
    }

    fn list(&mut self, kind: Kind) {
        self.listings.insert(kind, Listing::default());
        self.request(method::of_list(kind), "{}", Pending::Page(kind));
    }

    fn page(&mut self, kind: Kind, outcome: Result<&str, &str>) {
        let Some(listing) = self.listings.remove(&kind) else {
            return;
        };
        match listing.page(kind, outcome) {
            Next::Page(listing, cursor) => {
                self.listings.insert(kind, listing);
                let params = format!("{{\"cursor\":{cursor}}}");
                self.request(method::of_list(kind), &params, Pending::Page(kind));
            }
            Next::End { stale: true, .. } => self.list(kind),
            Next::End { items, .. } => self.listed(kind, items),
            // Without a first list of its tools a server is of no use; without a later one it keeps what it had, and
            // servers that declare resources and know no templates are common.
            Next::Broken(reason) if kind == Kind::Tools && !self.is_ready() => self.fail(reason),
            Next::Broken(reason) => {
                self.ignore(reason);
                self.settle();
            }
        }
    }

    fn listed(&mut self, kind: Kind, items: Vec<Box<str>>) {
        match &mut self.phase {
            Phase::Opening(hello) => hello.offers.set(kind, items),
            _ => self.events.push_back(Event::Listed { kind, items }),
        }
        self.settle();
    }

    /// Becomes ready when all that was to be read is read.
    fn settle(&mut self) {
        if !self.listings.is_empty() || !matches!(self.phase, Phase::Opening(_)) {
            return;
        }
        if let Phase::Opening(hello) = std::mem::replace(&mut self.phase, Phase::Ready) {
            self.events.push_back(Event::Ready(*hello));
        }
    }

    fn asked(&mut self, request: &Request<'_>) {
        if matches!(self.role, Role::Relay) && self.is_ready() {
            self.events.push_back(Event::Asked {
                id: request.id.clone(),
                method: request.method.clone().into_owned(),
                params: request.params.map(ToOwned::to_owned),
            });
            return;
        }
        let outcome = if request.method == method::PING {
            Ok("{}".to_owned())
        } else {
            let message = quote(&format!("`{}` is not served here", request.method));
            Err(format!(
                "{{\"code\":{METHOD_NOT_FOUND},\"message\":{message}}}"
            ))
        };
        self.respond(&request.id, outcome.as_deref().map_err(String::as_str));
    }

    fn noticed(&mut self, notification: &Notification<'_>) {
        let method = notification.method.as_ref();
        let kinds = method::changed_lists(method);
        if !kinds.is_empty() {
            for kind in kinds {
                self.changed(*kind);
            }
            return;
        }
        let shared = matches!(self.role, Role::Shared(_));
        match method {
            method::PROGRESS => self.progressed(notification.params),
            method::MESSAGE if shared => self.logged(notification),
            method::RESOURCE_UPDATED => self.notice(notification),
            method::CANCELLED if shared => self.unlistened(notification.params),
            _ if self.subscribed(notification) => {}
            _ if shared => self.ignore(format!("the notification `{method}` is not passed on")),
            _ => self.notice(notification),
        }
    }

    fn changed(&mut self, kind: Kind) {
        if let Some(listing) = self.listings.get_mut(&kind) {
            listing.stale = true;
        } else if self.is_ready() {
            self.list(kind);
        }
    }

    fn notice(&mut self, notification: &Notification<'_>) {
        self.events.push_back(Event::Notice {
            method: notification.method.clone().into_owned(),
            params: notification.params.map(ToOwned::to_owned),
        });
    }

    fn progressed(&mut self, params: Option<&str>) {
        let object = params.and_then(Object::read);
        let member = object
            .as_ref()
            .and_then(|object| object.find("progressToken"));
        let id = member.and_then(|member| member.value.parse().ok());
        let call = id.and_then(|id: u64| self.pending.get(&id));
        if let (
            Some(object),
            Some(member),
            Some(Pending::Call {
                ticket,
                token: Some(token),
                ..
            }),
        ) = (&object, member, call)
        {
            let event = Event::Note {
                ticket: *ticket,
                method: method::PROGRESS.to_owned(),
                params: Some(object.replaced(member, token)),
            };
            self.events.push_back(event);
        }
    }

    /// A log message of a shared server goes to the one caller that may have caused it and wants it; where two may have, to
    /// nobody: it could tell one client what another does.
    fn logged(&mut self, notification: &Notification<'_>) {
        let mut suspects = self.pending.values().filter_map(|pending| match pending {
            Pending::Call { ticket, logs, .. } if *logs != Logs::None => Some((*ticket, *logs)),
            _ => None,
        });
        match (suspects.next(), suspects.next()) {
            (Some((ticket, Logs::Wanted)), None) => self.events.push_back(Event::Note {
                ticket,
                method: notification.method.clone().into_owned(),
                params: notification.params.map(ToOwned::to_owned),
            }),
            _ => self.ignore("a log message has no reader, or more than one".to_owned()),
        }
    }

    /// A notification of a listen request that was made here.
    fn subscribed(&mut self, notification: &Notification<'_>) -> bool {
        let id = notification.params.and_then(|params| {
            let params = Object::read(params)?;
            let meta = Object::read(params.find("_meta")?.value)?;
            meta.find(SUBSCRIPTION_ID)?.value.parse::<u64>().ok()
        });
        let Some(Pending::Call { ticket, .. }) = id.and_then(|id| self.pending.get(&id)) else {
            return false;
        };
        self.events.push_back(Event::Note {
            ticket: *ticket,
            method: notification.method.clone().into_owned(),
            params: notification.params.map(ToOwned::to_owned),
        });
        true
    }

    /// On a pipe a server ends a listen request by this notification (2026-07-28, cancellation). It has no request of its own here
    /// that it could mean.
    fn unlistened(&mut self, params: Option<&str>) {
        let id = params.and_then(|params| {
            let params = Object::read(params)?;
            params.find("requestId")?.value.parse::<u64>().ok()
        });
        let listens = |pending: &Pending| matches!(pending, Pending::Call { listens: true, .. });
        let Some(id) = id.filter(|id| self.pending.get(id).is_some_and(listens)) else {
            return self.ignore("a request was cancelled that nobody made".to_owned());
        };
        if let Some(Pending::Call { ticket, .. }) = self.pending.remove(&id) {
            self.tickets.remove(&ticket);
            let outcome = Ok("{}".into());
            self.events.push_back(Event::Answer { ticket, outcome });
        }
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
fn own_token(params: &str, id: u64) -> (String, Option<String>) {
    let replaced = Object::read(params).and_then(|object| {
        let meta = object.find("_meta")?;
        let inner = Object::read(meta.value)?;
        let token = inner.find("progressToken")?;
        let params = object.replaced(meta, &inner.replaced(token, &id.to_string()));
        Some((params, Some(token.value.to_owned())))
    });
    replaced.unwrap_or_else(|| (params.to_owned(), None))
}

fn client_info(name: &str, version: &str) -> String {
    format!(
        "{{\"name\":{},\"version\":{}}}",
        quote(name),
        quote(version)
    )
}

/// The `params` of 2026-07-28's discovery.
fn discovery(info: &str) -> String {
    let version = Revision::LATEST;
    format!(
        "{{\"_meta\":{{\"{PROTOCOL_VERSION}\":\"{version}\",\"{CLIENT_CAPABILITIES}\":{{}},\"{CLIENT_INFO}\":{info}}}}}"
    )
}

/// What a server may choose in the handshake. 2024-11-05 had another HTTP transport, but its messages over stdio are the same.
const SPOKEN: [&str; 4] = [
    "2024-11-05",
    Revision::V2025_03_26.as_str(),
    Revision::V2025_06_18.as_str(),
    Revision::V2025_11_25.as_str(),
];
