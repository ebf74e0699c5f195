//! The sending half of a request stream.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http3::Code;
use quinn::{SendStream, StoppedError, VarInt, WriteError};
use tokio::time::timeout;

use super::var_int;

/// An answer that is sent: reset when it is dropped before its end.
pub(super) struct Sender {
    stream: SendStream,
    patience: Duration,
    ended: bool,
    gone: Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>,
}

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
        let gone = Box::pin(stream.stopped());
        Self {
            stream,
            patience,
            ended: false,
            gone,
        }
    }

    /// Waits until the client does not want the answer any more: it asked to stop, or its connection is gone. Nothing else
    /// tells an answer that has nothing to say.
    pub(super) async fn until_gone(&mut self) {
        // However it ends.
        let _ = self.gone.as_mut().await;
    }

    /// Sends bytes, piece by piece, each within the patience.
    pub(super) async fn send(&mut self, mut bytes: Bytes) -> Result<(), Unsent> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            match timeout(self.patience, self.stream.write_chunk(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Unsent::Gone(error)),
                Err(_) => return Err(Unsent::Stalled),
            }
        }
        Ok(())
    }

    /// Ends the stream, and waits until the client has all of it: a connection that is closed before takes it along.
    pub(super) async fn finish(mut self) {
        // An error says that the client does not want it.
        if self.stream.finish().is_ok() {
            self.ended = true;
            if timeout(self.patience, self.gone.as_mut()).await.is_err() {
                self.reset(Code::REQUEST_CANCELLED);
            }
        }
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
