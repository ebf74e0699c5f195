//! What the process's signals ask for.

use std::io;

use crate::run::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// SIGTERM and SIGINT end in peace, a second one at once. The handlers are set up before this returns.
pub(crate) fn watch(stop: Stop) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    tracing::warn!("SIGHUP changes nothing: the configuration is read at the start, so restart instead");
                    continue;
                }
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stop.graceful.is_cancelled() {
                tracing::warn!("asked to stop again: ending at once");
                stop.now.cancel();
            } else {
                tracing::info!("asked to stop: draining");
                stop.graceful.cancel();
            }
        }
    })
}
