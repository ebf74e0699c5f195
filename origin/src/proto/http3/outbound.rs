//! The sending half of a request stream.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http3::Code;
use quinn::{SendStream, StoppedError, VarInt, WriteError};
use tokio::time::timeout;

use super::var_int;
use crate::within::within;

/// An answer that is sent: reset when it is dropped before its end.
pub(super) struct Sender {
    stream: SendStream,
    patience: Duration,
    sent: usize,
    ended: bool,
    /// Made when it is first waited for: most answers are there at once.
    gone: Option<Gone>,
}

type Gone = Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>;

/// Why an answer did not reach its client.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    /// The client does not want it, or is gone.
    #[error("the client gave its request up")]
    Gone(#[source] WriteError),
    /// The client asked to stop, or is gone, while there was nothing to send.
    #[error("the client does not want the answer any more")]
    Unwanted,
    /// The answer itself failed.
    #[error("the answer broke off")]
    Failed,
    /// The client grants no window.
    #[error("the client took no bytes within `timeouts.write_stall`")]
    Stalled,
}

impl Sender {
    pub(super) fn new(stream: SendStream, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            sent: 0,
            ended: false,
            gone: None,
        }
    }

    /// Waits until the client has all of an answer that was ended, or does not want it any more: it asked to stop, or its
    /// connection is gone. Nothing else tells an answer that has nothing to say.
    pub(super) async fn until_gone(&mut self) {
        let stream = &self.stream;
        let gone = self.gone.get_or_insert_with(|| Box::pin(stream.stopped()));
        // However it ends.
        let _ = gone.await;
    }

    /// Sends bytes, piece by piece, each within the patience.
    pub(super) async fn send(&mut self, mut bytes: Bytes) -> Result<(), Unsent> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            self.sent = self.sent.saturating_add(piece.len());
            match within(self.patience, self.stream.write_chunk(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Unsent::Gone(error)),
                Err(_) => return Err(Unsent::Stalled),
            }
        }
        Ok(())
    }

    /// Ends the stream. A connection that is closed before the client has all of the answer takes it along: a short one is
    /// returned, to be kept until then, a long one is waited for.
    pub(super) async fn finish(mut self) -> Option<Self> {
        self.ended = true;
        // An error says that the client does not want it.
        self.stream.finish().ok()?;
        if self.sent <= PIECE {
            return Some(self);
        }
        if timeout(self.patience, self.until_gone()).await.is_err() {
            self.reset(Code::REQUEST_CANCELLED);
        }
        None
    }

    /// Whether the client has all of the answer, or does not want it.
    pub(super) fn is_settled(&self) -> bool {
        self.stream.stopped().now_or_never().is_some()
    }

    /// Gives the answer up.
    pub(super) fn reset(&mut self, code: Code) {
        self.ended = true;
        // An error says that the stream is at its end.
        let _ = self.stream.reset(var_int(code));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        if !self.ended {
            // A stream that is simply dropped ends as if the answer were whole.
            self.reset(Code::REQUEST_CANCELLED);
        }
    }
}

/// As over HTTP/2: the slowest reader that is kept takes 16 KiB in `timeouts.write_stall`.
pub(super) const PIECE: usize = 16 * 1024;
