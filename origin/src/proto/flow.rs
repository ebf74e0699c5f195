//! HTTP/2 streams whose client grants no window: each is reset alone, its neighbours go on.
//!
//! The socket cannot show it: it takes bytes for as long as any stream has a window. What shows it is the body, which hyper
//! asks for the next piece only once the one before has found room in the window.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use super::activity::Activity;
use crate::body::BoxError;
use crate::middleware::access_log::Observed;

/// How far one response has come.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Goes up with every piece that is handed over and with every question for one: odd while a piece waits for room.
    mark: AtomicU64,
    cut: AtomicBool,
}

impl Flow {
    fn ask(&self) {
        if self.waiting().is_some() {
            self.mark.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hand_over(&self) {
        self.mark.fetch_add(1, Ordering::Relaxed);
    }

    /// The piece that waits, if one does: each has its own number.
    fn waiting(&self) -> Option<u64> {
        let mark = self.mark.load(Ordering::Relaxed);
        (mark % 2 == 1).then_some(mark)
    }
}

/// The response whose stream is to start next.
///
/// hyper calls the service and then starts the stream of that request, so what [`Next::begin`] leaves here is for the very
/// next stream.
#[derive(Debug, Default)]
pub(super) struct Next(Mutex<Option<Arc<Flow>>>);

impl Next {
    /// Announces a stream; what is returned belongs into its [`Metered`] body.
    pub(super) fn begin(&self) -> Arc<Flow> {
        let flow = Arc::new(Flow::default());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&flow));
        flow
    }

    fn take(&self) -> Arc<Flow> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        next.take().unwrap_or_default()
    }
}

/// Starts the streams of one HTTP/2 connection as tasks that end when their client grants no window for `patience`.
#[derive(Debug, Clone)]
pub(super) struct Starter {
    activity: Arc<Activity>,
    patience: Duration,
}

impl Starter {
    pub(super) fn new(activity: Arc<Activity>, patience: Duration) -> Self {
        Self { activity, patience }
    }
}

impl<F> hyper::rt::Executor<F> for Starter
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        tokio::spawn(Guarded {
            stream: Some(stream),
            flow: self.activity.next.take(),
            patience: self.patience,
            stalled: None,
        });
    }
}

pin_project! {
    /// A stream that ends when a piece of its response has waited for room for too long. To drop it is to reset it: h2 sends
    /// RST_STREAM (CANCEL) for a stream that nobody holds any more, and forgets what it had buffered.
    struct Guarded<F> {
        #[pin]
        stream: Option<F>,
        flow: Arc<Flow>,
        patience: Duration,
        // Armed while a piece waits, and only then.
        stalled: Option<(u64, Pin<Box<Sleep>>)>,
    }
}

impl<F: Future<Output = ()>> Future for Guarded<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(stream) = this.stream.as_mut().as_pin_mut() else {
            return Poll::Ready(());
        };
        if stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(piece) = this.flow.waiting() else {
            *this.stalled = None;
            return Poll::Pending;
        };
        if this
            .stalled
            .as_ref()
            .is_none_or(|(armed, _)| *armed != piece)
        {
            *this.stalled = Some((piece, Box::pin(sleep(*this.patience))));
        }
        if let Some((_, sleep)) = this.stalled
            && sleep.as_mut().poll(cx).is_ready()
        {
            tracing::debug!("a stream is reset: its window was full for `timeouts.write_stall`");
            this.flow.cut.store(true, Ordering::Relaxed);
            this.stream.set(None);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

/// A response body that is handed over in pieces, and says when.
///
/// Without a flow (HTTP/1.1) it changes nothing. With one, the last byte of a body whose end is known goes alone: hyper ends
/// a stream as soon as the first byte of the last piece has room, and nobody can reset it after that.
#[derive(Debug)]
pub(super) struct Metered {
    inner: Observed,
    pieces: Option<Box<Pieces>>,
}

#[derive(Debug)]
struct Pieces {
    flow: Arc<Flow>,
    /// What is left of the last frame.
    rest: Bytes,
}

impl Metered {
    pub(super) fn new(inner: Observed, flow: Option<Arc<Flow>>) -> Self {
        let rest = Bytes::new();
        let pieces = flow.map(|flow| Box::new(Pieces { flow, rest }));
        Self { inner, pieces }
    }

    fn rest(&self) -> usize {
        self.pieces.as_ref().map_or(0, |pieces| pieces.rest.len())
    }
}

impl Pieces {
    fn next(&mut self, is_last: bool) -> Bytes {
        let length = self.rest.len();
        let size = if length > PIECE {
            PIECE
        } else if length > 1 && is_last {
            length - 1
        } else {
            length
        };
        self.rest.split_to(size)
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(pieces) = &mut this.pieces else {
            return Pin::new(&mut this.inner).poll_frame(cx);
        };
        pieces.flow.ask();
        if pieces.rest.is_empty() {
            let polled = std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx));
            match polled.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) if data.is_empty() => {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Ok(Ok(data))) => pieces.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        pieces.flow.hand_over();
        let piece = pieces.next(this.inner.is_end_stream());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest() == 0 && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.inner.size_hint(), self.rest() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower().saturating_add(rest));
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper.saturating_add(rest));
        }
        whole
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        let is_cut =
            |pieces: &Pieces| !pieces.rest.is_empty() || pieces.flow.cut.load(Ordering::Relaxed);
        if self.pieces.as_ref().is_some_and(|pieces| is_cut(pieces)) {
            self.inner.cut();
        }
    }
}

/// HTTP/2's default frame size (RFC 9113 section 6.5.2). With `timeouts.write_stall` it is also the slowest reader that
/// is kept: 16 KiB in 60 s.
const PIECE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_its_piece_waits_for_too_long() {
        let next = Next::default();
        let flow = next.begin();
        let mut stream = Box::pin(Guarded {
            stream: Some(std::future::pending()),
            flow: next.take(),
            patience: Duration::from_mins(1),
            stalled: None,
        });
        assert!((&mut stream).now_or_never().is_none());
        flow.hand_over();
        assert!((&mut stream).now_or_never().is_none());
        tokio::time::advance(Duration::from_secs(50)).await;
        flow.ask();
        flow.hand_over();
        assert!((&mut stream).now_or_never().is_none(), "another piece");
        tokio::time::advance(Duration::from_secs(50)).await;
        assert!((&mut stream).now_or_never().is_none(), "its own minute");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!((&mut stream).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_without_anything_to_send_lives_on() {
        let next = Next::default();
        let flow = next.begin();
        flow.ask();
        let stream = Guarded {
            stream: Some(std::future::pending()),
            flow: next.take(),
            patience: Duration::from_mins(1),
            stalled: None,
        };
        let hour = tokio::time::timeout(Duration::from_hours(1), stream);
        assert!(hour.await.is_err());
    }
}
