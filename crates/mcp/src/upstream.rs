//! The client's side of one connection to an MCP server: lines in, lines and events out.
//!
//! The conversation opens with the handshake of 2025-11-25, which every stdio server of today takes; then the tools are
//! listed, page by page, and calls of many callers go through under ids of their own. Time-outs are the caller's: it asks to
//! [`Upstream::cancel`] what took too long.

use std::collections::{HashMap, VecDeque};

use crate::dispatch::method;
use crate::error::METHOD_NOT_FOUND;
use crate::jsonrpc::{self, Id, Message, Notification, Request, Response};
use crate::raw::{self, Object, quote};
use crate::version::Revision;

/// What the machine has to tell to the one who drives it.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is done and the tools are listed: calls may go out.
    Ready(Hello),
    /// The server said that its tools changed, and here they are. Each is one JSON object.
    Tools(Vec<Box<str>>),
    /// An answer to a call.
    Answer {
        /// What the call was made with.
        ticket: u64,
        /// The `result`, or else the `error`, as raw JSON.
        outcome: Result<Box<str>, Box<str>>,
    },
    /// A progress notification for a call.
    Progress {
        /// What the call was made with.
        ticket: u64,
        /// Its `params`, with the caller's own token.
        params: String,
    },
    /// The server cannot be used: it refused the handshake or its list. Nothing more will come of it.
    Failed(String),
    /// A line that means nothing here, and why.
    Ignored(String),
}

/// What a server said of itself in the handshake, and its tools.
#[derive(Debug, PartialEq, Eq)]
pub struct Hello {
    /// The revision that it chose, as it spelled it.
    pub protocol_version: String,
    /// `serverInfo` as raw JSON.
    pub server_info: Option<Box<str>>,
    /// `instructions`, decoded.
    pub instructions: Option<String>,
    /// Its tools, each one JSON object.
    pub tools: Vec<Box<str>>,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Upstream {
    phase: Phase,
    next_id: u64,
    pending: HashMap<u64, Pending>,
    tickets: HashMap<u64, u64>,
    listing: Option<Listing>,
    outgoing: VecDeque<String>,
    events: VecDeque<Event>,
}

#[derive(Debug)]
enum Phase {
    Greeting,
    /// Listing for the first time: what was said so far waits for the tools.
    Opening(Hello),
    Ready,
    Failed,
}

#[derive(Debug)]
enum Pending {
    Initialize,
    Page,
    Call { ticket: u64, token: Option<String> },
}

/// A list of tools that is being read.
#[derive(Debug, Default)]
struct Listing {
    tools: Vec<Box<str>>,
    pages: usize,
    bytes: usize,
    /// Another change was announced meanwhile: read it once more.
    stale: bool,
}

impl Upstream {
    /// Opens the conversation. `name` and `version` are those of the client: the origin.
    pub fn new(name: &str, version: &str) -> Self {
        let mut upstream = Self {
            phase: Phase::Greeting,
            next_id: 1,
            pending: HashMap::new(),
            tickets: HashMap::new(),
            listing: None,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        };
        let params = format!(
            "{{\"protocolVersion\":\"{}\",\"capabilities\":{{}},\"clientInfo\":{{\"name\":{},\"version\":{}}}}}",
            Revision::LATEST_LEGACY,
            quote(name),
            quote(version)
        );
        upstream.request(method::INITIALIZE, &params, Pending::Initialize);
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
        matches!(self.phase, Phase::Ready)
    }

    /// How many calls have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.tickets.len()
    }

    /// Sends one `tools/call`; its answer comes as [`Event::Answer`] with `ticket`, which is the caller's to choose and
    /// to keep unique. `params` is a JSON object and goes out as it is, but for a progress token, which becomes the
    /// request's own id: two callers may have chosen the same.
    ///
    /// `false` when the connection is not ready; nothing is sent then.
    pub fn call(&mut self, ticket: u64, params: &str) -> bool {
        if !self.is_ready() {
            return false;
        }
        let (params, token) = own_token(params, self.next_id);
        let id = self.request(method::TOOLS_CALL, &params, Pending::Call { ticket, token });
        self.tickets.insert(ticket, id);
        true
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

    fn response(&mut self, response: &Response<'_>) {
        let id = response.id.as_ref().and_then(Id::number);
        match id.and_then(|id| self.pending.remove(&id)) {
            Some(Pending::Call { ticket, .. }) => {
                self.tickets.remove(&ticket);
                let outcome = response.outcome.map(Into::into).map_err(Into::into);
                self.events.push_back(Event::Answer { ticket, outcome });
            }
            Some(Pending::Initialize) => self.greeted(response.outcome),
            Some(Pending::Page) => self.page(response.outcome),
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
        let text = |key: &str| Some(object.as_ref()?.find(key)?.text()?.into_owned());
        let Some(protocol_version) = text("protocolVersion") else {
            return self.fail("the server's handshake names no protocol version".to_owned());
        };
        if !SPOKEN.contains(&protocol_version.as_str()) {
            return self.fail(format!(
                "the server speaks MCP `{protocol_version}`, which is not known here"
            ));
        }
        let member = |key: &str| {
            object
                .as_ref()
                .and_then(|object| object.find(key))
                .map(|member| member.value)
        };
        let offers_tools = member("capabilities")
            .and_then(Object::read)
            .is_some_and(|has| has.find("tools").is_some());
        let server_info = member("serverInfo").map(Into::into);
        self.notify(method::INITIALIZED, None);
        self.phase = Phase::Opening(Hello {
            protocol_version,
            server_info,
            instructions: text("instructions"),
            tools: Vec::new(),
        });
        if offers_tools {
            self.list();
        } else {
            self.listed(Vec::new());
        }
    }

    fn list(&mut self) {
        self.listing = Some(Listing::default());
        self.request(method::TOOLS_LIST, "{}", Pending::Page);
    }

    fn page(&mut self, outcome: Result<&str, &str>) {
        let Some(mut listing) = self.listing.take() else {
            return;
        };
        let object = outcome.ok().and_then(Object::read);
        let Some(page) = object
            .as_ref()
            .and_then(|object| object.find("tools"))
            .and_then(|tools| raw::elements(tools.value))
        else {
            let error = outcome.err().unwrap_or("no `tools` in the answer");
            return self.not_listed(&format!("the server does not list its tools: {error}"));
        };
        listing.pages += 1;
        listing.bytes += page.iter().map(|tool| tool.len()).sum::<usize>();
        listing.tools.extend(page.into_iter().map(Box::from));
        let cursor = object
            .as_ref()
            .and_then(|object| object.find("nextCursor"))
            .map(|member| member.value);
        match cursor.filter(|cursor| cursor.starts_with('"')) {
            Some(_) if listing.pages >= MAX_PAGES || listing.bytes > MAX_LIST => {
                self.not_listed("the server's list of tools has no end");
            }
            Some(cursor) => {
                self.listing = Some(listing);
                self.request(
                    method::TOOLS_LIST,
                    &format!("{{\"cursor\":{cursor}}}"),
                    Pending::Page,
                );
            }
            None if listing.stale => self.list(),
            None => self.listed(listing.tools),
        }
    }

    fn listed(&mut self, tools: Vec<Box<str>>) {
        let event = match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Opening(hello) => Event::Ready(Hello { tools, ..hello }),
            _ => Event::Tools(tools),
        };
        self.events.push_back(event);
    }

    /// Without a first list a server is of no use; without a later one it keeps what it had.
    fn not_listed(&mut self, reason: &str) {
        if self.is_ready() {
            self.ignore(reason.to_owned());
        } else {
            self.fail(reason.to_owned());
        }
    }

    fn asked(&mut self, request: &Request<'_>) {
        let body = if request.method == method::PING {
            "\"result\":{}".to_owned()
        } else {
            let message = quote(&format!("`{}` is not served here", request.method));
            format!("\"error\":{{\"code\":{METHOD_NOT_FOUND},\"message\":{message}}}")
        };
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{},{body}}}",
            request.id
        ));
    }

    fn noticed(&mut self, notification: &Notification<'_>) {
        match notification.method.as_ref() {
            method::TOOLS_LIST_CHANGED => {
                if let Some(listing) = &mut self.listing {
                    listing.stale = true;
                } else if self.is_ready() {
                    self.list();
                }
            }
            method::PROGRESS => self.progressed(notification.params),
            other => self.ignore(format!("the notification `{other}` is not passed on")),
        }
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
            }),
        ) = (&object, member, call)
        {
            let event = Event::Progress {
                ticket: *ticket,
                params: object.replaced(member, token),
            };
            self.events.push_back(event);
        }
    }

    fn request(&mut self, method: &str, params: &str, pending: Pending) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.pending.insert(id, pending);
        let params = raw::one_line(params);
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}"
        ));
        id
    }

    fn notify(&mut self, method: &str, params: Option<&str>) {
        let params = params
            .map(|params| format!(",\"params\":{params}"))
            .unwrap_or_default();
        self.outgoing.push_back(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\"{params}}}"
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

/// What a server may choose in the handshake. 2024-11-05 had another HTTP transport, but its tools over stdio are the same.
const SPOKEN: [&str; 4] = [
    "2024-11-05",
    Revision::V2025_03_26.as_str(),
    Revision::V2025_06_18.as_str(),
    Revision::V2025_11_25.as_str(),
];

/// The most pages that one list may have: a server whose cursor never ends must not be followed for ever.
const MAX_PAGES: usize = 1000;

/// The most bytes that one list may have: as much as one line (rmcp's line cap, 16 MiB).
const MAX_LIST: usize = 16 << 20;
