//! `/mcp`, `/mcp/` and `/servers/{name}/mcp`: one POST, one answer as JSON.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use mcp::dispatch::{Answer, Forward};
use mcp::headers::{Field, Headers};
use mcp::jsonrpc::{self, Id, Message};
use mcp::{Catalog, Decision, Error, Inbound, Service, decide, error, reply};
use tokio::time::timeout;

use crate::app::App;
use crate::body::{self, Body, ReadError};
use crate::envelope::RETRY_SOON;
use crate::middleware::request_id;
use crate::snapshot::Snapshot;
use crate::upstream::{Call, CallError, Upstreams};

/// Answers one request to an MCP endpoint: over all servers, or over the one that the path names.
///
/// Only POST means something here: without sessions there is no stream to GET and nothing to DELETE (405 with `Allow`).
/// Every error is a JSON-RPC error, with the request's id where it could be read.
pub async fn serve(app: Arc<App>, request: Request<Body>) -> Response<Body> {
    if request.method() != Method::POST {
        let mut response = plain(
            StatusCode::METHOD_NOT_ALLOWED,
            None,
            &refusal("only POST is served here"),
        );
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let (head, body) = request.into_parts();
    let body = match body::read(body).await {
        Ok(body) => body,
        Err(error @ ReadError::TooLarge) => {
            return plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                None,
                &refusal(&error.to_string()),
            );
        }
        Err(error) => return plain(StatusCode::BAD_REQUEST, None, &refusal(&error.to_string())),
    };
    let Some(snapshot) = settled(&app.upstreams).await else {
        let id = id_of(&body);
        let error = Error::unavailable("the servers are still starting");
        let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, id.as_ref(), &error);
        response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
        return response;
    };
    let Some(catalog) = catalog(&snapshot, head.uri.path()) else {
        let id = id_of(&body);
        return plain(
            StatusCode::NOT_FOUND,
            id.as_ref(),
            &refusal("no server has this name"),
        );
    };
    let service = Service {
        name: app.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instructions: None,
    };
    let inbound = Inbound {
        headers: headers(&head),
        body: &body,
        catalog,
        service: &service,
    };
    match decide(&inbound) {
        Decision::Respond(answer) => response(answer),
        Decision::Accepted => accepted(),
        Decision::Call(forward) => {
            let request_id = request_id::of(&head.extensions).to_owned();
            response(call(&app.upstreams, &service, forward, request_id).await)
        }
    }
}

/// Asks the server. A caller that goes away drops this future, which cancels the call at the server: there is no session in
/// which its answer could be fetched later.
async fn call(
    upstreams: &Upstreams,
    service: &Service,
    mut forward: Forward,
    request_id: String,
) -> Answer {
    let call = Call {
        params: std::mem::take(&mut forward.params),
        request_id,
    };
    match upstreams.call(&forward.server, call).await {
        Ok(result) => forward.answer(service, Ok(&result)),
        Err(CallError::Refused(error)) => forward.answer(service, Err(&error)),
        Err(error @ CallError::Timeout { .. }) => {
            forward.failed(&Error::timeout(error.to_string()))
        }
        Err(error) => forward.failed(&Error::unavailable(error.to_string())),
    }
}

/// The snapshot, once every server had its chance; `None` when that takes too long.
async fn settled(upstreams: &Upstreams) -> Option<Arc<Snapshot>> {
    let mut snapshots = upstreams.snapshot();
    let ready = timeout(STARTING, snapshots.wait_for(|snapshot| snapshot.ready)).await;
    ready.ok()?.ok().map(|snapshot| Arc::clone(&snapshot))
}

/// The tools of the endpoint at `path`.
fn catalog<'a>(snapshot: &'a Snapshot, path: &str) -> Option<&'a Catalog> {
    match path.strip_prefix("/servers/") {
        None => Some(&snapshot.catalog),
        Some(rest) => {
            let name = rest.split('/').next().unwrap_or_default();
            snapshot.server(name).map(|server| server.catalog.as_ref())
        }
    }
}

fn headers(head: &Parts) -> Headers<'_> {
    let field =
        |name: HeaderName| Field::of(head.headers.get_all(name).iter().map(HeaderValue::as_bytes));
    Headers {
        content_type: field(CONTENT_TYPE),
        protocol_version: field(HeaderName::from_static("mcp-protocol-version")),
        method: field(HeaderName::from_static("mcp-method")),
        name: field(HeaderName::from_static("mcp-name")),
    }
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

fn response(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body::json_bytes(status, answer.body)
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// How long a request waits for servers that are starting before it is sent away: the Python servers that were measured list
/// their tools within two seconds of their start.
const STARTING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
