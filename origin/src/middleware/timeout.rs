//! No client waits for ever.

use std::future::Future;
use std::time::Duration;

use futures_util::TryFutureExt;

use crate::envelope::{Code, Failure};
use crate::within::within;

/// Waits for `work` at most this long, counted from where it first has to wait. The work is dropped then, which cancels what it
/// had begun.
///
/// Only the head of a response is waited for: a stream that has begun is kept by its keep-alives.
pub fn limit<T>(
    patience: Duration,
    work: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Failure>> {
    within(patience, work).map_err(move |_| {
        let allowed = findings::format_duration(patience);
        Failure::new(Code::Timeout, format!("no answer within {allowed}"))
    })
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
