//! The error output of a server: into the log line by line, and the end of it kept for the error text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncRead;

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
    let mut lines = Lines::new(pipe, LINE_LIMIT);
    while let Ok(Line::Whole(line) | Line::Cut(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        tracing::info!(server, line = text, "server stderr");
        tail.push(text);
    }
}

/// What is kept: enough for a Python traceback.
const TAIL_LINES: usize = 20;

/// A longer line is logged in pieces: what syslog and journald take as one line without trouble is well below 48 KiB.
const LINE_LIMIT: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_twenty_lines_are_kept() {
        let lines: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
        let tail = Tail::default();
        drain(lines.join("\n").as_bytes(), "s".into(), tail.clone()).await;
        assert_eq!(tail.text(), lines[30..].join("\n"));
    }
}
