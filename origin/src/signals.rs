//! What the process's signals ask for.

use std::io;
use std::sync::Arc;

use crate::run::Stop;
use crate::tls::Store;
use tokio::signal::unix::{SignalKind, signal};

/// SIGTERM and SIGINT end in peace, a second one at once; SIGHUP reads the certificates again. The handlers are set up before
/// this returns.
pub(crate) fn watch(
    stop: Stop,
    certificates: Option<Arc<Store>>,
) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    reload(certificates.clone());
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

fn reload(certificates: Option<Arc<Store>>) {
    let Some(store) = certificates else {
        tracing::warn!(
            "SIGHUP changes nothing: the configuration is read at the start, so restart instead"
        );
        return;
    };
    tracing::info!(
        "SIGHUP: the certificates are read again, the rest of the configuration at a restart"
    );
    tokio::task::spawn_blocking(move || store.reload());
}
