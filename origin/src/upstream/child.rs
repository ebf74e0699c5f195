//! The link to a server that is a process of this origin: a message a line, over its pipes.

use std::ffi::OsString;

use origin_config::Server;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::lines::{Message, Messages};
use super::process::Process;
use super::stderr::{self, Tail};

/// One process and its three pipes. Dropped, the process and its group are killed.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    stdin: ChildStdin,
    messages: Messages<ChildStdout>,
    /// What the server has not read yet.
    unsent: Vec<u8>,
    /// Since when it has read nothing of that.
    waits: Instant,
    /// How long it may neither go on with a line nor read what it is sent.
    patience: Duration,
    stderr: JoinHandle<()>,
    tail: Tail,
}

impl Child {
    /// Starts the server's command.
    pub(super) fn start(
        server: &Server,
        environment: &[(OsString, OsString)],
    ) -> Result<Self, String> {
        let (process, pipes) =
            Process::spawn(server, environment).map_err(|error| error.to_string())?;
        tracing::info!(
            server = server.name,
            pid = process.id(),
            "server process started"
        );
        let tail = Tail::default();
        Ok(Self {
            process,
            stdin: pipes.stdin,
            messages: Messages::new(pipes.stdout, server.call_timeout),
            unsent: Vec::new(),
            waits: Instant::now(),
            // Whoever called it has given up by then.
            patience: server.call_timeout,
            stderr: tokio::spawn(stderr::drain(
                pipes.stderr,
                server.name.clone(),
                tail.clone(),
            )),
            tail,
        })
    }

    /// Takes a message for the server. It leaves while [`Child::step`] is waited for.
    pub(super) fn send(&mut self, message: &str) {
        if self.unsent.is_empty() {
            self.waits = Instant::now();
        }
        self.unsent.extend_from_slice(message.as_bytes());
        self.unsent.push(b'\n');
    }

    /// The bytes that the server has not read yet.
    pub(super) fn backlog(&self) -> usize {
        self.unsent.len()
    }

    /// Moves bytes either way: a message of the server, `None` when some were sent, or why there will be no more of either. May be
    /// dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Message>, String> {
        let stalled = self.waits + self.patience;
        tokio::select! {
            message = self.messages.next() => message.map(Some),
            status = self.process.ended() => {
                Err(status.map_or_else(|error| error.to_string(), |status| format!("it ended: {status}")))
            }
            sent = timeout_at(stalled, self.stdin.write(&self.unsent)), if !self.unsent.is_empty() => match sent {
                Ok(Ok(0)) => Err("it closed its standard input".to_owned()),
                Ok(Ok(sent)) => {
                    drop(self.unsent.drain(..sent));
                    self.waits = Instant::now();
                    Ok(None)
                }
                Ok(Err(error)) => Err(format!("it does not read its standard input: {error}")),
                Err(_) => Err(format!("it has not read its standard input for {:?}", self.patience)),
            },
        }
    }

    /// Why the process ended, if it has. Most often it does right after what was seen of it, and its status says more.
    pub(super) async fn status(&mut self) -> Option<String> {
        let status = timeout(LAST_WORDS, self.process.ended()).await.ok()?.ok()?;
        Some(format!("it ended: {status}"))
    }

    /// The next line that an ended process has left in its pipe. May be dropped at any time.
    pub(super) async fn last_word(&mut self) -> Option<Message> {
        self.messages.next().await.ok()
    }

    /// Closes the pipes and waits until the process has left or was made to.
    pub(super) async fn end(self, server: &str) {
        drop((self.stdin, self.messages));
        if let Err(error) = self.process.end().await {
            tracing::warn!(server, %error, "the end of the server was not seen");
        }
        settle(self.stderr).await;
    }

    /// Kills what is left of the process and its group. Its last lines of error output come back; empty when there are none.
    pub(super) async fn kill(self) -> String {
        let _ = self.process.kill().await;
        settle(self.stderr).await;
        self.tail.text()
    }
}

/// The group is gone, so the pipe ends, unless a process that left the group has it.
async fn settle(stderr: JoinHandle<()>) {
    let abort = stderr.abort_handle();
    if timeout(LAST_WORDS, stderr).await.is_err() {
        abort.abort();
    }
}

/// How long the end of a process is waited for that seems to have ended, and then the end of its error output.
const LAST_WORDS: Duration = Duration::from_millis(100);
