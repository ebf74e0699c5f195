//! Work that may take so long, and mostly takes no time.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::timeout;

/// Waits for `work` at most this long. The time begins, and a timer is made, only when there is something to wait for.
///
/// # Errors
/// It took longer, and is dropped.
pub(crate) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => timeout(patience, work).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_waited_for_no_longer_than_it_may_take() {
        let minute = Duration::from_mins(1);
        assert_eq!(within(Duration::ZERO, async { 1 }).await, Ok(1));
        assert!(within(minute, tokio::time::sleep(minute / 2)).await.is_ok());
        assert!(
            within(minute, tokio::time::sleep(minute * 2))
                .await
                .is_err()
        );
    }
}
