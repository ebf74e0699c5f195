//! Requests of 2026-07-28: each describes itself, and none leans on another.

use std::sync::Arc;

use crate::catalog::{Catalog, Member, Resolution};
use crate::dispatch::{
    CLIENT_CAPABILITIES, Decision, Inbound, LOG_LEVEL, PROTOCOL_VERSION, TASKS, method, respond,
};
use crate::error::{Error, HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_VERSION};
use crate::forward::{Answer, Forward, Make, Modern, status_of};
use crate::headers::{self, Claims};
use crate::jsonrpc::Request;
use crate::level::Level;
use crate::listen::Listen;
use crate::raw::{self, Object, quote};
use crate::rounds::{self, Resumed};
use crate::seal::Binding;
use crate::tool;
use crate::upstream::Greeting;
use crate::version::{Era, Revision};

/// What the body of a request says of itself.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    version: &'a str,
    capabilities: Option<&'a str>,
    level: Option<&'a str>,
}

impl<'a> Claim<'a> {
    /// `None`: the request is of an older revision.
    pub(crate) fn read(meta: &Object<'a>) -> Option<Self> {
        let value = |key| meta.find(key).map(|member| member.value);
        Some(Self {
            version: value(PROTOCOL_VERSION)?,
            capabilities: value(CLIENT_CAPABILITIES),
            level: value(LOG_LEVEL),
        })
    }
}

/// One request with all that decides about it.
struct Asked<'a> {
    inbound: &'a Inbound<'a>,
    request: &'a Request<'a>,
    params: &'a Object<'a>,
    level: Option<Level>,
    capabilities: &'a str,
}

/// Decides. The checks stand in the order that both reference SDKs have.
pub(crate) fn decide(
    inbound: &Inbound<'_>,
    request: &Request<'_>,
    params: Option<&Object<'_>>,
    claim: &Claim<'_>,
) -> Decision {
    let refuse = |error: &Error| {
        Decision::Respond(Answer::refusal(
            status_of(error.code),
            Some(&request.id),
            error,
        ))
    };
    let capabilities = claim.capabilities.and_then(Object::read);
    let (Some(version), Some(_), Some(params)) =
        (raw::unquote(claim.version), capabilities, params)
    else {
        let message = format!(
            "`params._meta` needs a string `{PROTOCOL_VERSION}` and an object `{CLIENT_CAPABILITIES}`"
        );
        return refuse(&Error::new(INVALID_PARAMS, message));
    };
    if let Err(reason) = agree(inbound, request, params, &version) {
        return refuse(&Error::new(HEADER_MISMATCH, reason));
    }
    if Revision::parse(&version).is_none_or(|revision| revision.era() != Era::Modern) {
        return refuse(&unsupported(&version));
    }
    let level = claim
        .level
        .map(|level| raw::unquote(level).and_then(|level| Level::parse(&level)));
    if level == Some(None) {
        let message = format!("`params._meta[\"{LOG_LEVEL}\"]` is not a level");
        return refuse(&Error::new(INVALID_PARAMS, message));
    }
    let asked = Asked {
        inbound,
        request,
        params,
        level: level.flatten(),
        capabilities: claim.capabilities.unwrap_or_default(),
    };
    match asked.decide() {
        Ok(decision) => decision,
        Err(error) => refuse(&error),
    }
}

/// Holds the headers against the body, those of a tool's parameters too.
fn agree(
    inbound: &Inbound<'_>,
    request: &Request<'_>,
    params: &Object<'_>,
    version: &str,
) -> Result<(), String> {
    let named = named_by(&request.method).map(|key| params.find(key)?.text());
    let name = named.as_ref().map(Option::as_deref);
    let claims = Claims {
        version,
        method: &request.method,
        name,
    };
    headers::agree(&inbound.headers, &claims)?;
    match (request.method.as_ref(), name.flatten()) {
        (method::TOOLS_CALL, Some(name)) => match inbound.catalog.resolve(name) {
            Resolution::Found(entry) => {
                let arguments = params.find("arguments").map(|member| member.value);
                headers::parameters_agree(&inbound.headers, &entry.headers, arguments)
            }
            Resolution::Absent { .. } | Resolution::Unknown => Ok(()),
        },
        _ => Ok(()),
    }
}

impl Asked<'_> {
    fn decide(&self) -> Result<Decision, Error> {
        let Inbound {
            catalog, service, ..
        } = *self.inbound;
        let called = self.request.method.as_ref();
        if let Some(kind) = method::list(called) {
            no_cursor(self.params)?;
            let list = service.list(catalog, kind, Era::Modern);
            return Ok(respond(self.request, &list));
        }
        let has_tasks = || catalog.capabilities(Era::Modern).has_extension(TASKS);
        match called {
            method::DISCOVER => Ok(respond(self.request, &service.discover(catalog))),
            method::LISTEN => {
                let listen = Listen::read(self.request.id.clone(), self.params, catalog)?;
                Ok(Decision::Listen(Box::new(listen)))
            }
            method::TOOLS_CALL => self.named(method::TOOLS_CALL),
            method::PROMPTS_GET => self.named(method::PROMPTS_GET),
            method::RESOURCES_READ => self.read(),
            method::COMPLETE => self.complete(),
            method::TASKS_GET if has_tasks() => self.task(method::TASKS_GET),
            method::TASKS_UPDATE if has_tasks() => self.task(method::TASKS_UPDATE),
            method::TASKS_CANCEL if has_tasks() => self.task(method::TASKS_CANCEL),
            other => Err(Error::new(
                METHOD_NOT_FOUND,
                format!("`{other}` is not served"),
            )),
        }
    }

    /// `tools/call` and `prompts/get`.
    fn named(&self, called: &'static str) -> Result<Decision, Error> {
        let (server, params) = named_params(self.inbound.catalog, called, self.params)?;
        self.forward(&server, called, &params, true)
    }

    fn read(&self) -> Result<Decision, Error> {
        let uri = text_of(self.params, "uri")?;
        let member = reader(self.inbound.catalog, &uri, INVALID_PARAMS)?;
        self.forward(
            &member.name,
            method::RESOURCES_READ,
            self.params.text(),
            true,
        )
    }

    fn complete(&self) -> Result<Decision, Error> {
        let (server, params) = completed_params(self.inbound.catalog, self.params)?;
        self.forward(&server, method::COMPLETE, &params, false)
    }

    fn task(&self, called: &'static str) -> Result<Decision, Error> {
        let (server, params) = task_params(self.inbound.catalog, self.params)?;
        self.forward(&server, called, &params, false)
    }

    /// `rounds`: the method is one that may need several (2026-07-28, multi round-trip requests).
    fn forward(
        &self,
        server: &Arc<str>,
        called: &'static str,
        params: &str,
        rounds: bool,
    ) -> Result<Decision, Error> {
        let Inbound {
            catalog,
            seal,
            now,
            principal,
            ..
        } = *self.inbound;
        let mut params = params.to_owned();
        // Bound to what the client sent, so that the names of servers and tools count as it knows them.
        let binding = rounds.then(|| Binding::new(server, called, principal, self.params));
        let state = self.params.find("requestState");
        let mut resumed = None;
        if let (Some(binding), Some(state)) = (&binding, state) {
            let sealed = state.text().unwrap_or_default();
            let opened = seal
                .open(binding, now, &sealed)
                .map_err(|broken| Error::new(INVALID_PARAMS, broken.to_string()))?;
            resumed = Resumed::read(&opened, self.params)?;
            // A request that waits is not made again: its parameters are at the server.
            params = Object::read(&params)
                .filter(|_| resumed.is_none())
                .and_then(|object| Some(object.replaced(object.find("requestState")?, &opened)))
                .unwrap_or(params);
        }
        let first_round = state.is_none() && self.params.find("inputResponses").is_none();
        Ok(Decision::Call(Box::new(Forward {
            server: Arc::clone(server),
            method: called.into(),
            params,
            level: self.level,
            greeting: self.greeting(server).filter(|_| rounds),
            resumed,
            id: self.request.id.clone(),
            make: Make::Modern(Modern {
                binding,
                cached: called == method::RESOURCES_READ && first_round,
                prefixed: !catalog.is_plain(),
                token: self.token(),
            }),
        })))
    }

    /// Who the client is to a server that asks it by requests of its own, if it may be asked anything.
    fn greeting(&self, server: &str) -> Option<Arc<Greeting>> {
        let member = self.inbound.catalog.member(server)?;
        let capabilities = rounds::askable(self.capabilities)?;
        let asks = member.private && member.era == Era::Legacy;
        asks.then(|| {
            Arc::new(Greeting {
                revision: Revision::LATEST_LEGACY,
                capabilities: capabilities.into(),
                client_info: self.inbound.service.info().into(),
            })
        })
    }

    fn token(&self) -> Option<Box<str>> {
        let meta = Object::read(self.params.find("_meta")?.value)?;
        Some(meta.find("progressToken")?.value.into())
    }
}

/// The server of a tool or prompt, and `params` with its own name for it.
pub(crate) fn named_params(
    catalog: &Catalog,
    called: &str,
    params: &Object<'_>,
) -> Result<(Arc<str>, String), Error> {
    let public = text_of(params, "name")?;
    let (found, what) = match called {
        method::PROMPTS_GET => (catalog.prompt(&public), "prompt"),
        _ => (catalog.resolve(&public), "tool"),
    };
    match (found, params.find("name")) {
        (Resolution::Found(entry), Some(member)) => {
            let own = if *public == *entry.name {
                member.value.to_owned()
            } else {
                quote(&entry.name)
            };
            Ok((Arc::clone(&entry.server), params.replaced(member, &own)))
        }
        (Resolution::Absent { server }, _) => Err(Error::unavailable(format!(
            "the server `{server}` is not available"
        ))),
        _ => Err(Error::new(
            INVALID_PARAMS,
            format!("no {what} is named `{public}`"),
        )),
    }
}

/// The server that reads a resource. `code`: what a client of its era expects for one that is not there.
pub(crate) fn reader<'a>(catalog: &'a Catalog, uri: &str, code: i64) -> Result<&'a Member, Error> {
    catalog.reader(uri).ok_or_else(|| {
        let error = Error::new(code, format!("no server has the resource `{uri}`"));
        error.with_data(format!("{{\"uri\":{}}}", quote(uri)))
    })
}

/// The server that completes an argument, and `params` with its own name for the prompt.
pub(crate) fn completed_params(
    catalog: &Catalog,
    params: &Object<'_>,
) -> Result<(Arc<str>, String), Error> {
    let lacks = || {
        Error::new(
            INVALID_PARAMS,
            "`params.ref` names no prompt and no resource",
        )
    };
    let member = params.find("ref").ok_or_else(lacks)?;
    let reference = Object::read(member.value).ok_or_else(lacks)?;
    if let Some(uri) = reference.find("uri") {
        let uri = uri.text().ok_or_else(lacks)?;
        let server = reader(catalog, &uri, INVALID_PARAMS)?;
        return Ok((Arc::clone(&server.name), params.text().to_owned()));
    }
    let (server, own) = named_params(catalog, method::PROMPTS_GET, &reference)?;
    Ok((server, params.replaced(member, &own)))
}

/// The server of a task, and `params` with its own id for it.
pub(crate) fn task_params(
    catalog: &Catalog,
    params: &Object<'_>,
) -> Result<(Arc<str>, String), Error> {
    let public = text_of(params, "taskId")?;
    let (server, own) = task(catalog, &public)
        .ok_or_else(|| Error::new(INVALID_PARAMS, format!("there is no task `{public}`")))?;
    let params = match params.find("taskId") {
        Some(member) if *own != *public => params.replaced(member, &quote(own)),
        _ => params.text().to_owned(),
    };
    Ok((server, params))
}

/// The server of a task, and its own id for it.
pub(crate) fn task<'a>(catalog: &Catalog, public: &'a str) -> Option<(Arc<str>, &'a str)> {
    if catalog.is_plain() {
        let server = catalog.members().first()?;
        return Some((Arc::clone(&server.name), public));
    }
    let (server, own) = public.split_once(tool::SEPARATOR)?;
    Some((Arc::clone(&catalog.member(server)?.name), own))
}

/// A member of `params` that must be a string.
pub(crate) fn text_of(params: &Object<'_>, key: &str) -> Result<String, Error> {
    let member = params
        .find(key)
        .ok_or_else(|| Error::new(INVALID_PARAMS, format!("`params.{key}` is missing")))?;
    let text = member.text().map(std::borrow::Cow::into_owned);
    text.ok_or_else(|| Error::new(INVALID_PARAMS, format!("`params.{key}` is not a string")))
}

/// Each list is one page, so no cursor was ever given out.
pub(crate) fn no_cursor(params: &Object<'_>) -> Result<(), Error> {
    match params.find("cursor") {
        Some(cursor) if cursor.value != "null" => Err(Error::new(
            INVALID_PARAMS,
            "`cursor` is none that was given out",
        )),
        _ => Ok(()),
    }
}

fn unsupported(version: &str) -> Error {
    let supported = Revision::names(Era::Modern);
    let data = format!(
        "{{\"supported\":{supported},\"requested\":{}}}",
        quote(version)
    );
    Error::new(
        UNSUPPORTED_VERSION,
        format!("MCP `{version}` is not served"),
    )
    .with_data(data)
}

/// Which member of `params` the header `Mcp-Name` repeats.
pub(crate) fn named_by(called: &str) -> Option<&'static str> {
    match called {
        method::TOOLS_CALL | method::PROMPTS_GET => Some("name"),
        method::RESOURCES_READ => Some("uri"),
        method::TASKS_GET | method::TASKS_UPDATE | method::TASKS_CANCEL => Some("taskId"),
        _ => None,
    }
}
