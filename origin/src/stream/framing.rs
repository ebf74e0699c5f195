//! How events are written on the wire.

use bytes::Bytes;
use http::HeaderValue;

/// The two framings that a stream may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (`text/event-stream`, WHATWG HTML section 9.2).
    Sse,
    /// One JSON value a line (`application/x-ndjson`).
    Ndjson,
}

impl Framing {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Sse => SSE,
            Self::Ndjson => NDJSON,
        })
    }

    /// One event. `event` and `json` must have no line break: JSON as serde writes it has none.
    pub fn event(self, event: &str, json: &str) -> Bytes {
        match self {
            Self::Sse => format!("event: {event}\ndata: {json}\n\n"),
            Self::Ndjson => format!("{json}\n"),
        }
        .into()
    }

    /// What is sent when nothing else was for a while, and what every reader skips: a comment in SSE, an empty line in
    /// NDJSON.
    pub fn keep_alive(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Sse => b": keep-alive\n\n",
            Self::Ndjson => b"\n",
        })
    }

    /// The last words of a stream that the origin ends before its time. SSE drops an event without data, so it has some.
    pub fn end(self) -> Bytes {
        self.event("end", r#"{"end":true,"reason":"shutdown"}"#)
    }
}

/// The media type of server-sent events.
pub const SSE: &str = "text/event-stream";

/// The media type of newline-delimited JSON.
pub const NDJSON: &str = "application/x-ndjson";
