//! `/mcp`, `/mcp/` and `/servers/{name}/mcp`: MCP over all servers, or over the one that the path names.

mod asking;
mod errand;
mod legacy;
mod live;
mod modern;
mod parked;
mod read;
mod scope;
mod sessions;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use mcp::forward::Answer;
use mcp::jsonrpc::{self, Id, Message};
use mcp::{Decision, Error, Inbound, decide, error, reply};
use tokio::time::timeout;

use crate::app::App;
use crate::body::{self, Body, ReadError};
use crate::envelope::RETRY_SOON;
use crate::snapshot::Snapshot;
use crate::upstream::{CallError, Upstreams};
pub(super) use read::accept;
use read::{headers, parameters, principal};
use scope::Scope;

pub use parked::Parked;
pub use sessions::Sessions;

/// Answers one request to an MCP endpoint.
///
/// POST brings messages. GET opens the standing stream of a session or takes a broken stream up again, DELETE ends a session;
/// both mean something up to 2025-11-25 only. Every error is a JSON-RPC error, with the request's id where it could be read.
pub async fn serve(app: Arc<App>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let scope = Scope::of(&head);
    match head.method {
        Method::POST => post(&app, &head, &scope, body).await,
        // A client of 2026-07-28 that asks whether there is such a thing is told that there is none for it.
        _ if headers(&head, &[]).is_modern() => {
            let refused =
                refusal("2026-07-28 has no streams and no sessions to name: only POST is served");
            not_allowed(&refused, "POST, OPTIONS")
        }
        Method::GET => legacy::listen(&app, &head, &scope),
        Method::DELETE => legacy::end(&app, &head, &scope),
        _ => not_allowed(
            &refusal("only GET, POST and DELETE are served here"),
            ALLOWED,
        ),
    }
}

async fn post(app: &Arc<App>, head: &Parts, scope: &Scope, body: Body) -> Response<Body> {
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(error) => {
            let status = match &error {
                ReadError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                ReadError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            return plain(status, None, &refusal(&error.to_string()));
        }
    };
    let accept = accept(head);
    if !accept.json && !accept.events {
        let error = refusal("`Accept` takes neither `application/json` nor `text/event-stream`");
        return plain(StatusCode::NOT_ACCEPTABLE, id_of(&body).as_ref(), &error);
    }
    let Some(snapshot) = settled(&app.upstreams).await else {
        let error = Error::unavailable("the servers are still starting");
        let id = id_of(&body);
        return later(plain(StatusCode::SERVICE_UNAVAILABLE, id.as_ref(), &error));
    };
    let Some(catalog) = scope.catalog(&snapshot) else {
        let error = refusal("no server has this name");
        return plain(StatusCode::NOT_FOUND, id_of(&body).as_ref(), &error);
    };
    let fields = parameters(head);
    let inbound = Inbound {
        headers: headers(head, &fields),
        body: &body,
        catalog: &catalog,
        service: &app.service,
        seal: &app.seal,
        now: since_epoch(app),
        principal: &principal(head),
    };
    match decide(&inbound) {
        Decision::Respond(answer) => stream::answer(answer, accept),
        Decision::Accepted => accepted(),
        Decision::Call(forward) => modern::call(app, *forward, head, accept).await,
        Decision::Listen(listen) => modern::listen(app, *listen, head, scope, &snapshot),
        Decision::Open(opening) => legacy::open(app, &opening, scope, &catalog, accept),
        Decision::Session(post) => legacy::post(app, post, head, scope, accept).await,
    }
}

/// The snapshot, once every server had its chance; `None` when that takes too long.
pub(super) async fn settled(upstreams: &Upstreams) -> Option<Arc<Snapshot>> {
    let mut snapshots = upstreams.snapshot();
    if snapshots.borrow().ready {
        return Some(Arc::clone(&snapshots.borrow()));
    }
    let ready = timeout(STARTING, snapshots.wait_for(|snapshot| snapshot.ready)).await;
    ready.ok()?.ok().map(|snapshot| Arc::clone(&snapshot))
}

/// The error for a client whose call did not come to an answer of the server.
fn failure(error: &CallError) -> Error {
    match error {
        CallError::Timeout { .. } => Error::timeout(error.to_string()),
        _ => Error::unavailable(error.to_string()),
    }
}

fn since_epoch(app: &App) -> Duration {
    let seconds = u64::try_from(app.clock.wall().as_second()).unwrap_or(0);
    Duration::from_secs(seconds)
}

fn id_of(body: &[u8]) -> Option<Id> {
    match jsonrpc::read_request(body) {
        Ok(Message::Request(request)) => Some(request.id),
        Ok(_) => None,
        Err(error) => error.id().cloned(),
    }
}

fn refusal(message: &str) -> Error {
    Error::new(error::INVALID_REQUEST, message)
}

fn plain(status: StatusCode, id: Option<&Id>, error: &Error) -> Response<Body> {
    body::json_bytes(status, reply::error(id, error))
}

fn json(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body::json_bytes(status, answer.body)
}

fn not_allowed(error: &Error, allowed: &'static str) -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, None, error);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Asks the client to come back.
fn later(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
    response
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// What this endpoint serves.
const ALLOWED: &str = "GET, POST, DELETE, OPTIONS";

/// How long a request waits for servers that are starting before it is sent away: the Python servers that were measured list
/// their tools within two seconds of their start.
const STARTING: Duration = Duration::from_secs(5);
