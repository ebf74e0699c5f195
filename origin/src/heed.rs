//! A token that is asked only when it has something to say.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use pin_project_lite::pin_project;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

pin_project! {
    /// Ends when its token is cancelled.
    ///
    /// The future of a token takes two locks whenever it is polled, which all who wait for the token share. A connection
    /// that waits beside its work polls with every byte: here it looks at a flag of its own.
    pub(crate) struct Heed<'a> {
        #[pin]
        cancelled: WaitForCancellationFuture<'a>,
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

impl<'a> Heed<'a> {
    pub(crate) fn new(token: &'a CancellationToken) -> Self {
        let bell = Bell {
            // The token is asked once to know whom to wake.
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        };
        Self {
            cancelled: token.cancelled(),
            bell: Arc::new(bell),
        }
    }
}

impl Future for Heed<'_> {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_heard_before_and_after_the_first_question() {
        let token = CancellationToken::new();
        let (ours, theirs) = (token.clone(), token.clone());
        let waiting = tokio::spawn(async move { Heed::new(&theirs).await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        ours.cancel();
        waiting.await.expect("no panic");
        Heed::new(&token).await;
    }
}
