//! Waiting for facts.

use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes on a loaded machine with two cores: a machine boots in two seconds when nothing else runs.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Asks again and again until there is an answer; none within [`DEADLINE`] is `None`.
#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two questions, with a deadline around them"
)]
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(100));
    }
}
