//! The holder of one key, as its requests carry it.

use std::sync::{Arc, Mutex, PoisonError};

use api_keys::Record;
use http::Extensions;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::snapshot::Snapshot;

/// A key that is good, or was when its request came; an extension of every request that showed one.
#[derive(Debug)]
pub struct Holder {
    record: Record,
    end: CancellationToken,
    /// The last snapshot that was asked for, and what of it this key may see.
    view: Mutex<Option<(Arc<Snapshot>, Arc<Snapshot>)>>,
}

impl Holder {
    pub(super) fn new(record: Record) -> Self {
        Self {
            record,
            end: CancellationToken::new(),
            view: Mutex::default(),
        }
    }

    /// The holder that a request was admitted for; `None` where no key is asked for.
    pub fn of(extensions: &Extensions) -> Option<&Arc<Self>> {
        extensions.get()
    }

    /// What the file says of the key.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The key's id, for logs: no secret.
    pub fn id(&self) -> &str {
        self.record.id.as_str()
    }

    /// What of a snapshot this key may see: its servers, and what they offer under the names that everybody knows it by.
    pub fn view(&self, whole: &Arc<Snapshot>) -> Arc<Snapshot> {
        if self.record.servers.is_none() {
            return Arc::clone(whole);
        }
        let mut last = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, view)) if Arc::ptr_eq(of, whole) => Arc::clone(view),
            _ => {
                let view = Arc::new(whole.limited(|server| self.record.opens(server)));
                *last = Some((Arc::clone(whole), Arc::clone(&view)));
                view
            }
        }
    }

    /// The key opens nothing any more.
    pub(super) fn end(&self) {
        self.end.cancel();
    }

    /// Whether the key was revoked, changed or has expired since.
    pub fn is_over(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Waits until the key is over.
    pub fn over(&self) -> WaitForCancellationFutureOwned {
        self.end.clone().cancelled_owned()
    }
}
