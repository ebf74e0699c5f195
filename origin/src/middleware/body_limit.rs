//! No request body is larger than `max_body_size`, and none pauses for longer than `read_timeout`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::{Sleep, sleep};

use crate::body::{Body, BoxError, TooLarge};
use crate::envelope::{Code, Failure};

/// What a request body may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Its largest size in bytes.
    pub size: u64,
    /// The longest pause between two parts of it. How long it may take in all is the route's timeout.
    pub pause: Duration,
}

/// Refuses a body whose declared length is over the size, and watches one that declares none.
pub fn apply(body: &mut Body, bounds: Bounds) -> Result<Limit, Failure> {
    let mut limit = Limit {
        bounds,
        state: None,
    };
    if body.size_hint().lower() > bounds.size {
        return Err(limit.too_large());
    }
    if body.is_end_stream() {
        return Ok(limit);
    }
    let limited = Limited {
        inner: std::mem::take(body),
        left: bounds.size,
        pause: bounds.pause,
        waiting: None,
        state: Arc::clone(limit.state.insert(Arc::default())),
    };
    *body = limited.boxed_unsync();
    Ok(limit)
}

/// What is known of a body after the endpoint has read it.
#[derive(Debug)]
pub struct Limit {
    bounds: Bounds,
    /// What became of the body, where there is one.
    state: Option<Arc<AtomicU8>>,
}

impl Limit {
    /// An error when the body was cut.
    pub fn verdict(&self) -> Result<(), Failure> {
        let state = self.state.as_ref();
        match state.map_or(0, |state| state.load(Ordering::Acquire)) {
            LARGE => Err(self.too_large()),
            LATE => {
                let pause = findings::format_duration(self.bounds.pause);
                let message = format!("nothing of the request body came for {pause}");
                Err(Failure::new(Code::RequestTimeout, message))
            }
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Failure {
        let allowed = findings::format_size(self.bounds.size);
        Failure::new(
            Code::PayloadTooLarge,
            format!("the request body is larger than {allowed}"),
        )
    }
}

/// A body that ends with an error at its limit, and says so to [`Limit`].
struct Limited {
    inner: Body,
    left: u64,
    pause: Duration,
    // Armed while the endpoint waits for the next part, and only then.
    waiting: Option<Pin<Box<Sleep>>>,
    state: Arc<AtomicU8>,
}

impl Limited {
    fn cut<T>(&self, state: u8, error: impl Into<BoxError>) -> Poll<Option<Result<T, BoxError>>> {
        self.state.store(state, Ordering::Release);
        Poll::Ready(Some(Err(error.into())))
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            let pause = this.pause;
            let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(pause)));
            if waiting.as_mut().poll(cx).is_ready() {
                return this.cut(LATE, "the body stopped coming");
            }
            return Poll::Pending;
        };
        this.waiting = None;
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let Some(left) = this.left.checked_sub(data.remaining() as u64) else {
                return this.cut(LARGE, TooLarge);
            };
            this.left = left;
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

const LARGE: u8 = 1;
const LATE: u8 = 2;

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use http::StatusCode;
    use http_body_util::StreamBody;

    use super::*;
    use crate::body::{self, ReadError};

    const BOUNDS: Bounds = Bounds {
        size: 4,
        pause: Duration::from_mins(1),
    };

    fn chunked(chunks: &'static [&'static [u8]]) -> Body {
        let frames = chunks
            .iter()
            .map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from_static(chunk))));
        StreamBody::new(stream::iter(frames)).boxed_unsync()
    }

    /// A byte after each of these pauses.
    fn dripping(pauses: &'static [u64]) -> Body {
        let frames = stream::iter(pauses).then(|pause| async {
            sleep(Duration::from_secs(*pause)).await;
            Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x")))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// What is read of a body within the bounds, and the verdict.
    async fn read(mut body: Body) -> (Result<Bytes, ReadError>, Limit) {
        let limit = apply(&mut body, BOUNDS).expect("no length declared");
        (body::read(body).await, limit)
    }

    #[test]
    fn a_declared_length_over_the_limit_is_refused_unread() {
        assert!(apply(&mut body::full("12345"), BOUNDS).is_err());
        assert!(apply(&mut body::full("1234"), BOUNDS).is_ok());
    }

    #[tokio::test]
    async fn a_chunked_body_is_cut_at_the_limit() {
        let (read, limit) = read(chunked(&[b"123", b"45"])).await;
        assert!(matches!(read, Err(ReadError::TooLarge)), "{read:?}");
        assert!(limit.verdict().is_err());
    }

    #[tokio::test]
    async fn a_chunked_body_of_exactly_the_limit_passes() {
        let (read, limit) = read(chunked(&[b"123", b"4"])).await;
        assert_eq!(&read.expect("whole")[..], b"1234");
        assert!(limit.verdict().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_a_408() {
        let (read, limit) = read(dripping(&[50, 61])).await;
        assert!(read.is_err());
        let failure = limit.verdict().expect_err("late");
        assert_eq!(failure.status(), StatusCode::REQUEST_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_with_short_pauses_is_read() {
        let (read, limit) = read(dripping(&[50, 50, 50])).await;
        assert!(read.is_ok());
        assert!(limit.verdict().is_ok());
    }
}
