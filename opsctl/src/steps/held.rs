//! A stream of events that is held open across a change: what its client saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use probe::{Ask, Version};
use tokio::task::JoinHandle;

use crate::checks::ask::open;
use crate::checks::{self, Access};
use deploy::Deployment;

/// A stream that is read in the background; it ends with this value.
#[derive(Debug)]
pub(crate) struct Held {
    seen: Arc<Seen>,
    reader: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    pieces: AtomicU64,
    ended: AtomicBool,
}

impl Held {
    /// Opens the smoke stream of the first site over HTTP/2; nothing where it does not open, since then nobody holds one.
    pub(crate) async fn open(deployment: &Deployment, access: &Access) -> Option<Self> {
        let aim = checks::from_deployment(deployment, access)
            .into_iter()
            .next()?;
        let path = format!("{}/sse?interval_ms=200&count=3600", aim.mcp_path);
        let ask = Ask::get(path)
            .with_header("accept", "text/event-stream")
            .ok()?;
        let edge = aim.edge.with_timeout(PATIENCE);
        let mut stream = open(&edge, Version::Http2, ask).await.ok()?;
        if stream.head().status != http::StatusCode::OK {
            return None;
        }
        let seen = Arc::new(Seen::default());
        let told = Arc::clone(&seen);
        let reader = tokio::spawn(async move {
            while let Ok(Some(_)) = stream.chunk().await {
                told.pieces.fetch_add(1, Ordering::Relaxed);
            }
            told.ended.store(true, Ordering::Relaxed);
        });
        Some(Self { seen, reader })
    }

    /// Whether events still arrive: waits for the next one.
    pub(crate) async fn goes_on(&self) -> bool {
        let before = self.seen.pieces.load(Ordering::Relaxed);
        let next = async {
            while self.seen.pieces.load(Ordering::Relaxed) == before {
                if self.seen.ended.load(Ordering::Relaxed) {
                    return false;
                }
                tokio::time::sleep(PAUSE).await;
            }
            true
        };
        tokio::time::timeout(PATIENCE, next).await.unwrap_or(false)
    }

    /// Ends it: as long as it is open, the worker that it began with lives.
    pub(crate) fn end(&self) {
        self.reader.abort();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.end();
    }
}

/// Fifty intervals of the stream: a busy machine is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);
