//! The signals by which people end a program.

use tokio::signal::unix::{SignalKind, signal};

use crate::error::{CommandError, HostError};

/// The signals that end a program in the foreground.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    /// Begins to listen: from here on they end nothing by themselves.
    pub(crate) fn listen() -> Result<Self, CommandError> {
        let on = |kind| signal(kind).map_err(HostError::on("listen for", "signals"));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one, and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}
