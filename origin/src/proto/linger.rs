//! Request bodies that nobody wants, over HTTP/1.1: read for a while and thrown away.
//!
//! A connection that is closed while bytes lie unread in it is reset, and a reset takes the answer along that the client had
//! not read yet: one who is busy sending 100 MB sees a broken pipe in place of the 413. RFC 9112 section 9.6 knows the problem
//! and the cure, to read on for a time.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::activity::InFlight;

/// A request body that is read on by itself when it is dropped before its end.
#[derive(Debug)]
pub(super) struct Lingering<B: Body<Error: Send, Data: Send> + Unpin + Send + 'static> {
    body: Option<B>,
    /// Whether the client sends without being asked: after `Expect: 100-continue` it waits for the first question.
    coming: bool,
    // The connection is not idle for as long as it reads.
    guard: Arc<InFlight>,
}

impl<B: Body<Error: Send, Data: Send> + Unpin + Send + 'static> Lingering<B> {
    pub(super) fn new(body: B, headers: &HeaderMap, guard: Arc<InFlight>) -> Self {
        Self {
            body: Some(body),
            coming: !headers.contains_key(EXPECT),
            guard,
        }
    }
}

impl<B: Body<Error: Send, Data: Send> + Unpin + Send + 'static> Body for Lingering<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.coming = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<B: Body<Error: Send, Data: Send> + Unpin + Send + 'static> Drop for Lingering<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if self.coming && !body.is_end_stream() {
            let guard = Arc::clone(&self.guard);
            tokio::spawn(async move {
                // Whatever ends it, the connection has had its time.
                let _ = timeout(LONGEST, throw_away(body)).await;
                drop(guard);
            });
        }
    }
}

/// Reads until the body ends, breaks, or pauses for too long.
async fn throw_away<B: Body + Unpin>(mut body: B) {
    while let Ok(Some(Ok(_))) = timeout(PAUSE, body.frame()).await {}
}

/// NGINX's `lingering_time`.
const LONGEST: Duration = Duration::from_secs(30);

/// A client that is still sending has no longer pauses than this; NGINX's `lingering_timeout` is 5 s.
const PAUSE: Duration = Duration::from_secs(2);
