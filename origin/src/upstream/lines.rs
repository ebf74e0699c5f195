//! Lines of a pipe, with a limit on their length.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads line by line. [`Lines::next`] may be dropped at any time: what was read so far is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    pipe: BufReader<R>,
    line: Vec<u8>,
    limit: usize,
    ended: bool,
}

/// What came of one reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its break.
    Whole(Vec<u8>),
    /// The first bytes of a line longer than the limit. The rest follows, piece by piece.
    Cut(Vec<u8>),
    /// The other side closed the pipe; an unfinished line counts as a whole one before.
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads `pipe`; a line may have `limit` bytes.
    pub(super) fn new(pipe: R, limit: usize) -> Self {
        Self {
            pipe: BufReader::new(pipe),
            line: Vec::new(),
            limit,
            ended: false,
        }
    }

    /// The next line.
    pub(super) async fn next(&mut self) -> io::Result<Line> {
        while !self.ended {
            let (taken, complete) = {
                let chunk = self.pipe.fill_buf().await?;
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
                return Ok(Line::Whole(std::mem::take(&mut self.line)));
            }
            if self.line.len() == self.limit {
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8], limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(input, limit);
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
}
