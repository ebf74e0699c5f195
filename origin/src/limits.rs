//! What one client may take of the origin: how often it asks, how much is done for it at a time, how many streams it holds.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use api_keys::KeyId;
use origin_config::Limit;

use crate::clock::Clock;

/// The limits that are switched on.
#[derive(Debug)]
pub struct Limits {
    client: Option<Arc<Table>>,
    key: Option<Arc<Table>>,
}

/// Whom a limit is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// An address. IPv6 by its /64: a host has the whole of one (RFC 4291 section 2.5.1), so that its addresses are one client.
    Address(IpAddr),
    /// A key.
    Key(KeyId),
    /// All those behind a Unix socket whom nobody trusted named.
    Unnamed,
}

/// Why a request is not served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What there was too much of.
    pub what: What,
    /// When it is worth asking again.
    pub after: Duration,
}

/// What a limit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Requests by time.
    Requests,
    /// Requests that are worked on at a time.
    Calls,
    /// Streams that are open at a time.
    Streams,
}

impl What {
    const ALL: [Self; 3] = [Self::Requests, Self::Calls, Self::Streams];

    /// The word for it, in figures.
    pub fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Calls => "calls",
            Self::Streams => "streams",
        }
    }
}

/// Everybody that one limit is about, as far as there is something to remember.
#[derive(Debug)]
struct Table {
    limit: Limit,
    clock: Clock,
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<HashMap<Who, Entry>>; SHARDS],
    /// How often it refused, by what.
    refused: [AtomicU64; What::ALL.len()],
}

/// What is remembered of one. Who has asked for nothing lately has no entry.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    /// When everything that was asked for is paid for, since `began`: the theoretical arrival time of the generic cell rate
    /// algorithm (ITU-T I.371), which needs this one number where a token bucket needs two.
    paid: Duration,
    calls: u32,
    streams: u32,
}

/// A place that one has taken, until this is dropped.
#[derive(Debug)]
pub struct Place {
    table: Arc<Table>,
    who: Who,
    is_stream: bool,
}

impl Limits {
    /// The limits of a configuration.
    pub fn new(limits: &origin_config::ClientLimits, clock: Clock) -> Self {
        let table = |limit: &Limit| limit.is_on().then(|| Arc::new(Table::new(limit, clock)));
        Self {
            client: table(&limits.client),
            key: table(&limits.key),
        }
    }

    /// How often each limit that is on has refused, by whom it is about (`client` or `key`) and by what.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, What, u64)> {
        let tables = [("client", &self.client), ("key", &self.key)];
        let tables = tables
            .into_iter()
            .filter_map(|(by, table)| Some((by, table.as_ref()?)));
        tables.flat_map(|(by, table)| {
            What::ALL.map(|what| {
                (
                    by,
                    what,
                    table.refused[what as usize].load(Ordering::Relaxed),
                )
            })
        })
    }

    /// Takes a place for a request from an address. `None` where addresses are not limited.
    ///
    /// # Errors
    /// There is none now.
    pub fn admit_client(&self, address: Option<IpAddr>) -> Result<Option<Place>, Refusal> {
        let Some(table) = &self.client else {
            return Ok(None);
        };
        let who = address.map_or(Who::Unnamed, Who::of);
        Table::admit(table, who).map(Some)
    }

    /// Takes a place for a request with a key. `None` where keys are not limited.
    ///
    /// # Errors
    /// There is none now.
    pub fn admit_key(&self, key: &KeyId) -> Result<Option<Place>, Refusal> {
        let Some(table) = &self.key else {
            return Ok(None);
        };
        Table::admit(table, Who::Key(key.clone())).map(Some)
    }
}

impl Who {
    fn of(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }
}

impl Place {
    /// The place becomes one of a stream.
    ///
    /// # Errors
    /// As many streams are open as there may be; the place is given back.
    pub fn into_stream(mut self) -> Result<Self, Refusal> {
        let most = self.table.limit.streams;
        let mut shard = self.table.shard(&self.who);
        if let Some(entry) = shard.get_mut(&self.who) {
            if most > 0 && entry.streams >= most {
                drop(shard);
                return Err(self.table.refuse(What::Streams, PLACE));
            }
            entry.calls = entry.calls.saturating_sub(1);
            entry.streams += 1;
        }
        drop(shard);
        self.is_stream = true;
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.table.now();
        let mut shard = self.table.shard(&self.who);
        if let Some(entry) = shard.get_mut(&self.who) {
            let count = if self.is_stream {
                &mut entry.streams
            } else {
                &mut entry.calls
            };
            *count = count.saturating_sub(1);
            if entry.is_free() && entry.paid <= now {
                shard.remove(&self.who);
            }
        }
    }
}

impl Entry {
    /// Whether nothing is held by it.
    fn is_free(&self) -> bool {
        self.calls == 0 && self.streams == 0
    }
}

impl Table {
    fn new(limit: &Limit, clock: Clock) -> Self {
        Self {
            limit: limit.clone(),
            clock,
            began: clock.now(),
            hasher: RandomState::new(),
            shards: Default::default(),
            refused: Default::default(),
        }
    }

    fn admit(table: &Arc<Self>, who: Who) -> Result<Place, Refusal> {
        let now = table.now();
        let mut shard = table.shard(&who);
        let known = shard.get(&who).copied();
        let mut entry = known.unwrap_or_default();
        let most = table.limit.calls;
        if most > 0 && entry.calls >= most {
            return Err(table.refuse(What::Calls, PLACE));
        }
        if let Some(rate) = table.limit.rate {
            let interval = rate.interval();
            let paid = entry.paid.max(now);
            // One at once is no burst, it is the rate.
            let ahead = paid.saturating_sub(now);
            if let Some(after) = ahead.checked_sub(interval * table.limit.burst)
                && !after.is_zero()
            {
                return Err(table.refuse(What::Requests, after));
            }
            entry.paid = paid + interval;
        }
        entry.calls += 1;
        if known.is_none() && shard.len() >= MOST_PER_SHARD {
            make_room(&mut shard, now);
        }
        shard.insert(who.clone(), entry);
        drop(shard);
        Ok(Place {
            table: Arc::clone(table),
            who,
            is_stream: false,
        })
    }

    fn refuse(&self, what: What, after: Duration) -> Refusal {
        self.refused[what as usize].fetch_add(1, Ordering::Relaxed);
        Refusal { what, after }
    }

    fn now(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.began)
    }

    fn shard(&self, who: &Who) -> MutexGuard<'_, HashMap<Who, Entry>> {
        let number = usize::try_from(self.hasher.hash_one(who)).unwrap_or_default();
        let shard = &self.shards[number % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets those of whom nothing has to be remembered; where that is nobody, all who hold nothing, who may then ask anew.
/// Those who hold something are bounded by the connections of the origin.
fn make_room(shard: &mut HashMap<Who, Entry>, now: Duration) {
    shard.retain(|_, entry| !entry.is_free() || entry.paid > now);
    if shard.len() >= MOST_PER_SHARD {
        shard.retain(|_, entry| !entry.is_free());
    }
}

/// There is no telling when a place is given back; who asks once a second is no burden.
const PLACE: Duration = Duration::from_secs(1);

/// More than cores of most machines: two requests seldom wait for each other.
const SHARDS: usize = 16;

/// With the shards 65,536 clients at a time; an entry is about 100 bytes with its share of the map, so all of them are 7 MB.
const MOST_PER_SHARD: usize = 4_096;
