//! Hearing of changes from a server of 2026-07-28, by one `subscriptions/listen` request at a time.
//!
//! What such a request asks for is fixed. To ask for something else a new one is opened, and the old one is taken back when the
//! new one is acknowledged: nothing is missed between the two.

use std::collections::BTreeSet;

use super::{Call, Event, Pending, Phase, Upstream};
use crate::dispatch::method;
use crate::error::METHOD_NOT_FOUND;
use crate::modern::text_of;
use crate::offers::Kind;
use crate::raw::{self, Object, quote};
use crate::version::Era;

/// What is listened to.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// The resources whose changes are wanted.
    uris: BTreeSet<String>,
    /// The request that was acknowledged.
    current: Option<u64>,
    /// The one that is to take its place.
    next: Option<u64>,
    /// Something else is wanted since `next` went out.
    stale: bool,
    /// The calls that wait for `next`, with their resources; and those that came after it went out.
    waiting: Vec<(u64, String)>,
    late: Vec<(u64, String)>,
    /// The server was not heard for a while: its lists may have changed.
    deaf: bool,
    /// The server does not know the request.
    refused: bool,
}

impl Listening {
    /// Nobody waits for the answer to that call any more.
    pub(super) fn forget(&mut self, ticket: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
        self.late.retain(|(waiting, _)| *waiting != ticket);
    }
}

impl Upstream {
    /// Asks a server of 2026-07-28 to tell of changes: of its lists, on a shared connection, and of the resources that were
    /// subscribed to. Any other server tells of them unasked.
    pub fn listen(&mut self) {
        if self.era() != Some(Era::Modern) || self.listening.refused {
            return;
        }
        if self.listening.next.is_some() {
            self.listening.stale = true;
            return;
        }
        let wanted = self.wanted();
        if wanted.is_empty() {
            if let Some(id) = self.listening.current.take() {
                self.take_back(id, UNWANTED);
            }
            return;
        }
        let params = format!("{{\"notifications\":{{{}}}}}", wanted.join(","));
        let id = self.own_request(method::LISTEN, &params, Pending::Listen);
        let listening = &mut self.listening;
        (listening.next, listening.stale) = (Some(id), false);
        listening.waiting.append(&mut listening.late);
    }

    fn wanted(&self) -> Vec<String> {
        let kinds = [
            (Kind::Tools, "toolsListChanged"),
            (Kind::Prompts, "promptsListChanged"),
            (Kind::Resources, "resourcesListChanged"),
        ];
        let lists = kinds
            .into_iter()
            .filter(|(kind, _)| self.shared && kind.of(&self.capabilities));
        let mut wanted: Vec<String> = lists.map(|(_, key)| format!("\"{key}\":true")).collect();
        if !self.listening.uris.is_empty() {
            let uris: Vec<String> = self.listening.uris.iter().map(|uri| quote(uri)).collect();
            wanted.push(format!("\"resourceSubscriptions\":[{}]", uris.join(",")));
        }
        wanted
    }

    /// Takes `resources/subscribe` or its opposite, which 2026-07-28 does not have.
    pub(super) fn subscribe(&mut self, call: &Call<'_>) {
        let uri = Object::read(call.params).and_then(|params| text_of(&params, "uri").ok());
        let Some(uri) = uri else {
            let error = "{\"code\":-32602,\"message\":\"`params.uri` is not a string\"}";
            return self.answered(call.ticket, Err(error));
        };
        if self.listening.refused {
            return self.answered(call.ticket, Err(UNKNOWN));
        }
        let (known, wanted) = (
            self.listening.uris.contains(&uri),
            call.method == method::SUBSCRIBE,
        );
        match (known, wanted) {
            (false, true) => {
                self.listening.uris.insert(uri.clone());
                self.listening.late.push((call.ticket, uri));
                self.listen();
            }
            (true, true) if self.listening.next.is_some() => {
                self.listening.late.push((call.ticket, uri));
                self.listening.stale = true;
            }
            (true, false) => {
                self.listening.uris.remove(&uri);
                self.answered(call.ticket, Ok("{}"));
                self.listen();
            }
            (true, true) | (false, false) => self.answered(call.ticket, Ok("{}")),
        }
    }

    /// Takes the first message of a listen request: what of it is honoured.
    pub(super) fn acknowledged(&mut self, id: u64, params: &str) {
        if self.listening.next != Some(id) {
            return;
        }
        if let Some(old) = self.listening.current.replace(id) {
            self.take_back(old, UNWANTED);
        }
        self.listening.next = None;
        let honoured = honoured(params);
        for (ticket, uri) in std::mem::take(&mut self.listening.waiting) {
            if honoured.contains(&uri) {
                self.answered(ticket, Ok("{}"));
            } else {
                self.listening.uris.remove(&uri);
                self.answered(ticket, Err(UNTOLD));
            }
        }
        if std::mem::take(&mut self.listening.deaf) && self.shared {
            for kind in Kind::ALL {
                if kind.of(&self.capabilities) {
                    self.changed(kind);
                }
            }
        }
        if self.listening.stale {
            self.listen();
        }
    }

    /// Whether `id` is a listen request of this connection.
    pub(super) fn listens(&self, id: u64) -> bool {
        matches!(self.pending.get(&id), Some(Pending::Listen))
    }

    /// A listen request is over: refused (`error`), or ended by the server.
    pub(super) fn listen_ended(&mut self, id: u64, error: Option<&str>) {
        self.pending.remove(&id);
        let listening = &mut self.listening;
        let refused = listening.next == Some(id);
        if refused {
            listening.next = None;
            let code =
                error.and_then(|error| Object::read(error)?.find("code")?.value.parse().ok());
            listening.refused = code == Some(METHOD_NOT_FOUND);
            let mut waiting = std::mem::take(&mut listening.waiting);
            if listening.refused {
                waiting.append(&mut listening.late);
            }
            for (ticket, uri) in waiting {
                self.listening.uris.remove(&uri);
                self.answered(ticket, Err(error.unwrap_or(UNTOLD)));
            }
        } else if listening.current == Some(id) {
            listening.current = None;
        } else {
            return;
        }
        if !self.listening.refused && !matches!(self.phase, Phase::Failed) {
            self.listening.deaf = true;
            self.events.push_back(Event::Silent);
        }
    }
}

/// The resources that an acknowledgement names.
fn honoured(params: &str) -> Vec<String> {
    let uris = Object::read(params).and_then(|params| {
        let honoured = Object::read(params.find("notifications")?.value)?;
        let uris = raw::elements(honoured.find("resourceSubscriptions")?.value)?;
        uris.into_iter()
            .map(|uri| Some(raw::unquote(uri)?.into_owned()))
            .collect::<Option<Vec<String>>>()
    });
    uris.unwrap_or_default()
}

const UNWANTED: &str = "another request took its place";
const UNKNOWN: &str = "{\"code\":-32601,\"message\":\"the server tells of no changes\"}";
const UNTOLD: &str =
    "{\"code\":-32602,\"message\":\"the server does not tell of changes of this resource\"}";
