//! `GET /capz`: what the origin can do now.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::body::{self, Body};
use crate::envelope::iso;
use crate::reload::Last;
use crate::snapshot::ServerStatus;

use super::health::is_private;

/// `{"service","version","generation","ready","built_at","stream_keep_alive_ms","certificates":[…],"servers":[…],"tools":[…]}`,
/// from the snapshot that MCP clients are served from at this moment. A certificate is `{"names","not_before","not_after"}`,
/// and for the operator `file` too. The operator also sees `waiting_for_restart`, the keys of the file that a reload could not
/// take up, and `last_reload`: `{"number","at","taken_up","status"}`, null since the start.
pub(super) fn serve(app: &App, head: &Parts) -> Response<Body> {
    let snapshot = app.snapshot_for(&head.extensions);
    let config = &app.config;
    let servers: Vec<_> = snapshot
        .servers
        .iter()
        .map(|server| shown(server, head))
        .collect();
    let tools: Vec<&str> = snapshot
        .catalog
        .entries()
        .iter()
        .map(|entry| &*entry.public)
        .collect();
    let mut document = json!({
        "service": config.name,
        "version": env!("CARGO_PKG_VERSION"),
        "generation": config.generation,
        "ready": snapshot.ready,
        "built_at": snapshot.built_at.map(iso),
        "stream_keep_alive_ms": u64::try_from(config.stream_keep_alive.as_millis()).unwrap_or(u64::MAX),
        "certificates": certificates(app, is_private(head)),
        "servers": servers,
        "tools": tools,
    });
    if is_private(head) {
        document["waiting_for_restart"] = app.waiting.clone().into();
        document["last_reload"] = app.reloads.last().as_ref().map_or(Value::Null, reload);
    }
    body::json(StatusCode::OK, &document)
}

fn reload(last: &Last) -> Value {
    json!({
        "number": last.number,
        "at": iso(last.at),
        "taken_up": last.taken_up,
        "status": last.status,
    })
}

/// What TLS clients are shown now; none where the origin speaks no TLS.
pub(super) fn certificates(app: &App, private: bool) -> Vec<Value> {
    let shown = app.certificates.iter().flat_map(|store| {
        let shown = store.certificates();
        shown.iter().map(Arc::clone).collect::<Vec<_>>()
    });
    shown
        .map(|certificate| {
            let mut shown = json!({
                "names": certificate.names,
                "not_before": iso(certificate.not_before),
                "not_after": iso(certificate.not_after),
            });
            if private {
                shown["file"] = certificate.path.display().to_string().into();
            }
            shown
        })
        .collect()
}

/// Why a server is not there may name paths, and ends in what it wrote to its error output: that is for the operator.
fn shown(server: &ServerStatus, head: &Parts) -> ServerStatus {
    let mut server = server.clone();
    if !is_private(head) {
        server.error = None;
    }
    server
}
