//! What goes along with a request to a server, and what is seen on its way.

use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Where a client says that its request belongs (W3C Trace Context): `traceparent` and `tracestate`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace(Vec<(HeaderName, HeaderValue)>);

impl Trace {
    /// The trace of a client's request.
    pub fn of(headers: &HeaderMap) -> Self {
        let named = TRACE.iter().flat_map(|name| {
            let values = headers.get_all(*name).into_iter();
            values.map(|value| (HeaderName::from_static(name), value.clone()))
        });
        Self(named.collect())
    }
}

/// One request on its way. Written by the link that carries it, read for the log.
#[derive(Debug, Default)]
pub(super) struct Trip {
    pub(super) request_id: String,
    trace: Trace,
    status: AtomicU16,
    retries: AtomicU32,
}

impl Trip {
    pub(super) fn new(request_id: String, trace: Trace) -> Self {
        Self {
            request_id,
            trace,
            ..Self::default()
        }
    }

    /// The headers that a remote server gets of the client's request. None other goes there.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            headers.insert("x-request-id", id);
        }
        for (name, value) in &self.trace.0 {
            headers.append(name, value.clone());
        }
    }

    /// The server has answered with this HTTP status.
    pub(super) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// The request is sent once more.
    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// The HTTP status of a remote server, the last one where there were several.
    pub(super) fn status(&self) -> Option<u16> {
        Some(self.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// How often the request was sent again.
    pub(super) fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }
}

const TRACE: [&str; 2] = ["traceparent", "tracestate"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_the_trace_and_nothing_else_of_a_client() {
        let mut client = HeaderMap::new();
        for name in [
            "traceparent",
            "authorization",
            "cookie",
            "mcp-session-id",
            "tracestate",
        ] {
            client.insert(name, HeaderValue::from_static("x"));
        }
        let mut sent = HeaderMap::new();
        Trip::new("r-1".into(), Trace::of(&client)).add_to(&mut sent);
        let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["traceparent", "tracestate", "x-request-id"]);
    }
}
