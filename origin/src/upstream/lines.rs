//! Lines of a pipe, with a limit on their length.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::time::{Duration, Instant, timeout_at};

/// Reads line by line. [`Lines::next`] may be dropped at any time: what was read so far is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
    limit: usize,
    patience: Option<Duration>,
    /// When the last byte came.
    touched: Instant,
    /// What came last was no whole line.
    cut: bool,
    ended: bool,
}

/// What came of one reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its break.
    Whole(Vec<u8>),
    /// The first bytes of a line longer than the limit. The rest follows, piece by piece; the last piece is `Whole`.
    Cut(Vec<u8>),
    /// The other side closed the pipe; an unfinished line counts as a whole one before.
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads `pipe`; a line may have `limit` bytes. With `patience`, one that was begun and does not go on for so long is an
    /// error of the kind `TimedOut`.
    pub(super) fn new(pipe: R, limit: usize, patience: Option<Duration>) -> Self {
        Self {
            pipe: BufReader::new(pipe),
            line: Vec::new(),
            limit,
            patience,
            touched: Instant::now(),
            cut: false,
            ended: false,
        }
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> io::Result<Line> {
        while !self.ended {
            let (taken, complete) = {
                let reading = self.pipe.fill_buf();
                let unfinished = self.cut || !self.line.is_empty();
                let chunk = match self.patience.filter(|_| unfinished) {
                    Some(patience) => {
                        let stalled = |_| Err(io::ErrorKind::TimedOut.into());
                        let end = self.touched + patience;
                        timeout_at(end, reading).await.unwrap_or_else(stalled)?
                    }
                    None => reading.await?,
                };
                self.touched = Instant::now();
                let end = chunk.iter().position(|byte| *byte == b'\n');
                let room = self.limit - self.line.len();
                let length = end.unwrap_or(chunk.len()).min(room);
                self.line.extend_from_slice(&chunk[..length]);
                self.ended = chunk.is_empty();
                let complete = end == Some(length);
                (length + usize::from(complete), complete)
            };
            self.pipe.consume(taken);
            if complete {
                self.cut = false;
                return Ok(Line::Whole(std::mem::take(&mut self.line)));
            }
            if self.line.len() == self.limit {
                self.cut = true;
                return Ok(Line::Cut(std::mem::take(&mut self.line)));
            }
        }
        let rest = std::mem::take(&mut self.line);
        Ok(if rest.is_empty() {
            Line::End
        } else {
            Line::Whole(rest)
        })
    }
}

/// A line, or what there is of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The whole of it.
    Whole(Vec<u8>),
    /// It is longer than [`MAX_MESSAGE`]: its first [`PART`] bytes. The rest is passed over.
    Part(Vec<u8>),
}

/// The messages of a server, one a line.
#[derive(Debug)]
pub(super) struct Messages<R> {
    lines: Lines<R>,
    /// How many pieces of the line that is passed over have come.
    passed: usize,
}

impl<R: AsyncRead + Unpin> Messages<R> {
    /// Reads `pipe`. A server that does not go on with a line for as long as `patience` is given up.
    pub(super) fn new(pipe: R, patience: Duration) -> Self {
        Self {
            lines: Lines::new(pipe, MAX_MESSAGE, Some(patience)),
            passed: 0,
        }
    }

    /// The next message, or why there will be none. May be dropped at any time.
    pub(super) async fn next(&mut self) -> Result<Message, String> {
        loop {
            match self.lines.next().await {
                Ok(Line::Whole(_)) if self.passed > 0 => self.passed = 0,
                Ok(Line::Whole(line)) => return Ok(Message::Whole(line)),
                Ok(Line::Cut(_)) if self.passed == ENDLESS => {
                    return Err("it sent a line without an end".to_owned());
                }
                Ok(Line::Cut(_)) if self.passed > 0 => self.passed += 1,
                Ok(Line::Cut(mut part)) => {
                    self.passed = 1;
                    part.truncate(PART);
                    part.shrink_to_fit();
                    return Ok(Message::Part(part));
                }
                Ok(Line::End) => return Err("it closed its standard output".to_owned()),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err("it stopped in the middle of a line".to_owned());
                }
                Err(error) => return Err(format!("its standard output cannot be read: {error}")),
            }
        }
    }
}

/// The longest message of a server, in bytes: rmcp's cap on a line since 3.6.0.
pub(super) const MAX_MESSAGE: usize = 16 << 20;

/// What is kept of a longer one: enough to see which call it answers.
const PART: usize = 4 << 10;

/// How many pieces of [`MAX_MESSAGE`] a line may have: 1 GiB, several seconds of a pipe at its full speed.
const ENDLESS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8], limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(input, limit, None);
        let mut seen = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Line::End => return seen,
                line => seen.push(line),
            }
        }
    }

    #[tokio::test]
    async fn lines_come_without_their_breaks_and_the_last_needs_none() {
        let whole = |text: &[u8]| Line::Whole(text.to_vec());
        assert_eq!(
            all(b"a\n\nbc", 9).await,
            [whole(b"a"), whole(b""), whole(b"bc")]
        );
        assert_eq!(all(b"", 9).await, []);
    }

    #[tokio::test]
    async fn a_line_above_the_limit_is_cut() {
        let expected = [
            Line::Cut(b"abc".to_vec()),
            Line::Whole(b"d".to_vec()),
            Line::Whole(b"e".to_vec()),
        ];
        assert_eq!(all(b"abcd\ne\n", 3).await, expected);
    }

    #[tokio::test]
    async fn of_a_message_that_is_too_long_the_first_part_comes_and_the_next_is_whole() {
        let long = [b"a".repeat(MAX_MESSAGE * 2 + 7), b"\nnext\n".to_vec()].concat();
        let mut messages = Messages::new(&long[..], Duration::from_secs(5));
        let part = Message::Part(b"a".repeat(PART));
        assert_eq!(messages.next().await, Ok(part));
        assert_eq!(messages.next().await, Ok(Message::Whole(b"next".to_vec())));
        assert!(messages.next().await.unwrap_err().contains("closed"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_was_begun_has_to_go_on() {
        let (mut writer, reader) = tokio::io::duplex(64);
        let mut messages = Messages::new(reader, Duration::from_secs(5));
        // silence between lines is nothing to wonder at
        let silent = tokio::time::timeout(Duration::from_mins(1), messages.next()).await;
        assert!(silent.is_err());
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"half a li")
            .await
            .unwrap();
        let began = Instant::now();
        assert!(messages.next().await.unwrap_err().contains("middle"));
        assert_eq!(began.elapsed(), Duration::from_secs(5));
    }
}
