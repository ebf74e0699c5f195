//! `GET /readyz`: the capability snapshot is built.

use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::body::{self, Body};
use crate::envelope::RETRY_SOON;

/// `{"ready":bool,"servers":{NAME:STATE}}`; 503 with `Retry-After` until every server has become ready or has failed its
/// first start, and while a critical dependency is not there, which is then named as `missing`. A failed server is named and
/// does not keep the others from clients.
pub(super) fn serve(app: &App, head: &Parts) -> Response<Body> {
    let snapshot = app.snapshot_for(&head.extensions);
    let servers: Map<String, Value> = snapshot
        .servers
        .iter()
        .map(|server| (server.name.clone(), json!(server.state)))
        .collect();
    let missing = app.dependencies.missing();
    let ready = snapshot.ready && missing.is_none();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut document = json!({ "ready": ready, "servers": servers });
    if let Some(missing) = missing {
        document["missing"] = json!(missing);
    }
    let mut response = body::json(status, &document);
    if !ready {
        response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
    }
    response
}
