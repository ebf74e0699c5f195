//! The receiving half of a request stream.

use std::future::poll_fn;
use std::task::{Context, Poll};

use http3::{Code, Fault, Inbound, Piece};
use quinn::{ReadError, RecvStream};
use tokio::time::timeout;

use super::var_int;

/// A request that is read.
#[derive(Debug)]
pub(super) struct Receiver {
    stream: RecvStream,
    inbound: Inbound,
    ended: bool,
}

/// Why a request cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The client did something wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The client reset the stream, or the connection is gone.
    #[error("the client gave its request up")]
    Gone(#[source] ReadError),
}

impl Receiver {
    pub(super) fn new(stream: RecvStream, largest_section: u64) -> Self {
        Self {
            stream,
            inbound: Inbound::new(largest_section),
            ended: false,
        }
    }

    /// Says how long the body will be.
    pub(super) fn declare(&mut self, length: Option<u64>) {
        self.inbound.declare(length);
    }

    /// Whether the end of the stream was read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next part; `None` at the end.
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Piece>, Broken>> {
        loop {
            if let Some(piece) = self.inbound.piece()? {
                return Poll::Ready(Ok(Some(piece)));
            }
            if self.ended {
                return Poll::Ready(Ok(None));
            }
            std::task::ready!(self.poll_fill(cx))?;
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        // The future keeps nothing between polls: what wakes it is kept by the connection.
        let read = std::pin::pin!(self.stream.read_chunk(usize::MAX, true));
        match std::task::ready!(read.poll(cx)) {
            Ok(Some(chunk)) => self.inbound.feed(chunk.bytes),
            Ok(None) => {
                self.ended = true;
                self.inbound.finish()?;
            }
            Err(error) => return Poll::Ready(Err(Broken::Gone(error))),
        }
        Poll::Ready(Ok(()))
    }

    /// Takes what has come already, without waiting: of most requests it is the end.
    pub(super) async fn settle(&mut self) -> Result<(), Broken> {
        poll_fn(|cx| {
            if self.ended || !self.inbound.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match self.poll_fill(cx) {
                Poll::Ready(filled) => Poll::Ready(filled),
                Poll::Pending => Poll::Ready(Ok(())),
            }
        })
        .await
    }

    pub(super) async fn piece(&mut self) -> Result<Option<Piece>, Broken> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    /// Asks the client to stop.
    pub(super) fn stop(&mut self, code: Code) {
        // An error says that the stream is at its end.
        let _ = self.stream.stop(var_int(code));
        self.ended = true;
    }

    /// Reads what is still coming of a request that nobody wants, then asks the client to stop: a stream that is simply
    /// dropped is stopped with 0, which is no code of HTTP/3 and is taken for an error.
    ///
    /// "The error code H3_NO_ERROR SHOULD be used when requesting that the client stop sending on the request stream" (RFC 9114
    /// section 4.1).
    pub(super) async fn discard(mut self) -> Result<(), Fault> {
        let mut left = DISCARDED;
        loop {
            match timeout(super::connection::PAUSE, self.piece()).await {
                Ok(Ok(Some(Piece::Data(data)))) if data.len() < left => left -= data.len(),
                Ok(Ok(Some(Piece::Trailers(_)))) => {}
                Ok(Err(Broken::Fault(fault))) => {
                    self.stop(Code::NO_ERROR);
                    return Err(fault);
                }
                Ok(Ok(None) | Err(Broken::Gone(_))) => return Ok(()),
                _ => break,
            }
        }
        self.stop(Code::NO_ERROR);
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if !self.ended {
            self.stop(Code::NO_ERROR);
        }
    }
}

/// A body that is no longer than this is read to its end, so that its client sees a stream that ended well.
const DISCARDED: usize = 64 * 1024;
