//! The socket, watched: bytes that come are noted, and a client that takes none for too long is cut off.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;

/// A socket that fails its writes once none has gone through for `patience`.
pub(super) struct Watched<S> {
    inner: S,
    activity: Arc<Activity>,
    patience: Duration,
    /// Armed while a write waits, and only then: a connection that is idle has no timer here.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, activity: Arc<Activity>, patience: Duration) -> Self {
        Self {
            inner,
            activity,
            patience,
            stalled: None,
        }
    }
}

impl<S> Watched<S> {
    /// Passes a write's outcome on; a write that has waited for too long becomes an error.
    fn judge<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        std::task::ready!(stalled.as_mut().poll(cx));
        let late = "the client took no bytes within `timeouts.write_stall`";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, late)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_came();
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.judge(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let inner = Pin::new(&mut self.inner);
        let outcome = if slices.iter().map(|slice| slice.len()).sum::<usize>() > SHORT {
            inner.poll_write_vectored(cx, slices)
        } else {
            TOGETHER.with_borrow_mut(|together| {
                together.clear();
                for slice in slices {
                    together.extend_from_slice(slice);
                }
                inner.poll_write(cx, together)
            })
        };
        self.judge(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(outcome, cx)
    }
}

thread_local! {
    /// The pieces of one short answer.
    static TOGETHER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of an answer with its head that are sooner copied than handed to the system in pieces: `writev` takes a longer way
/// to a socket than `send`.
const SHORT: usize = 2048;

/// Sleeps until a time that may change between polls.
///
/// A timer that is set too early stays where it is and wakes once for nothing: a connection whose deadline moves with every
/// request would move the timer as often.
pub(super) fn poll_until(
    mut timer: Pin<&mut Sleep>,
    at: Instant,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if timer.deadline() > at {
        timer.as_mut().reset(at);
    }
    loop {
        std::task::ready!(timer.as_mut().poll(cx));
        if timer.deadline() >= at {
            return Poll::Ready(());
        }
        timer.as_mut().reset(at);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (ours, _theirs) = tokio::io::duplex(4);
        let mut watched = Box::pin(Watched::new(ours, Activity::new(1), Duration::from_mins(1)));
        let begun = Instant::now();
        let error = watched
            .write_all(b"more than four")
            .await
            .expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test]
    async fn short_pieces_go_together_and_long_ones_as_they_are() {
        for body in [100, SHORT, 3 * SHORT] {
            let (ours, mut theirs) = tokio::io::duplex(8 * SHORT);
            let mut watched = Watched::new(ours, Activity::new(1), Duration::from_mins(1));
            let (head, body) = (vec![b'h'; 10], vec![b'b'; body]);
            let slices = [io::IoSlice::new(&head), io::IoSlice::new(&body)];
            let mut written = watched.write_vectored(&slices).await.expect("room");
            if written == head.len() {
                written += watched.write(&body).await.expect("room");
            }
            drop(watched);
            let mut read = Vec::new();
            theirs.read_to_end(&mut read).await.expect("the end");
            assert_eq!(
                (written, read),
                (head.len() + body.len(), [head, body].concat())
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_bytes_in_time_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut watched = Box::pin(Watched::new(ours, Activity::new(1), Duration::from_mins(1)));
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 4];
            while theirs.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                tokio::time::sleep(Duration::from_secs(50)).await;
            }
        });
        watched
            .write_all(&[0; 40])
            .await
            .expect("slow, and never too slow");
        drop(watched);
        reader.await.expect("no panic");
    }
}
