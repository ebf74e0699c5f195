//! Requests of 2026-07-28 that wait at a server for the answers of their clients.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp::seal::LIFETIME;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::asking::Asking;
use crate::upstream::Exchange;

/// One request, with the process that serves nobody else. Dropped, it is cancelled there.
#[derive(Debug)]
pub(super) struct Waits {
    pub(super) exchange: Exchange,
    pub(super) asking: Asking,
}

/// All of them, by names that nobody can guess. Each holds a process, so `max_processes` bounds them.
#[derive(Default)]
pub struct Parked {
    requests: Mutex<HashMap<String, (Waits, Expiry)>>,
}

/// Ends the wait when it is over for another reason.
struct Expiry(AbortHandle);

impl Drop for Expiry {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Parked {
    /// Has a request wait, for as long as its state is good. Its name.
    pub(super) fn put(self: &Arc<Self>, waits: Waits) -> Result<String, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let name = format!("{:032x}", u128::from_be_bytes(random));
        let (parked, own) = (Arc::downgrade(self), name.clone());
        let expiry = tokio::spawn(async move {
            sleep(LIFETIME).await;
            if let Some(parked) = parked.upgrade() {
                drop(parked.take(&own));
            }
        });
        let expiry = Expiry(expiry.abort_handle());
        self.lock().insert(name.clone(), (waits, expiry));
        Ok(name)
    }

    /// Takes a request up again. `None`: it was taken up before, waited too long, or is one of another process.
    pub(super) fn take(&self, name: &str) -> Option<Waits> {
        let taken = self.lock().remove(name);
        taken.map(|(waits, _)| waits)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Waits, Expiry)>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parked")
            .field("waiting", &self.lock().len())
            .finish_non_exhaustive()
    }
}
