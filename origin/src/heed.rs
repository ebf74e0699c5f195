//! A token that is asked only when it has something to say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

pin_project! {
    /// Ends when its token is cancelled.
    ///
    /// The future of a token takes two locks whenever it is polled, which all who wait for the token share. A connection
    /// that waits beside its work polls with every byte: here it looks at a flag of its own.
    pub(crate) struct Heed {
        #[pin]
        cancelled: WaitForCancellationFutureOwned,
        bell: Arc<Bell>,
    }
}

struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Heed {
    pub(crate) fn new(token: CancellationToken) -> Self {
        let bell = Bell {
            // The token is asked once to know whom to wake.
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        };
        Self {
            cancelled: token.cancelled_owned(),
            bell: Arc::new(bell),
        }
    }
}

impl Future for Heed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        // Before the flag is read, so that no ring falls between.
        this.bell.task.register(cx.waker());
        if !this.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(this.bell));
        this.cancelled.poll(&mut Context::from_waker(&waker))
    }
}

pin_project! {
    /// Work that is given up when a token is cancelled: `None` then.
    pub(crate) struct Until<W> {
        #[pin]
        work: W,
        #[pin]
        cancelled: Heed,
    }
}

impl<W> Until<W> {
    pub(crate) fn new(token: CancellationToken, work: W) -> Self {
        let cancelled = Heed::new(token);
        Self { work, cancelled }
    }
}

impl<W: Future> Future for Until<W> {
    type Output = Option<W::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(done) = this.work.poll(cx) {
            return Poll::Ready(Some(done));
        }
        this.cancelled.poll(cx).map(|()| None)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_heard_before_and_after_the_first_question() {
        let token = CancellationToken::new();
        let (ours, theirs) = (token.clone(), token.clone());
        let waiting = tokio::spawn(Heed::new(theirs));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        ours.cancel();
        waiting.await.expect("no panic");
        Heed::new(token).await;
    }

    #[tokio::test]
    async fn work_goes_on_until_the_token_is_cancelled() {
        let token = CancellationToken::new();
        assert_eq!(Until::new(token.clone(), async { 1 }).await, Some(1));
        let endless = tokio::spawn(Until::new(token.clone(), std::future::pending::<()>()));
        token.cancel();
        assert_eq!(endless.await.expect("no panic"), None);
    }
}
