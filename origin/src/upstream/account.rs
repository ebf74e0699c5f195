//! What is kept of one server through all its processes: the numbers of its requests, and how busy it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::metrics::{Called, Calls};

/// How busy a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Requests that it has not answered yet, of all its processes.
    pub in_flight: usize,
    /// Requests that wait until a process reads them that all clients share.
    pub queued: usize,
}

/// One server's account.
#[derive(Debug)]
pub(super) struct Account {
    /// Those of all servers.
    tickets: Arc<AtomicU64>,
    in_flight: AtomicUsize,
    /// Its calls, where they are counted.
    calls: Option<Calls>,
}

impl Account {
    pub(super) fn new(tickets: Arc<AtomicU64>, is_counted: bool) -> Self {
        Self {
            tickets,
            in_flight: AtomicUsize::new(0),
            calls: is_counted.then(Calls::default),
        }
    }

    /// A number that no other request of this origin has.
    pub(super) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn calls(&self) -> Option<&Calls> {
        self.calls.as_ref()
    }

    /// A call of a tool is over.
    pub(super) fn called(&self, server: &str, called: Called<'_>) {
        if let Some(calls) = &self.calls {
            calls.add(server, called);
        }
    }
}
