//! How long all of it may take, and what it is at.

use std::time::{Duration, Instant};

/// The time that is given, from the beginning.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    began: Instant,
    end: Instant,
}

impl Budget {
    pub(crate) fn new(whole: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            end: began + whole,
        }
    }

    /// When something has to end that may take `most`.
    pub(crate) fn end_of(self, most: Duration) -> Instant {
        self.end.min(Instant::now() + most)
    }

    pub(crate) fn is_spent(self) -> bool {
        Instant::now() >= self.end
    }

    /// One line for the person who waits.
    pub(crate) fn say(self, what: &str) {
        eprintln!("{:>4} s  {what}", self.began.elapsed().as_secs());
    }
}

/// Why something is not in a table.
pub(crate) const NO_TIME: &str = "not measured: no time was left";
