//! `GET /mcp/stream-demo`: a text as tokens, the way a model writes it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Response};
use pin_project_lite::pin_project;
use serde_json::json;
use tokio::time::{Instant, Sleep, sleep_until};

use super::query::number;
use crate::app::App;
use crate::body::Body;
use crate::middleware::request_id;
use crate::stream::{Framing, NDJSON, StreamBody};

/// `{"index":N,"token":"…"}` per token: SSE with `event: token` and a last `event: done` with `{"tokens":N}`, or NDJSON,
/// one token a line, where `Accept` names it. The query has `interval_ms` (50; at most 60,000).
pub(super) fn serve(app: &App, head: &Parts) -> Response<Body> {
    let framing = framing(&head.headers);
    let tokens = Tokens {
        framing,
        interval: Duration::from_millis(number(&head.uri, "interval_ms", 50, 0..=60_000)),
        words: TEXT.split_inclusive(' ').enumerate(),
        sent: 0,
        done: framing == Framing::Ndjson,
        sleep: sleep_until(Instant::now()),
    };
    let ticket = app
        .streams
        .open(request_id::of(&head.extensions), "stream-demo");
    StreamBody::new(tokens, framing, ticket).into_response()
}

/// NDJSON when `Accept` names it with a weight above 0; SSE otherwise, also for clients that accept neither: a demo that
/// answers 406 shows nothing.
fn framing(headers: &HeaderMap) -> Framing {
    let wants_lines = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case(NDJSON));
            named && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        });
    if wants_lines {
        Framing::Ndjson
    } else {
        Framing::Sse
    }
}

type Words = std::iter::Enumerate<std::str::SplitInclusive<'static, char>>;

pin_project! {
    struct Tokens {
        framing: Framing,
        interval: Duration,
        words: Words,
        sent: usize,
        done: bool,
        #[pin]
        sleep: Sleep,
    }
}

impl Stream for Tokens {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut this = self.project();
        if !this.interval.is_zero() {
            ready!(this.sleep.as_mut().poll(cx));
            this.sleep.reset(Instant::now() + *this.interval);
        }
        if let Some((index, token)) = this.words.next() {
            *this.sent = index + 1;
            let json = json!({ "index": index, "token": token }).to_string();
            return Poll::Ready(Some(this.framing.event("token", &json)));
        }
        if std::mem::replace(this.done, true) {
            return Poll::Ready(None);
        }
        let json = json!({ "tokens": *this.sent }).to_string();
        Poll::Ready(Some(this.framing.event("done", &json)))
    }
}

/// What is streamed: long enough to watch, short enough to wait for.
const TEXT: &str = "This text is cut into words, and each word is sent in an event of its own. When they \
    appear one after the other, nothing between this server and its reader holds the stream back. When they \
    appear all at once at the end, something does: a proxy that buffers, a compressor that waits for more, or a \
    client that reads to the end before it shows anything.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sent_to_those_who_name_them() {
        for (accept, expected) in [
            ("application/x-ndjson", Framing::Ndjson),
            (
                "text/event-stream, Application/X-NDJSON;q=0.5",
                Framing::Ndjson,
            ),
            ("application/x-ndjson;q=0", Framing::Sse),
            ("*/*", Framing::Sse),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().expect("a header value"));
            assert_eq!(framing(&headers), expected, "{accept}");
        }
    }
}
