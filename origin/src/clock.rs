//! The clocks, passed in so that a test can hold them.

use std::time::Instant;

use jiff::Timestamp;

/// Where the time comes from: `monotonic` measures, `wall` is shown to people and clients.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The time for measuring.
    pub monotonic: fn() -> Instant,
    /// The time of day, UTC.
    pub wall: fn() -> Timestamp,
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self {
            monotonic: Instant::now,
            wall: Timestamp::now,
        }
    }

    /// The time for measuring.
    pub fn now(&self) -> Instant {
        (self.monotonic)()
    }

    /// The time of day, UTC.
    pub fn wall(&self) -> Timestamp {
        (self.wall)()
    }
}
