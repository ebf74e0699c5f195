//! Both directions between the origin and one process: a message a line.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout_at};

use super::lines::{Message, Messages};

/// What a process says, and what it is told.
#[derive(Debug)]
pub(super) struct Pipe<R, W> {
    messages: Messages<R>,
    writer: W,
    /// What the process has not read yet.
    unsent: Vec<u8>,
    /// Since when it has read nothing of that.
    waits: Instant,
    patience: Duration,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Pipe<R, W> {
    /// A process that neither goes on with a line nor reads what it is sent for as long as `patience` is given up.
    pub(super) fn new(reader: R, writer: W, patience: Duration) -> Self {
        Self {
            messages: Messages::new(reader, patience),
            writer,
            unsent: Vec::new(),
            waits: Instant::now(),
            patience,
        }
    }

    /// Takes a message for the process. It leaves while [`Pipe::step`] is waited for.
    pub(super) fn send(&mut self, message: &str) {
        if self.unsent.is_empty() {
            self.waits = Instant::now();
        }
        self.unsent.extend_from_slice(message.as_bytes());
        self.unsent.push(b'\n');
    }

    /// The bytes that the process has not read yet.
    pub(super) fn backlog(&self) -> usize {
        self.unsent.len()
    }

    /// Moves bytes either way: a message of the process, `None` when some were sent, or why there will be no more of either. May be
    /// dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Message>, String> {
        let stalled = self.waits + self.patience;
        tokio::select! {
            // What is there to be sent needs no waiting most of the time.
            biased;
            sent = timeout_at(stalled, self.writer.write(&self.unsent)), if !self.unsent.is_empty() => match sent {
                Ok(Ok(0)) => Err("it closed its standard input".to_owned()),
                Ok(Ok(sent)) => {
                    drop(self.unsent.drain(..sent));
                    self.waits = Instant::now();
                    Ok(None)
                }
                Ok(Err(error)) => Err(format!("it does not read its standard input: {error}")),
                Err(_) => Err(format!("it has not read its standard input for {:?}", self.patience)),
            },
            message = self.messages.next() => message.map(Some),
        }
    }

    /// The next message that is still to be read. May be dropped at any time.
    pub(super) async fn last_word(&mut self) -> Option<Message> {
        self.messages.next().await.ok()
    }

    /// Says that nothing more comes.
    pub(super) async fn finish(&mut self) {
        // One that is gone needs not be told.
        let _ = self.writer.shutdown().await;
    }
}
