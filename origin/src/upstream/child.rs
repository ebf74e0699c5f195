//! The link to a server that is a process of this origin: a message a line, over its pipes.

use std::ffi::OsString;

use origin_config::Server;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Duration, timeout};

use super::lines::Message;
use super::pipe::Pipe;
use super::process::Process;
use super::stderr::{self, Tail};

/// One process and its three pipes. Dropped, the process and its group are killed.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    pipe: Pipe<ChildStdout, ChildStdin>,
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
            // Whoever called it has given up by then.
            pipe: Pipe::new(pipes.stdout, pipes.stdin, server.call_timeout),
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
        self.pipe.send(message);
    }

    /// The bytes that the server has not read yet.
    pub(super) fn backlog(&self) -> usize {
        self.pipe.backlog()
    }

    /// Moves bytes either way: a message of the server, `None` when some were sent, or why there will be no more of either. May be
    /// dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Message>, String> {
        tokio::select! {
            step = self.pipe.step() => step,
            status = self.process.ended() => {
                Err(status.map_or_else(|error| error.to_string(), |status| format!("it ended: {status}")))
            }
        }
    }

    /// Why the process ended, if it has. Most often it does right after what was seen of it, and its status says more.
    pub(super) async fn status(&mut self) -> Option<String> {
        let status = timeout(LAST_WORDS, self.process.ended()).await.ok()?.ok()?;
        Some(format!("it ended: {status}"))
    }

    /// The next line that an ended process has left in its pipe. May be dropped at any time.
    pub(super) async fn last_word(&mut self) -> Option<Message> {
        self.pipe.last_word().await
    }

    /// Closes the pipes and waits until the process has left or was made to.
    pub(super) async fn end(self, server: &str) {
        drop(self.pipe);
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
