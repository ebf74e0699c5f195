//! `GET /status` on the admin listener: one page that shows how the origin is.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::request::Parts;
use http::{Response, StatusCode};
use pin_project_lite::pin_project;
use serde_json::{Value, json};
use tokio::time::{Instant, Sleep, sleep_until};

use super::html::{self, Page};
use super::{capz, health};
use crate::app::App;
use crate::body::{self, Body};
use crate::envelope::iso;
use crate::metrics::{self, Failure, Metrics};
use crate::middleware::request_id;
use crate::snapshot::ServerStatus;
use crate::stream::{Framing, SSE, StreamBody};

/// The page for whoever asks for `text/html`; `event: status` with the figures every [`PAUSE`] for `text/event-stream`, which
/// is what the page asks for; else the figures once, as JSON.
pub(super) fn serve(app: &Arc<App>, head: &Parts) -> Response<Body> {
    if html::names(&head.headers, "text/html") {
        return PAGE.serve();
    }
    if html::names(&head.headers, SSE) {
        let figures = Figures {
            app: Arc::clone(app),
            left: MOST_EVENTS,
            sleep: sleep_until(Instant::now()),
        };
        let id = request_id::of(&head.extensions);
        let ticket = app.streams.open(id, "status");
        return StreamBody::new(figures, Framing::Sse, ticket).into_response();
    }
    body::json(StatusCode::OK, &document(app))
}

/// What `/health` says to the operator, and beside it `{"generation","streams":{"open","routes":{ROUTE:N}},"sessions",
/// "requests":{"total","protocols":{VERSION:N},"p50_ms","p99_ms"},"failures":[{"at","what","why","request_id"}],
/// "certificates":[…],"memory_bytes"}`; each server has `calls`, `calls_failed`, `p50_ms` and `p99_ms` too.
fn document(app: &App) -> Value {
    let snapshot = app.snapshot();
    let mut document = health::document(app, &snapshot, true);
    let mut calls = HashMap::new();
    app.upstreams.each_calls(|name, counted| {
        calls.insert(name.to_owned(), counted.summary());
    });
    for ServerStatus { name, .. } in &snapshot.servers {
        let summary = calls.remove(name).unwrap_or_default();
        let server = &mut document["servers"][name];
        server["calls"] = json!(summary.calls);
        server["calls_failed"] = json!(summary.failed);
        server["p50_ms"] = json!(summary.p50.map(milliseconds));
        server["p99_ms"] = json!(summary.p99.map(milliseconds));
    }
    let routes = app.streams.by_route();
    document["generation"] = json!(app.config.generation);
    document["streams"] = json!({ "open": routes.values().sum::<u64>(), "routes": routes });
    document["sessions"] = json!(app.sessions.len());
    document["requests"] = requests(app);
    document["failures"] = json!(failures(app));
    document["certificates"] = json!(capz::certificates(app, true));
    document["memory_bytes"] = json!(metrics::resident_memory());
    document
}

/// Requests since the start, and how long the latest of them waited for the head of their answer.
fn requests(app: &App) -> Value {
    let metrics = app.metrics.as_deref();
    let protocols = metrics.map(Metrics::protocols).unwrap_or_default();
    let (p50, p99) = metrics
        .map(|metrics| metrics.waits(app.clock.now()))
        .unwrap_or_default();
    json!({
        "total": protocols.values().sum::<u64>(),
        "protocols": protocols,
        "p50_ms": p50.map(milliseconds),
        "p99_ms": p99.map(milliseconds),
    })
}

/// What went wrong last, at the origin and at its servers, the latest first.
fn failures(app: &App) -> Vec<Value> {
    let requests = app.metrics.iter();
    let mut failures: Vec<Failure> = requests
        .flat_map(|metrics| metrics.failures.list())
        .collect();
    app.upstreams
        .each_calls(|_, calls| failures.extend(calls.failures().list()));
    failures.sort_unstable_by_key(|failure| std::cmp::Reverse(failure.at));
    failures.truncate(MOST_FAILURES);
    let (now, wall) = (app.clock.now(), app.clock.wall());
    failures
        .into_iter()
        .map(|failure| {
            let age = now.saturating_duration_since(failure.at);
            let at = wall.checked_sub(age).unwrap_or(wall);
            json!({
                "at": iso(at),
                "what": failure.what,
                "why": failure.why,
                "request_id": failure.request_id,
            })
        })
        .collect()
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

pin_project! {
    /// The figures again and again, each time made when they are asked for. They end, and the page asks anew: a reload of the
    /// configuration is seen by requests that begin after it.
    struct Figures {
        app: Arc<App>,
        left: u32,
        #[pin]
        sleep: Sleep,
    }
}

impl Stream for Figures {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if *this.left == 0 {
            return Poll::Ready(None);
        }
        ready!(this.sleep.as_mut().poll(cx));
        *this.left -= 1;
        this.sleep.reset(Instant::now() + PAUSE);
        let json = document(this.app).to_string();
        let event = Framing::Sse.event("status", &json);
        Poll::Ready(Some([RETRY, &event].concat().into()))
    }
}

static PAGE: Page = Page::new(TEXT, || html::policy_of(TEXT));
const TEXT: &str = include_str!("../../pages/status.html");
/// How soon the page asks anew, in milliseconds: before anybody sees that it did (WHATWG HTML section 9.2.6, `retry`).
const RETRY: &[u8] = b"retry: 100\n";
/// Half a minute.
const MOST_EVENTS: u32 = 15;
/// Quick enough for a person who watches, a few milliseconds of work a minute.
const PAUSE: Duration = Duration::from_secs(2);
/// As many as a screen shows.
const MOST_FAILURES: usize = 20;
