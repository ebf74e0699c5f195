//! No client waits for ever.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::envelope::{Code, Failure};

/// Waits for `work` at most this long, counted from where it first has to wait. The work is dropped with what is returned, which
/// cancels what it had begun.
///
/// Only the head of a response is waited for: a stream that has begun is kept by its keep-alives.
pub fn limit<W: Future>(patience: Duration, work: W) -> Limited<W> {
    Limited {
        work,
        patience,
        end: None,
    }
}

pin_project! {
    /// Work with an end. There is a timer for it once it has to wait, which most of it never has.
    pub struct Limited<W> {
        #[pin]
        work: W,
        patience: Duration,
        end: Option<Pin<Box<Sleep>>>,
    }
}

impl<W: Future> Future for Limited<W> {
    type Output = Result<W::Output, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(done) = this.work.poll(cx) {
            return Poll::Ready(Ok(done));
        }
        let patience = *this.patience;
        let end = || Box::pin(sleep(patience));
        ready!(this.end.get_or_insert_with(end).as_mut().poll(cx));
        let allowed = findings::format_duration(patience);
        let message = format!("no answer within {allowed}");
        Poll::Ready(Err(Failure::new(Code::Timeout, message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_never_ends_is_a_timeout() {
        let failure = limit(Duration::from_secs(2), std::future::pending::<()>())
            .await
            .expect_err("pending for ever");
        assert_eq!(failure, Failure::new(Code::Timeout, "no answer within 2s"));
    }
}
