//! A request on its way to a server, and what its client gets for it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{
    Error, HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, MISSING_CAPABILITY,
    PARSE_ERROR, UNSUPPORTED_VERSION,
};
use crate::jsonrpc::Id;
use crate::level::Level;
use crate::raw::{Member, Object, quote};
use crate::reply::{self, Service};
use crate::rounds::{self, Open, Resumed};
use crate::seal::{Binding, Moment, Seal};
use crate::tool;
use crate::upstream::Greeting;

/// An HTTP answer with a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, `application/json`.
    pub body: String,
}

impl Answer {
    /// An error.
    pub fn refusal(status: u16, id: Option<&Id>, error: &Error) -> Self {
        Self {
            status,
            body: reply::error(id, error),
        }
    }
}

/// A request for a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The server's name.
    pub server: Arc<str>,
    /// The method.
    pub method: Cow<'static, str>,
    /// `params` for the server: the client's bytes with the server's own name of the tool or prompt in them.
    pub params: String,
    /// From which level on a client of 2026-07-28 wants to read the log messages that it causes.
    pub level: Option<Level>,
    /// A client of 2026-07-28 whom the server, one up to 2025-11-25, may ask something: the one to greet it as. The request needs
    /// a process that serves nobody else meanwhile.
    pub greeting: Option<Arc<Greeting>>,
    /// The request goes on with one that waits at its server.
    pub resumed: Option<Resumed>,
    /// The client's id of the request.
    pub(crate) id: Id,
    pub(crate) make: Make,
}

/// What is made of a server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// Nothing: up to 2025-11-25 the server's answer is the client's.
    Legacy,
    /// An answer of 2026-07-28.
    Modern(Modern),
}

/// What a client of 2026-07-28 needs beside a server's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modern {
    /// What a `requestState` is to be bound to; `None` where none may come.
    pub(crate) binding: Option<Binding>,
    /// The result may be kept by the client, and must say for how long.
    pub(crate) cached: bool,
    /// Ids of tasks get the server's name before them.
    pub(crate) prefixed: bool,
    /// The client's token for progress, as raw JSON.
    pub(crate) token: Option<Box<str>>,
}

impl Forward {
    /// The client's id of the request.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Whether a client of 2026-07-28 asks.
    pub fn is_modern(&self) -> bool {
        matches!(self.make, Make::Modern(_))
    }

    /// The answer to the client: a server's result or error object as raw JSON goes through as it is, but for what a client
    /// of 2026-07-28 needs beside it.
    pub fn answer(
        &self,
        service: &Service,
        outcome: Result<&str, &str>,
        (seal, moment): (&Seal, Moment),
    ) -> Answer {
        let id = &self.id;
        let (status, body) = match (outcome, &self.make) {
            (Ok(result), Make::Legacy) => (200, reply::result(id, result)),
            (Err(error), Make::Legacy) => (200, reply::raw_error(Some(id), error)),
            (Ok(result), Make::Modern(modern)) => {
                let result = modern.result(result, &self.server, (seal, moment));
                (200, reply::result(id, &service.complete(&result)))
            }
            (Err(error), Make::Modern(_)) => {
                let code = Object::read(error)
                    .and_then(|object| object.find("code")?.value.parse().ok())
                    .unwrap_or(0);
                (status_of(code), reply::raw_error(Some(id), error))
            }
        };
        Answer { status, body }
    }

    /// The answer that puts questions of a server before a client of 2026-07-28. `name`: what the request is known by that waits
    /// there for the answers.
    pub fn required(
        &self,
        service: &Service,
        (open, name): (&[Open], &str),
        (seal, moment): (&Seal, Moment),
    ) -> Answer {
        let binding = match &self.make {
            Make::Modern(modern) => modern.binding.as_ref(),
            Make::Legacy => None,
        };
        let state = rounds::waiting(name);
        let state = binding.map(|binding| seal.close(binding, moment, &state));
        let result = rounds::required(open, &state.unwrap_or_default());
        Answer {
            status: 200,
            body: reply::result(&self.id, &service.complete(&result)),
        }
    }

    /// A notification of progress under the token of this round; `None` when it names none. That of the first round may have been
    /// another.
    pub fn progress(&self, params: &str) -> Option<String> {
        let token = match &self.make {
            Make::Modern(modern) => modern.token.as_deref()?,
            Make::Legacy => return Some(params.to_owned()),
        };
        let object = Object::read(params)?;
        Some(object.replaced(object.find("progressToken")?, token))
    }

    /// The answer when no server could be asked or none answered.
    pub fn failed(&self, error: &Error) -> Answer {
        Answer::refusal(200, Some(&self.id), error)
    }
}

impl Modern {
    fn result(&self, result: &str, server: &str, (seal, moment): (&Seal, Moment)) -> String {
        let mut text = result.to_owned();
        let Some(object) = Object::read(result) else {
            return text;
        };
        let kind = object.find("resultType").and_then(Member::text);
        if let Some(binding) = &self.binding
            && kind.as_deref() == Some("input_required")
            && let Some(state) = object.find("requestState")
        {
            let sealed = seal.close(binding, moment, state.value);
            text = object.replaced(state, &quote(&sealed));
        } else if self.cached && kind.is_none_or(|kind| kind == "complete") {
            // A server of an older revision does not say how long its answer is good: not at all, and for nobody else.
            let missing: Vec<&str> = CACHING
                .into_iter()
                .filter(|(key, _)| object.find(key).is_none())
                .map(|(_, member)| member)
                .collect();
            if !missing.is_empty() {
                text = object.with(&missing.join(","));
            }
        }
        if self.prefixed {
            text = prefixed_task(&text, server);
        }
        text
    }
}

/// `text` with the server's name before its `taskId`, if it has one.
pub(crate) fn prefixed_task(text: &str, server: &str) -> String {
    let renamed = Object::read(text).and_then(|object| {
        let member = object.find("taskId")?;
        let public = format!("{server}{}{}", tool::SEPARATOR, member.text()?);
        Some(object.replaced(member, &quote(&public)))
    });
    renamed.unwrap_or_else(|| text.to_owned())
}

/// The HTTP status of an error of 2026-07-28 by its code, as the Python SDK has it.
pub(crate) fn status_of(code: i64) -> u16 {
    match code {
        METHOD_NOT_FOUND => 404,
        PARSE_ERROR | INVALID_REQUEST | INVALID_PARAMS | HEADER_MISMATCH | MISSING_CAPABILITY
        | UNSUPPORTED_VERSION => 400,
        _ => 200,
    }
}

/// The hints that a result must have that a client may keep.
const CACHING: [(&str, &str); 2] = [
    ("ttlMs", "\"ttlMs\":0"),
    ("cacheScope", "\"cacheScope\":\"private\""),
];
