//! The error output of a server: into the log line by line, and the end of it kept for the error text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncRead;
use tokio::time::{Duration, Instant};

use super::lines::{Line, Lines};

/// The last lines that a server wrote to its standard error. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines kept, joined; empty when there was none.
    pub(super) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Reads `pipe` to its end. A pipe that nobody reads fills, and its writer stops for ever.
pub(super) async fn drain(pipe: impl AsyncRead + Unpin, server: String, tail: Tail) {
    let mut lines = Lines::new(pipe, LINE_LIMIT, None);
    let mut allowance = Allowance::new(Instant::now());
    while let Ok(Line::Whole(line) | Line::Cut(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Some(unlogged) = allowance.take(Instant::now()) {
            left_out(&server, unlogged);
            tracing::info!(server, line = text, "server stderr");
        }
        tail.push(text);
    }
    left_out(&server, allowance.unlogged);
}

fn left_out(server: &str, lines: u64) {
    if lines > 0 {
        tracing::warn!(server, lines, "server stderr: lines left out");
    }
}

/// How many lines of a server the log takes: those of a flood are counted, not written, so that they do not fill a disk and
/// journald, which drops all lines of a unit that writes too much, keeps those of the requests.
#[derive(Debug)]
struct Allowance {
    lines: u32,
    unlogged: u64,
    since: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            lines: ALLOWED,
            unlogged: 0,
            since: now,
        }
    }

    /// Takes one: how many were left out before this one, or nothing when this one is to be left out too.
    fn take(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= EACH {
            (self.lines, self.since) = (ALLOWED, now);
        }
        let Some(left) = self.lines.checked_sub(1) else {
            self.unlogged += 1;
            return None;
        };
        self.lines = left;
        Some(std::mem::take(&mut self.unlogged))
    }
}

/// What is kept: enough for a Python traceback.
const TAIL_LINES: usize = 20;

/// A longer line is logged in pieces: what syslog and journald take as one line without trouble is well below 48 KiB.
const LINE_LIMIT: usize = 8 << 10;

/// What is logged of a server in each [`EACH`]: a tenth of what journald takes of a unit in that time (10,000 lines in 30 s,
/// journald.conf(5), `RateLimitBurst=`).
const ALLOWED: u32 = 1000;
const EACH: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_what_comes_after_it_is_logged_again() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let taken = (0..ALLOWED + 7)
            .filter(|_| allowance.take(start) == Some(0))
            .count();
        assert_eq!(u32::try_from(taken), Ok(ALLOWED));
        assert_eq!(allowance.take(start + EACH), Some(7));
        assert_eq!(allowance.take(start + EACH), Some(0));
    }

    #[tokio::test]
    async fn the_last_twenty_lines_are_kept() {
        let lines: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
        let tail = Tail::default();
        drain(lines.join("\n").as_bytes(), "s".into(), tail.clone()).await;
        assert_eq!(tail.text(), lines[30..].join("\n"));
    }
}
