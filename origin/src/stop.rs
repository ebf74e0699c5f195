//! How a running origin is asked to end.

use tokio_util::sync::CancellationToken;

/// Both ways to end. Whoever cancels `now` cancels `graceful` too: who has heard the one listens for the other.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// In peace: no new connection, streams end at once, calls in flight have `graceful_timeout`.
    pub graceful: CancellationToken,
    /// At once.
    pub now: CancellationToken,
}
