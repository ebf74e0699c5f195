//! From one POST to a decision. The one file that knows the names of MCP's methods.
//!
//! The body decides which era a request belongs to, the headers are held against it (both reference SDKs do so). The order of
//! the checks is part of the protocol: a client tells from the first error what it talks to.

use std::time::Duration;

use crate::catalog::Catalog;
use crate::error::{Error, INVALID_PARAMS, INVALID_REQUEST};
use crate::forward::{Answer, Forward};
use crate::headers::{Field, Headers};
use crate::jsonrpc::{self, Body, Id, Message, Request};
use crate::legacy::{self, Opening, Post};
use crate::listen::Listen;
use crate::modern::{self, Claim};
use crate::raw::Object;
use crate::reply::{self, Service};
use crate::seal::Seal;
use crate::version::{Era, Revision};

/// The names of methods and notifications.
pub(crate) mod method {
    use crate::offers::Kind;

    pub(crate) const INITIALIZE: &str = "initialize";
    pub(crate) const INITIALIZED: &str = "notifications/initialized";
    pub(crate) const CANCELLED: &str = "notifications/cancelled";
    pub(crate) const PROGRESS: &str = "notifications/progress";
    pub(crate) const MESSAGE: &str = "notifications/message";
    pub(crate) const RESOURCE_UPDATED: &str = "notifications/resources/updated";
    pub(crate) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
    pub(crate) const TASKS: &str = "notifications/tasks";
    pub(crate) const SAMPLE: &str = "sampling/createMessage";
    pub(crate) const ELICIT: &str = "elicitation/create";
    pub(crate) const ROOTS: &str = "roots/list";
    pub(crate) const PING: &str = "ping";
    pub(crate) const SET_LEVEL: &str = "logging/setLevel";
    pub(crate) const DISCOVER: &str = "server/discover";
    pub(crate) const LISTEN: &str = "subscriptions/listen";
    pub(crate) const TOOLS_CALL: &str = "tools/call";
    pub(crate) const PROMPTS_GET: &str = "prompts/get";
    pub(crate) const RESOURCES_READ: &str = "resources/read";
    pub(crate) const SUBSCRIBE: &str = "resources/subscribe";
    pub(crate) const UNSUBSCRIBE: &str = "resources/unsubscribe";
    pub(crate) const COMPLETE: &str = "completion/complete";
    pub(crate) const TASKS_GET: &str = "tasks/get";
    pub(crate) const TASKS_UPDATE: &str = "tasks/update";
    pub(crate) const TASKS_CANCEL: &str = "tasks/cancel";

    /// The method that reads a list.
    pub(crate) const fn of_list(kind: Kind) -> &'static str {
        match kind {
            Kind::Tools => "tools/list",
            Kind::Prompts => "prompts/list",
            Kind::Resources => "resources/list",
            Kind::Templates => "resources/templates/list",
        }
    }

    /// The list that a method reads.
    pub(crate) fn list(method: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| of_list(*kind) == method)
    }

    /// The notification that a list changed. That of resources is about their templates too.
    pub(crate) const fn change_of(kind: Kind) -> &'static str {
        match kind {
            Kind::Tools => "notifications/tools/list_changed",
            Kind::Prompts => "notifications/prompts/list_changed",
            Kind::Resources | Kind::Templates => "notifications/resources/list_changed",
        }
    }

    /// The lists that a notification says have changed.
    pub(crate) fn changed_lists(method: &str) -> &'static [Kind] {
        const LISTS: [&[Kind]; 3] = [
            &[Kind::Tools],
            &[Kind::Prompts],
            &[Kind::Resources, Kind::Templates],
        ];
        let about = |kinds: &&&[Kind]| kinds.iter().any(|kind| change_of(*kind) == method);
        LISTS.iter().find(about).copied().unwrap_or_default()
    }
}

/// The request by which a server is asked to tell of changes of a resource, up to 2025-11-25.
pub const SUBSCRIBE: &str = method::SUBSCRIBE;
/// The request that takes [`SUBSCRIBE`] back.
pub const UNSUBSCRIBE: &str = method::UNSUBSCRIBE;
/// The request that asks whether somebody is there, up to 2025-11-25.
pub const PING: &str = method::PING;
/// The notification of progress.
pub const PROGRESS: &str = method::PROGRESS;
/// The notification of a log message.
pub const MESSAGE: &str = method::MESSAGE;
/// The request that sets the level of log messages, up to 2025-11-25.
pub const SET_LEVEL: &str = method::SET_LEVEL;

/// The tool that a request calls, by the name in its `params`.
pub fn tool_called(called: &str, params: &str) -> Option<String> {
    let object = Object::read(params).filter(|_| called == method::TOOLS_CALL)?;
    object
        .find("name")?
        .text()
        .map(std::borrow::Cow::into_owned)
}

/// One POST to an MCP endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// Its headers.
    pub headers: Headers<'a>,
    /// Its body.
    pub body: &'a [u8],
    /// What this endpoint offers.
    pub catalog: &'a Catalog,
    /// Who answers.
    pub service: &'a Service,
    /// What states are sealed with.
    pub seal: &'a Seal,
    /// The time of day since the UNIX epoch.
    pub now: Duration,
    /// Who asks: any text that is the same for one caller and no other; empty where callers are not told apart.
    pub principal: &'a str,
}

/// What is to be done with a POST.
#[derive(Debug)]
pub enum Decision {
    /// Answer this.
    Respond(Answer),
    /// Answer 202 without a body: a notification or a response was taken.
    Accepted,
    /// 2026-07-28: ask a server, then answer what [`Forward::answer`] makes of it.
    Call(Box<Forward>),
    /// 2026-07-28: tell of changes until the client goes.
    Listen(Box<Listen>),
    /// Up to 2025-11-25: open a session.
    Open(Opening),
    /// Up to 2025-11-25: for the session that the request names.
    Session(Post),
}

/// Decides what is to be done with a POST. Pure: the same input gives the same decision.
pub fn decide(inbound: &Inbound<'_>) -> Decision {
    if !inbound.headers.is_json() {
        let error = Error::new(INVALID_REQUEST, "`Content-Type` is not `application/json`");
        return Decision::Respond(Answer::refusal(415, None, &error));
    }
    match jsonrpc::read_body(inbound.body) {
        Ok(Body::One(Message::Request(request))) => inbound.request(&request),
        // 2026-07-28 has no notification from clients over HTTP; one is taken and comes to nothing.
        Ok(Body::One(Message::Notification(_))) if inbound.says_modern() => Decision::Accepted,
        Ok(Body::One(message)) => inbound.session(None, || Post::one(message)),
        Ok(Body::Batch(messages)) => inbound.session(None, || Post::batch(messages)),
        Err(error) => Decision::Respond(Answer::refusal(400, error.id(), &error.to_error())),
    }
}

impl Inbound<'_> {
    fn request(&self, request: &Request<'_>) -> Decision {
        let id = Some(&request.id);
        let refuse = |error: &Error| Decision::Respond(Answer::refusal(400, id, error));
        let params = match request.params.map(Object::read) {
            None => None,
            Some(Some(params)) => Some(params),
            Some(None) => {
                return refuse(&Error::new(INVALID_PARAMS, "`params` is not an object"));
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
            let message = format!("`{key}` stands twice in `params`");
            return refuse(&Error::new(INVALID_PARAMS, message));
        }
        if let Some(claim) = meta.as_ref().and_then(Claim::read) {
            return modern::decide(self, request, params.as_ref(), &claim);
        }
        if self.says_modern() && request.method != method::INITIALIZE {
            let message =
                format!("`params._meta` lacks `{PROTOCOL_VERSION}` and `{CLIENT_CAPABILITIES}`");
            return refuse(&Error::new(INVALID_PARAMS, message));
        }
        if request.method == method::INITIALIZE {
            return legacy::open(request, params.as_ref());
        }
        self.session(Some(&request.id), || Post::request(request))
    }

    fn session(&self, id: Option<&Id>, post: impl FnOnce() -> Post) -> Decision {
        match legacy_version(self.headers.protocol_version) {
            Ok(()) => Decision::Session(post()),
            Err(error) => Decision::Respond(Answer::refusal(400, id, &error)),
        }
    }

    fn says_modern(&self) -> bool {
        self.headers.is_modern()
    }
}

/// Whether `MCP-Protocol-Version` may stand on a message of a session; the same for GET and DELETE. 2025-11-25, transports: an
/// invalid or unsupported version is a 400; none at all is 2025-03-26.
///
/// # Errors
/// The error to answer with, at 400.
pub fn legacy_version(field: Field<'_>) -> Result<(), Error> {
    let served = match field {
        Field::Absent => true,
        Field::One(version) => {
            Revision::parse(version).is_some_and(|revision| revision.era() == Era::Legacy)
        }
        Field::Bad => false,
    };
    let supported = Revision::names(Era::Legacy);
    let error = Error::new(
        INVALID_REQUEST,
        "`MCP-Protocol-Version` names no revision that is served here",
    );
    if served {
        Ok(())
    } else {
        Err(error.with_data(format!("{{\"supported\":{supported}}}")))
    }
}

/// Takes out of `_meta` what a client of 2026-07-28 says about itself to the origin: servers that were greeted with a handshake
/// refuse a request with such a claim. All else in `_meta` is for the server.
pub(crate) fn without_envelope(params: &str) -> String {
    let cleaned = Object::read(params).and_then(|object| {
        let meta = object.find("_meta")?;
        let inner = Object::read(meta.value)?;
        Some(object.replaced(meta, &inner.without(|key| ENVELOPE.contains(&key))))
    });
    cleaned.unwrap_or_else(|| params.to_owned())
}

/// A response to `request` with a result that is there already.
pub(crate) fn respond(request: &Request<'_>, result: &str) -> Decision {
    Decision::Respond(Answer {
        status: 200,
        body: reply::result(&request.id, result),
    })
}

/// `_meta`: the revision that a request claims (2026-07-28, basic).
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// `_meta`: what the client can do.
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// `_meta`: who the client is.
pub(crate) const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// `_meta`: from which level on the client wants log messages.
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// `_meta`: which listen request a notification belongs to.
pub(crate) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// The tasks extension (SEP-2663).
pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";

/// What of `_meta` is between the client and the origin.
pub(crate) const ENVELOPE: [&str; 4] = [
    PROTOCOL_VERSION,
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    LOG_LEVEL,
];
