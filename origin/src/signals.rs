//! What the process's signals ask for.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::run::Stop;

/// SIGTERM and SIGINT end in peace, a second one at once; SIGHUP asks for the configuration to be read again. The handlers are set
/// up before this returns.
pub(crate) fn watch(stop: Stop, reload: Arc<Notify>) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    reload.notify_one();
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
