//! `GET /health`: how the origin, its servers and what they need are.

use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::body::{self, Body};
use crate::conn::Role;
use crate::envelope::{RETRY_SOON, iso};
use crate::health::Watched;
use crate::middleware::Asked;
use crate::snapshot::{ServerState, ServerStatus, Snapshot};

/// `{"status","service","version","uptime_seconds","servers":{NAME:{…}},"dependencies":{NAME:{…}},"timestamp"}`.
///
/// `status` is `starting` until every server has become ready or failed and every dependency was looked at, `degraded` when one
/// of them is not there, else `healthy`. 503 with `Retry-After` while starting, and while a critical dependency is not there.
/// Why something is not there may name paths, addresses and users: it is told on the admin listener only.
pub(super) fn serve(app: &App, head: &Parts) -> Response<Body> {
    let document = document(app, &app.snapshot_for(&head.extensions), is_private(head));
    if document["status"] != STARTING && app.dependencies.missing().is_none() {
        return body::json(StatusCode::OK, &document);
    }
    let mut response = body::json(StatusCode::SERVICE_UNAVAILABLE, &document);
    response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
    response
}

/// What it answers, with the reasons where it is `private`.
pub(super) fn document(app: &App, snapshot: &Snapshot, private: bool) -> Value {
    let busy = app.upstreams.busy();
    let servers: Map<String, Value> = snapshot
        .servers
        .iter()
        .map(|status| {
            let busy = busy.get(&status.name);
            let in_flight = busy.map_or(0, |busy| busy.in_flight);
            (status.name.clone(), server(status, in_flight, private))
        })
        .collect();
    let dependencies: Map<String, Value> = app
        .dependencies
        .all()
        .iter()
        .map(|watched| {
            (
                watched.dependency.name.clone(),
                dependency(watched, private),
            )
        })
        .collect();
    json!({
        "status": status(app, snapshot),
        "service": app.config.name,
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": app.uptime().as_secs(),
        "servers": servers,
        "dependencies": dependencies,
        "timestamp": iso(app.clock.wall()),
    })
}

/// Whether the operator asks.
pub(super) fn is_private(head: &Parts) -> bool {
    Asked::of(&head.extensions).is_some_and(|asked| asked.role == Role::Admin)
}

fn status(app: &App, snapshot: &Snapshot) -> &'static str {
    let all_ready = snapshot
        .servers
        .iter()
        .all(|server| server.state == ServerState::Ready);
    if !snapshot.ready || !app.dependencies.are_known() {
        STARTING
    } else if all_ready && app.dependencies.are_there() {
        "healthy"
    } else {
        "degraded"
    }
}

fn server(status: &ServerStatus, in_flight: usize, private: bool) -> Value {
    let mut document = json!({
        "state": status.state,
        "tools": status.catalog.entries().len(),
        "restarts": status.restarts,
        "calls_in_flight": in_flight,
    });
    if private {
        document["error"] = json!(status.error);
    }
    document
}

fn dependency(watched: &Watched, private: bool) -> Value {
    let dependency = &watched.dependency;
    let last = watched.last();
    let status = match &last {
        None => "unknown",
        Some(checked) if checked.fault.is_none() => "healthy",
        Some(_) => "unhealthy",
    };
    let took = last.as_ref().map(|checked| {
        // To the microsecond.
        (checked.took.as_secs_f64() * 1_000_000.0).round() / 1_000.0
    });
    let mut document = json!({
        "status": status,
        "kind": dependency.kind.as_str(),
        "critical": dependency.critical,
        "response_time_ms": took,
        "checked_at": last.as_ref().map(|checked| iso(checked.at)),
    });
    if private {
        document["error"] = json!(last.as_ref().and_then(|checked| checked.fault.as_deref()));
    }
    document
}

const STARTING: &str = "starting";
