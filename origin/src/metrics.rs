//! Figures: what is counted while it happens, and what is looked at when Prometheus or a person asks.

mod calls;
mod page;
mod process;
mod recent;
mod sharded;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::snapshot::ServerState;
use page::Page;
use recent::{Clients, percentile};
use sharded::Sharded;

pub use calls::{Called, Calls, Summary};
pub use page::CONTENT_TYPE;
pub use process::resident_memory;
pub use recent::{Failure, Failures};
pub use tables::{FAMILIES, Family};

/// What is counted of requests. There is one only where somebody may look: an origin without an admin listener pays nothing.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Sharded<BTreeMap<Request, u64>>,
    clients: Clients,
    /// The latest answers with a status of 500 or above.
    pub failures: Failures,
}

/// Requests of one kind. Each part is one of a few words of the origin's own, so that no client can make new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The status of the answer; 499 for a client that left before it.
    pub status: u16,
    /// What the client spoke: `1.0`, `1.1`, `2` or `3`.
    pub protocol: &'static str,
    /// The route's name.
    pub route: &'static str,
}

impl Metrics {
    /// A request has been answered.
    pub fn request(&self, request: Request) {
        self.requests
            .change(|requests| *requests.entry(request).or_default() += 1);
    }

    /// A client that spoke `protocol` has got the head of its answer at `at`, `wait` after its own.
    pub fn answered(&self, protocol: &'static str, at: Instant, wait: Duration) {
        self.clients.add(protocol, at, wait);
    }

    /// The requests of clients since the start, by the HTTP version that they spoke.
    pub fn protocols(&self) -> BTreeMap<&'static str, u64> {
        self.clients.protocols()
    }

    /// How long half of the latest requests of clients, and 99 of 100, waited at most; `None` without any.
    pub fn waits(&self, now: Instant) -> (Option<Duration>, Option<Duration>) {
        let sorted = self.clients.waits(now);
        (percentile(&sorted, 50), percentile(&sorted, 99))
    }

    fn requests(&self) -> BTreeMap<Request, u64> {
        let mut all = BTreeMap::new();
        self.requests.each(|requests| {
            for (request, count) in requests {
                *all.entry(*request).or_default() += count;
            }
        });
        all
    }
}

/// The whole page, in Prometheus' text format 0.0.4.
pub fn write(app: &App, metrics: &Metrics) -> String {
    let mut page = Page::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.sample("origin_build_info", &version, 1);
    for (request, count) in metrics.requests() {
        let status = request.status.to_string();
        let labels = [
            ("protocol", request.protocol),
            ("route", request.route),
            ("status", &status),
        ];
        page.sample("origin_http_requests_total", &labels, count);
    }
    for (by, what, count) in app.limits.refused() {
        let labels = [("by", by), ("what", what.word())];
        page.sample("origin_limited_total", &labels, count);
    }
    for (route, count) in app.streams.by_route() {
        page.sample("origin_open_streams", &[("route", route)], count);
    }
    page.sample("origin_sessions", &[], app.sessions.len());
    write_servers(&mut page, app);
    write_dependencies(&mut page, app);
    write_certificates(&mut page, app);
    process::write(&mut page, app);
    page.finish()
}

fn write_servers(page: &mut Page, app: &App) {
    for server in &app.snapshot().servers {
        let name = ("server", server.name.as_str());
        for state in ServerState::ALL {
            let labels = [name, ("state", state.as_str())];
            let is = u8::from(server.state == state);
            page.sample("origin_server_state", &labels, is);
        }
        page.sample("origin_server_restarts_total", &[name], server.restarts);
        let tools = server.catalog.entries().len();
        page.sample("origin_server_tools", &[name], tools);
    }
    for (server, busy) in app.upstreams.busy() {
        let name = [("server", server.as_str())];
        page.sample("origin_server_calls_in_flight", &name, busy.in_flight);
        page.sample("origin_server_queue_depth", &name, busy.queued);
    }
    app.upstreams
        .each_calls(|server, calls| calls.write(page, server));
}

fn write_dependencies(page: &mut Page, app: &App) {
    for watched in app.dependencies.all() {
        let labels = [
            ("dependency", watched.dependency.name.as_str()),
            ("kind", watched.dependency.kind.as_str()),
        ];
        if let Some(last) = watched.last() {
            let up = u8::from(last.fault.is_none());
            page.sample("origin_dependency_up", &labels, up);
            let took = last.took.as_secs_f64();
            page.sample("origin_dependency_check_duration_seconds", &labels, took);
        }
    }
}

fn write_certificates(page: &mut Page, app: &App) {
    if let Some(store) = &app.certificates {
        for certificate in &*store.certificates() {
            let file = certificate.path.display().to_string();
            let end = certificate.not_after.as_second();
            let name = "origin_certificate_expiry_timestamp_seconds";
            page.sample(name, &[("file", &file)], end);
        }
    }
}
