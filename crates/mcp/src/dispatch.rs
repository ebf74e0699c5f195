//! From one POST to a decision. The one file that knows the names of MCP's methods.
//!
//! The body decides which era a request belongs to, the headers are held against it (both reference SDKs do so). The order of
//! the checks is part of the protocol: a client tells from the first error what it talks to.

use std::sync::Arc;

use crate::catalog::{Catalog, Resolution};
use crate::error::{
    Error, HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, UNSUPPORTED_VERSION,
};
use crate::headers::{self, Claims, Headers};
use crate::jsonrpc::{self, Id, Message, Notification, Request};
use crate::raw::{self, Object, quote};
use crate::reply::{self, Service};
use crate::version::{Era, Revision};

/// The names of methods and notifications.
pub(crate) mod method {
    pub(crate) const INITIALIZE: &str = "initialize";
    pub(crate) const INITIALIZED: &str = "notifications/initialized";
    pub(crate) const CANCELLED: &str = "notifications/cancelled";
    pub(crate) const PROGRESS: &str = "notifications/progress";
    pub(crate) const TOOLS_LIST_CHANGED: &str = "notifications/tools/list_changed";
    pub(crate) const PING: &str = "ping";
    pub(crate) const DISCOVER: &str = "server/discover";
    pub(crate) const TOOLS_LIST: &str = "tools/list";
    pub(crate) const TOOLS_CALL: &str = "tools/call";
    pub(crate) const PROMPTS_GET: &str = "prompts/get";
    pub(crate) const RESOURCES_READ: &str = "resources/read";
}

/// One POST to an MCP endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// Its headers.
    pub headers: Headers<'a>,
    /// Its body.
    pub body: &'a [u8],
    /// The tools of this endpoint.
    pub catalog: &'a Catalog,
    /// Who answers.
    pub service: &'a Service,
}

/// What is to be done with a POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Answer this.
    Respond(Answer),
    /// Answer 202 without a body: a notification or a response was taken.
    Accepted,
    /// Ask a server, then answer what [`Forward::answer`] makes of it.
    Call(Forward),
}

/// An HTTP answer with a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, `application/json`.
    pub body: String,
}

/// A call of a tool that a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The server's name.
    pub server: Arc<str>,
    /// `params` for the server: the client's bytes with the server's own name of the tool in them.
    pub params: String,
    /// The client's id of the request.
    id: Id,
    era: Era,
}

impl Forward {
    /// The answer to the client: a server's result or error object as raw JSON goes through as it is, but for what a client
    /// of 2026-07-28 needs beside it. Both eras answer 200: the exchange worked, and what came of it is in the body.
    pub fn answer(&self, service: &Service, outcome: Result<&str, &str>) -> Answer {
        let body = match (outcome, self.era) {
            (Ok(result), Era::Legacy) => reply::result(&self.id, result),
            (Ok(result), Era::Modern) => reply::result(&self.id, &service.complete(result)),
            (Err(error), _) => reply::raw_error(Some(&self.id), error),
        };
        Answer { status: 200, body }
    }

    /// The answer when no server could be asked or none answered.
    pub fn failed(&self, error: &Error) -> Answer {
        Answer {
            status: 200,
            body: reply::error(Some(&self.id), error),
        }
    }
}

/// Decides what is to be done with a POST. Pure: the same input gives the same decision.
pub fn decide(inbound: &Inbound<'_>) -> Decision {
    if !inbound.headers.is_json() {
        return refuse(
            415,
            None,
            &Error::new(INVALID_REQUEST, "`Content-Type` is not `application/json`"),
        );
    }
    match jsonrpc::read_request(inbound.body) {
        Ok(Message::Request(request)) => inbound.request(&request),
        Ok(Message::Notification(notification)) => inbound.notification(&notification),
        // No request was made to a client, so there is none to be answered; it is taken as the older revisions want it.
        Ok(Message::Response(_)) => Decision::Accepted,
        Err(error) => refuse(400, error.id(), &error.to_error()),
    }
}

/// What the body of a request says of its era.
struct Meta<'a> {
    version: &'a str,
    capabilities: Option<&'a str>,
}

impl Inbound<'_> {
    fn request(&self, request: &Request<'_>) -> Decision {
        let id = Some(&request.id);
        let params = match request.params.map(Object::read) {
            None => None,
            Some(Some(params)) => Some(params),
            Some(None) => {
                return refuse(
                    400,
                    id,
                    &Error::new(INVALID_PARAMS, "`params` is not an object"),
                );
            }
        };
        let meta = params
            .as_ref()
            .and_then(|params| params.find("_meta"))
            .and_then(|meta| Object::read(meta.value));
        // Two readers may each believe another of two members, so nothing that routes may stand twice.
        let twice = params
            .as_ref()
            .and_then(Object::duplicate)
            .or_else(|| meta.as_ref().and_then(Object::duplicate));
        if let Some(key) = twice {
            return refuse(
                400,
                id,
                &Error::new(INVALID_PARAMS, format!("`{key}` stands twice in `params`")),
            );
        }
        let claim = meta
            .as_ref()
            .and_then(|meta| meta.find(PROTOCOL_VERSION))
            .map(|claim| Meta {
                version: claim.value,
                capabilities: meta
                    .as_ref()
                    .and_then(|meta| meta.find(CLIENT_CAPABILITIES))
                    .map(|found| found.value),
            });
        let modern_header =
            self.headers.protocol_version.value() == Some(Revision::LATEST.as_str());
        match claim {
            Some(claim) => self.modern(request, params.as_ref(), &claim),
            None if modern_header && request.method != method::INITIALIZE => {
                let message = format!(
                    "`params._meta` lacks `{PROTOCOL_VERSION}` and `{CLIENT_CAPABILITIES}`"
                );
                refuse(400, id, &Error::new(INVALID_PARAMS, message))
            }
            None => self.legacy(request, params.as_ref()),
        }
    }

    /// A request of 2026-07-28. The checks stand in the order that both reference SDKs have.
    fn modern(
        &self,
        request: &Request<'_>,
        params: Option<&Object<'_>>,
        claim: &Meta<'_>,
    ) -> Decision {
        let id = Some(&request.id);
        let capabilities = claim.capabilities.and_then(Object::read);
        let (Some(version), Some(_)) = (raw::unquote(claim.version), capabilities) else {
            let message = format!(
                "`params._meta` needs a string `{PROTOCOL_VERSION}` and an object `{CLIENT_CAPABILITIES}`"
            );
            return refuse(400, id, &Error::new(INVALID_PARAMS, message));
        };
        let named =
            named_by(&request.method).map(|key| params.and_then(|params| params.find(key)?.text()));
        let claims = Claims {
            version: &version,
            method: &request.method,
            name: named.as_ref().map(Option::as_deref),
        };
        if let Err(reason) = headers::agree(&self.headers, &claims) {
            return refuse(400, id, &Error::new(HEADER_MISMATCH, reason));
        }
        if Revision::parse(&version).is_none_or(|revision| revision.era() != Era::Modern) {
            let supported = Revision::names(Era::Modern);
            let data = format!(
                "{{\"supported\":{supported},\"requested\":{}}}",
                quote(&version)
            );
            let error = Error::new(
                UNSUPPORTED_VERSION,
                format!("MCP `{version}` is not served"),
            )
            .with_data(data);
            return refuse(400, id, &error);
        }
        match request.method.as_ref() {
            method::DISCOVER => respond(&request.id, &self.service.discover()),
            method::TOOLS_LIST => self.list(request, params, Era::Modern),
            method::TOOLS_CALL => self.call(request, params, Era::Modern),
            _ => unknown(request, Era::Modern),
        }
    }

    /// A request of a revision that opens with a handshake. No session is kept, so none is asked for.
    fn legacy(&self, request: &Request<'_>, params: Option<&Object<'_>>) -> Decision {
        let id = Some(&request.id);
        let opening = request.method == method::INITIALIZE;
        if !opening && let Err(error) = self.legacy_version() {
            return refuse(400, id, &error);
        }
        match request.method.as_ref() {
            method::INITIALIZE => {
                match params.and_then(|params| params.find("protocolVersion")?.text()) {
                    Some(requested) => respond(&request.id, &self.service.initialize(&requested)),
                    None => refuse(
                        200,
                        id,
                        &Error::new(INVALID_PARAMS, "`protocolVersion` is not a string"),
                    ),
                }
            }
            method::PING => respond(&request.id, "{}"),
            method::TOOLS_LIST => self.list(request, params, Era::Legacy),
            method::TOOLS_CALL => self.call(request, params, Era::Legacy),
            _ => unknown(request, Era::Legacy),
        }
    }

    /// 2025-11-25, transports: an invalid or unsupported version in the header is a 400; none at all is 2025-03-26.
    fn legacy_version(&self) -> Result<(), Error> {
        let served = match self.headers.protocol_version {
            headers::Field::Absent => true,
            headers::Field::One(version) => Revision::parse(version).is_some(),
            headers::Field::Bad => false,
        };
        let supported = Revision::names(Era::Legacy);
        let error = Error::new(
            INVALID_REQUEST,
            "`MCP-Protocol-Version` names no revision that is served",
        );
        if served {
            Ok(())
        } else {
            Err(error.with_data(format!("{{\"supported\":{supported}}}")))
        }
    }

    /// The list is one page, so no cursor was ever given out.
    fn list(&self, request: &Request<'_>, params: Option<&Object<'_>>, era: Era) -> Decision {
        let cursor = params.and_then(|params| params.find("cursor"));
        if cursor.is_some_and(|cursor| cursor.value != "null") {
            let error = Error::new(INVALID_PARAMS, "`cursor` is none that was given out");
            return refuse(status_of_params(era), Some(&request.id), &error);
        }
        respond(&request.id, &self.service.tools(self.catalog, era))
    }

    fn call(&self, request: &Request<'_>, params: Option<&Object<'_>>, era: Era) -> Decision {
        let refused = |error: &Error| refuse(status_of_params(era), Some(&request.id), error);
        let Some((params, name)) = params.and_then(|params| Some((params, params.find("name")?)))
        else {
            return refused(&Error::new(INVALID_PARAMS, "`params.name` is missing"));
        };
        let Some(public) = name.text() else {
            return refused(&Error::new(INVALID_PARAMS, "`params.name` is not a string"));
        };
        let entry = match self.catalog.resolve(&public) {
            Resolution::Tool(entry) => entry,
            Resolution::Absent { server } => {
                let error = Error::unavailable(format!("the server `{server}` is not available"));
                return refuse(200, Some(&request.id), &error);
            }
            Resolution::Unknown => {
                return refused(&Error::new(
                    INVALID_PARAMS,
                    format!("no tool is named `{public}`"),
                ));
            }
        };
        let own = if *public == *entry.name {
            name.value.to_owned()
        } else {
            quote(&entry.name)
        };
        let params = without_envelope(&params.replaced(name, &own));
        Decision::Call(Forward {
            server: Arc::clone(&entry.server),
            params,
            id: request.id.clone(),
            era,
        })
    }

    /// 2026-07-28 has no notification from clients over HTTP, the older ones have three that need nothing done here.
    fn notification(&self, _: &Notification<'_>) -> Decision {
        match self.legacy_version() {
            Ok(()) => Decision::Accepted,
            Err(error) => refuse(400, None, &error),
        }
    }
}

/// Which member of `params` the header `Mcp-Name` repeats.
fn named_by(method: &str) -> Option<&'static str> {
    match method {
        method::TOOLS_CALL | method::PROMPTS_GET => Some("name"),
        method::RESOURCES_READ => Some("uri"),
        _ => None,
    }
}

/// Takes out of `_meta` what a client of 2026-07-28 says about itself to the origin: servers that were greeted with a handshake
/// refuse a request with such a claim. All else in `_meta` is for the server.
fn without_envelope(params: &str) -> String {
    let cleaned = Object::read(params).and_then(|object| {
        let meta = object.find("_meta")?;
        let inner = Object::read(meta.value)?;
        Some(object.replaced(meta, &inner.without(|key| ENVELOPE.contains(&key))))
    });
    cleaned.unwrap_or_else(|| params.to_owned())
}

fn respond(id: &Id, result: &str) -> Decision {
    Decision::Respond(Answer {
        status: 200,
        body: reply::result(id, result),
    })
}

fn refuse(status: u16, id: Option<&Id>, error: &Error) -> Decision {
    Decision::Respond(Answer {
        status,
        body: reply::error(id, error),
    })
}

/// 2026-07-28 wants 404 for a method that is not there; before, every answer to a request was a 200.
fn unknown(request: &Request<'_>, era: Era) -> Decision {
    let status = if era == Era::Modern { 404 } else { 200 };
    let error = Error::new(
        METHOD_NOT_FOUND,
        format!("`{}` is not served", request.method),
    );
    refuse(status, Some(&request.id), &error)
}

/// The status of a −32602: as the Python SDK has it for 2026-07-28.
fn status_of_params(era: Era) -> u16 {
    if era == Era::Modern { 400 } else { 200 }
}

const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// What of `_meta` is between the client and the origin.
const ENVELOPE: [&str; 4] = [
    PROTOCOL_VERSION,
    CLIENT_CAPABILITIES,
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
];
