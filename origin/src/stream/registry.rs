//! The streams that are open now.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::wheel::{Slot, Wheel};
use crate::clock::Clock;

/// All streams of this origin: who they are, when they speak, and how they end together.
pub struct Streams {
    clock: Clock,
    wheel: Wheel,
    open: Mutex<Open>,
}

/// The list behind the lock.
#[derive(Default)]
struct Open {
    next: u64,
    closing: bool,
    streams: BTreeMap<u64, Entry>,
}

struct Entry {
    request_id: String,
    route: &'static str,
    opened: Instant,
    slot: Arc<Slot>,
}

/// One open stream, as `/streams` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenStream {
    /// The id of the request that opened it.
    pub request_id: String,
    /// The route's name.
    pub route: &'static str,
    /// How long it has been open, in milliseconds.
    pub age_ms: u64,
}

impl Streams {
    /// No streams yet. `keep_alive` is `stream_keep_alive`: a stream that sent nothing for that long sends a comment.
    pub fn new(keep_alive: Duration, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            wheel: Wheel::new(keep_alive),
            open: Mutex::default(),
        })
    }

    /// The one driver of all keep-alives; runs until it is dropped.
    pub async fn drive(self: Arc<Self>) {
        self.wheel.drive().await;
    }

    /// Enters a stream. It leaves the list when the ticket is dropped. While the origin shuts down the ticket is ended
    /// already: such a stream says its last words and nothing else.
    pub fn open(self: &Arc<Self>, request_id: &str, route: &'static str) -> Ticket {
        let slot = Arc::new(Slot::default());
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        if open.closing {
            slot.end();
        }
        let entry = Entry {
            request_id: request_id.to_owned(),
            route,
            opened: self.clock.now(),
            slot: Arc::clone(&slot),
        };
        open.streams.insert(number, entry);
        drop(open);
        self.wheel.insert(&slot);
        Ticket {
            streams: Arc::clone(self),
            number,
            slot,
        }
    }

    /// Asks every stream, and every one that still comes, to say its last words and end.
    pub fn end_all(&self) {
        let mut open = self.lock();
        open.closing = true;
        for entry in open.streams.values() {
            entry.slot.end();
        }
    }

    /// The open streams, oldest first.
    pub fn list(&self) -> Vec<OpenStream> {
        let now = self.clock.now();
        self.lock()
            .streams
            .values()
            .map(|entry| OpenStream {
                request_id: entry.request_id.clone(),
                route: entry.route,
                age_ms: u64::try_from(now.saturating_duration_since(entry.opened).as_millis())
                    .unwrap_or(u64::MAX),
            })
            .collect()
    }

    /// How many are open, by their route.
    pub fn by_route(&self) -> BTreeMap<&'static str, u64> {
        let mut count = BTreeMap::new();
        for entry in self.lock().streams.values() {
            *count.entry(entry.route).or_default() += 1;
        }
        count
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("open", &self.lock().streams.len())
            .finish_non_exhaustive()
    }
}

/// A stream's place in the list.
#[derive(Debug)]
pub struct Ticket {
    streams: Arc<Streams>,
    number: u64,
    slot: Arc<Slot>,
}

impl Ticket {
    pub(super) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Notes that the stream has just sent something.
    pub(super) fn spoke(&self) {
        self.streams.wheel.spoke(&self.slot);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.streams.lock().streams.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_listed_until_its_ticket_is_dropped() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        let first = streams.open("a", "sse");
        let second = streams.open("b", "mcp");
        drop(first);
        let listed = streams.list();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (listed[0].request_id.as_str(), listed[0].route),
            ("b", "mcp")
        );
        drop(second);
        assert!(streams.list().is_empty());
    }

    #[test]
    fn a_stream_that_comes_during_shutdown_is_ended_at_once() {
        let streams = Streams::new(Duration::from_secs(15), Clock::system());
        let before = streams.open("a", "sse");
        assert!(!before.slot().is_ended());
        streams.end_all();
        let after = streams.open("b", "sse");
        assert!(before.slot().is_ended() && after.slot().is_ended());
    }
}
