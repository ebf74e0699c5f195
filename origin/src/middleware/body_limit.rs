//! No request body is larger than `max_body_size`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;

use crate::body::{Body, BoxError, TooLarge};
use crate::envelope::{Code, Failure};

/// Refuses a body whose declared length is over `limit` bytes, and watches one that declares none.
pub fn apply(request: Request<Body>, limit: u64) -> Result<(Request<Body>, Limit), Failure> {
    let verdict = Limit {
        limit,
        exceeded: Arc::default(),
    };
    if request.body().size_hint().lower() > limit {
        return Err(verdict.failure());
    }
    if request.body().is_end_stream() {
        return Ok((request, verdict));
    }
    let exceeded = Arc::clone(&verdict.exceeded);
    let request = request.map(|inner| {
        let limited = Limited {
            inner,
            left: limit,
            exceeded,
        };
        limited.boxed_unsync()
    });
    Ok((request, verdict))
}

/// What is known of a body's size after the endpoint has read it.
#[derive(Debug)]
pub struct Limit {
    limit: u64,
    exceeded: Arc<AtomicBool>,
}

impl Limit {
    /// An error when the body was cut.
    pub fn verdict(&self) -> Result<(), Failure> {
        if self.exceeded.load(Ordering::Acquire) {
            return Err(self.failure());
        }
        Ok(())
    }

    fn failure(&self) -> Failure {
        let allowed = findings::format_size(self.limit);
        Failure::new(
            Code::PayloadTooLarge,
            format!("the request body is larger than {allowed}"),
        )
    }
}

/// A body that ends with [`TooLarge`] at its limit, and says so to [`Limit`].
struct Limited {
    inner: Body,
    left: u64,
    exceeded: Arc<AtomicBool>,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(left) = self.left.checked_sub(data.remaining() as u64) else {
                self.exceeded.store(true, Ordering::Release);
                return Poll::Ready(Some(Err(BoxError::from(TooLarge))));
            };
            self.left = left;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::StreamBody;

    use super::*;
    use crate::body::{self, ReadError};

    fn chunked(chunks: &'static [&'static [u8]]) -> Request<Body> {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from_static(chunk))));
        Request::new(StreamBody::new(stream::iter(frames)).boxed_unsync())
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused_unread() {
        assert!(apply(Request::new(body::full("12345")), 4).is_err());
        assert!(apply(Request::new(body::full("1234")), 4).is_ok());
    }

    #[tokio::test]
    async fn a_chunked_body_is_cut_at_the_limit() {
        let (request, limit) = apply(chunked(&[b"123", b"45"]), 4).expect("no length declared");
        let read = body::read(request.into_body()).await;
        assert!(matches!(read, Err(ReadError::TooLarge)), "{read:?}");
        assert!(limit.verdict().is_err());
    }

    #[tokio::test]
    async fn a_chunked_body_of_exactly_the_limit_passes() {
        let (request, limit) = apply(chunked(&[b"123", b"4"]), 4).expect("no length declared");
        let read = body::read(request.into_body()).await.expect("whole");
        assert_eq!(&read[..], b"1234");
        assert!(limit.verdict().is_ok());
    }
}
