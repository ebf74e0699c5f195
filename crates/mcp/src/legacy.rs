//! Requests of the revisions that open with a handshake: each belongs to a session.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::dispatch::{Decision, method};
use crate::error::{Error, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, RESOURCE_NOT_FOUND};
use crate::forward::{Answer, Forward, Make};
use crate::jsonrpc::{Id, Malformed, Message, Request};
use crate::level::Level;
use crate::modern::{completed_params, named_params, no_cursor, reader, text_of};
use crate::raw::{self, Object};
use crate::reply::{self, Service};
use crate::upstream::Greeting;
use crate::version::{Era, Revision};

/// A handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The client's id of the request.
    pub id: Id,
    /// Who it is, with the revision that it gets.
    pub greeting: Arc<Greeting>,
}

impl Opening {
    /// The answer: what `catalog` offers.
    pub fn answer(&self, service: &Service, catalog: &Catalog) -> Answer {
        let result = service.initialize(self.greeting.revision, catalog);
        Answer {
            status: 200,
            body: reply::result(&self.id, &result),
        }
    }
}

/// What one POST brings for a session.
#[derive(Debug, PartialEq, Eq)]
pub struct Post {
    /// Whether it came as a batch, and its answers go as one.
    pub batch: bool,
    /// The messages.
    pub parcels: Vec<Parcel>,
}

/// One message of a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Parcel {
    /// It wants an answer.
    Request(Asked),
    /// It wants none.
    Notification {
        /// Its method.
        method: Box<str>,
        /// Its `params` as raw JSON.
        params: Option<Box<str>>,
    },
    /// The answer to a request of a server.
    Response {
        /// Its id; one that could not be read answers nothing.
        id: Option<Id>,
        /// The `result`, or else the `error`, as raw JSON.
        outcome: Result<Box<str>, Box<str>>,
    },
    /// A member of a batch that is no message, with the answer to it.
    Refused(String),
}

/// One request of a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its id.
    pub id: Id,
    /// Its method.
    pub method: Box<str>,
    /// Its `params` as raw JSON.
    pub params: Option<Box<str>>,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Routed {
    /// Nowhere: this is the whole response.
    Answered(String),
    /// To a server.
    Forward(Box<Forward>),
    /// To a server, which is to tell (`on`) of changes of a resource or no more.
    Watch {
        /// The request.
        forward: Box<Forward>,
        /// The resource.
        uri: String,
        /// Whether to begin.
        on: bool,
    },
    /// To all servers that log to this session, now and later.
    Level {
        /// The client's id of the request.
        id: Id,
        /// From which level on.
        level: Level,
    },
}

impl Post {
    pub(crate) fn one(message: Message<'_>) -> Self {
        Self {
            batch: false,
            parcels: vec![Parcel::from(message)],
        }
    }

    pub(crate) fn request(request: &Request<'_>) -> Self {
        Self {
            batch: false,
            parcels: vec![Parcel::Request(Asked::from(request))],
        }
    }

    pub(crate) fn batch(messages: Vec<Result<Message<'_>, Malformed>>) -> Self {
        let parcel = |message| match message {
            Ok(message) => Parcel::from(message),
            Err(error) => {
                let error: Malformed = error;
                Parcel::Refused(reply::error(error.id(), &error.to_error()))
            }
        };
        Self {
            batch: true,
            parcels: messages.into_iter().map(parcel).collect(),
        }
    }

    /// How many answers it wants.
    pub fn answers(&self) -> usize {
        let wants = |parcel: &&Parcel| matches!(parcel, Parcel::Request(_) | Parcel::Refused(_));
        self.parcels.iter().filter(wants).count()
    }

    /// The id of its request, where it is not a batch.
    pub fn id(&self) -> Option<&Id> {
        match self.parcels.as_slice() {
            [Parcel::Request(asked)] if !self.batch => Some(&asked.id),
            _ => None,
        }
    }

    /// The answer that needs no session: a ping asks nothing of one, and a client may send it at any time (2025-11-25,
    /// lifecycle).
    pub fn without_session(&self) -> Option<Answer> {
        match self.parcels.as_slice() {
            [Parcel::Request(asked)] if !self.batch && *asked.method == *method::PING => {
                Some(Answer {
                    status: 200,
                    body: reply::result(&asked.id, "{}"),
                })
            }
            _ => None,
        }
    }
}

impl From<Message<'_>> for Parcel {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Request(request) => Self::Request(Asked::from(&request)),
            Message::Notification(notification) => Self::Notification {
                method: notification.method.into(),
                params: notification.params.map(Into::into),
            },
            Message::Response(response) => Self::Response {
                id: response.id,
                outcome: response.outcome.map(Into::into).map_err(Into::into),
            },
        }
    }
}

impl From<&Request<'_>> for Asked {
    fn from(request: &Request<'_>) -> Self {
        Self {
            id: request.id.clone(),
            method: request.method.as_ref().into(),
            params: request.params.map(Into::into),
        }
    }
}

/// Reads a handshake.
pub(crate) fn open(request: &Request<'_>, params: Option<&Object<'_>>) -> Decision {
    let value = |key: &str| Some(params?.find(key)?.value);
    let Some(requested) = value("protocolVersion").and_then(raw::unquote) else {
        let error = Error::new(INVALID_PARAMS, "`protocolVersion` is not a string");
        return Decision::Respond(Answer::refusal(200, Some(&request.id), &error));
    };
    let object = |key: &str| {
        let found = value(key).filter(|value| value.starts_with('{'));
        found.unwrap_or("{}").into()
    };
    Decision::Open(Opening {
        id: request.id.clone(),
        greeting: Arc::new(Greeting {
            revision: Revision::negotiate(&requested),
            capabilities: object("capabilities"),
            client_info: object("clientInfo"),
        }),
    })
}

/// Says where a request goes.
pub fn route(asked: &Asked, catalog: &Catalog, service: &Service) -> Routed {
    let routed = match asked.params.as_deref().map(Object::read) {
        None => Object::read("{}").map_or_else(|| Err(not_object()), Ok),
        Some(None) => Err(not_object()),
        Some(Some(params)) => Ok(params),
    };
    let routed = routed.and_then(|params| match params.duplicate() {
        Some(key) => Err(Error::new(
            INVALID_PARAMS,
            format!("`{key}` stands twice in `params`"),
        )),
        None => routed_to(asked, &params, catalog, service),
    });
    routed.unwrap_or_else(|error| Routed::Answered(reply::error(Some(&asked.id), &error)))
}

fn routed_to(
    asked: &Asked,
    params: &Object<'_>,
    catalog: &Catalog,
    service: &Service,
) -> Result<Routed, Error> {
    let id = &asked.id;
    let forward = |server: &Arc<str>, params: &str| {
        Box::new(Forward {
            server: Arc::clone(server),
            method: asked.method.to_string().into(),
            params: params.to_owned(),
            level: None,
            greeting: None,
            resumed: None,
            id: id.clone(),
            make: Make::Legacy,
        })
    };
    if let Some(kind) = method::list(&asked.method) {
        no_cursor(params)?;
        let list = service.list(catalog, kind, Era::Legacy);
        return Ok(Routed::Answered(reply::result(id, &list)));
    }
    match asked.method.as_ref() {
        method::PING => Ok(Routed::Answered(reply::result(id, "{}"))),
        method::INITIALIZE => Err(Error::new(
            INVALID_REQUEST,
            "a handshake is no part of a session or of a batch",
        )),
        called @ (method::TOOLS_CALL | method::PROMPTS_GET) => {
            let (server, params) = named_params(catalog, called, params)?;
            Ok(Routed::Forward(forward(&server, &params)))
        }
        method::COMPLETE => {
            let (server, params) = completed_params(catalog, params)?;
            Ok(Routed::Forward(forward(&server, &params)))
        }
        method::RESOURCES_READ => {
            let server = reader(catalog, &text_of(params, "uri")?, RESOURCE_NOT_FOUND)?;
            Ok(Routed::Forward(forward(&server.name, params.text())))
        }
        called @ (method::SUBSCRIBE | method::UNSUBSCRIBE) => {
            let uri = text_of(params, "uri")?;
            let server = reader(catalog, &uri, RESOURCE_NOT_FOUND)?;
            Ok(Routed::Watch {
                forward: forward(&server.name, params.text()),
                on: called == method::SUBSCRIBE,
                uri,
            })
        }
        method::SET_LEVEL if catalog.capabilities(Era::Legacy).logging => {
            let level = text_of(params, "level")?;
            let Some(level) = Level::parse(&level) else {
                let message = format!("`{}` is not a level", level.escape_debug());
                return Err(Error::new(INVALID_PARAMS, message));
            };
            Ok(Routed::Level {
                id: id.clone(),
                level,
            })
        }
        // With one server under its own names the session is as if it spoke with that server alone: what the origin does not
        // know, it may.
        unknown => match catalog.members() {
            [only] if catalog.is_plain() && unknown != method::DISCOVER => {
                Ok(Routed::Forward(forward(&only.name, params.text())))
            }
            _ => Err(Error::new(
                METHOD_NOT_FOUND,
                format!("`{unknown}` is not served"),
            )),
        },
    }
}

fn not_object() -> Error {
    Error::new(INVALID_PARAMS, "`params` is not an object")
}
