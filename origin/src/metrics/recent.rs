//! What happened lately: how long clients waited, and what went wrong.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::sharded::Sharded;

/// The requests of clients: how many by what they spoke, and how long the latest waited for the head of their answer.
#[derive(Debug, Default)]
pub(super) struct Clients {
    shards: Sharded<Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    protocols: BTreeMap<&'static str, u64>,
    latest: VecDeque<(Instant, Duration)>,
}

impl Clients {
    pub(super) fn add(&self, protocol: &'static str, at: Instant, wait: Duration) {
        self.shards.change(|Shard { protocols, latest }| {
            *protocols.entry(protocol).or_default() += 1;
            if latest.len() == MOST_WAITS {
                latest.pop_front();
            }
            latest.push_back((at, wait));
        });
    }

    /// The waits that are not older than [`OLDEST`], the shortest first.
    pub(super) fn waits(&self, now: Instant) -> Vec<Duration> {
        let mut waits = Vec::new();
        self.shards.each(|shard| {
            let young = shard
                .latest
                .iter()
                .filter(|(at, _)| now.saturating_duration_since(*at) <= OLDEST);
            waits.extend(young.map(|(_, wait)| *wait));
        });
        waits.sort_unstable();
        waits
    }

    /// All since the start, by HTTP version.
    pub(super) fn protocols(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        self.shards.each(|shard| {
            for (protocol, count) in &shard.protocols {
                *all.entry(*protocol).or_default() += count;
            }
        });
        all
    }
}

/// The value below which `hundredths` of a hundred are, of values that are sorted: the nearest rank.
pub(super) fn percentile(sorted: &[Duration], hundredths: usize) -> Option<Duration> {
    let rank = (sorted.len() * hundredths).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Something that did not go well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Instant,
    /// The id of the request.
    pub request_id: String,
    /// Whose fault: a route's name, or a server and its tool.
    pub what: String,
    /// The status, or the outcome of the call.
    pub why: String,
}

/// The latest failures.
#[derive(Debug, Default)]
pub struct Failures(Mutex<VecDeque<Failure>>);

impl Failures {
    /// One more. The names of tools are their servers', so they are cut to a length.
    pub fn add(&self, failure: Failure) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() == MOST_FAILURES {
            failures.pop_front();
        }
        let what = failure.what.chars().take(LONGEST_NAME).collect();
        failures.push_back(Failure { what, ..failure });
    }

    /// All that are kept, the oldest first.
    pub fn list(&self) -> Vec<Failure> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.iter().cloned().collect()
    }
}

/// Of each of the counters' shards: 12 KiB, and the 99th of a hundred is made of five values.
const MOST_WAITS: usize = 512;
/// What was slow before is over for whoever looks.
const OLDEST: Duration = Duration::from_mins(5);
/// As many as a screen shows.
pub(super) const MOST_FAILURES: usize = 20;
/// MCP 2025-11-25, tool names: 1 to 128 characters; the server's own name stands before it.
const LONGEST_NAME: usize = 192;

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(numbers: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        numbers.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred = milliseconds(1..=100);
        let of = |hundredths| percentile(&hundred, hundredths).map(|value| value.as_millis());
        assert_eq!((of(50), of(99), of(100)), (Some(50), Some(99), Some(100)));
        let two = milliseconds([3, 9]);
        assert_eq!(percentile(&two, 50), Some(Duration::from_millis(3)));
        assert_eq!(percentile(&two, 99), Some(Duration::from_millis(9)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn waits_of_long_ago_do_not_count() {
        let (clients, begin) = (Clients::default(), Instant::now());
        clients.add("2", begin, Duration::from_secs(9));
        let later = begin + OLDEST;
        clients.add("3", later, Duration::from_millis(2));
        assert_eq!(clients.waits(later).len(), 2);
        let latest = clients.waits(later + Duration::from_secs(1));
        assert_eq!(latest, milliseconds([2]));
        let all: Vec<_> = clients.protocols().into_iter().collect();
        assert_eq!(all, [("2", 1), ("3", 1)], "they were there all the same");
    }

    #[test]
    fn only_the_latest_are_kept_whatever_their_names() {
        let (clients, failures) = (Clients::default(), Failures::default());
        let at = Instant::now();
        for number in 0..1_000 {
            clients.add("2", at, Duration::from_millis(number));
            failures.add(Failure {
                at,
                request_id: number.to_string(),
                what: "ü".repeat(100_000),
                why: "timeout".to_owned(),
            });
        }
        assert_eq!(clients.waits(at).len(), MOST_WAITS);
        let kept = failures.list();
        assert_eq!(kept.len(), MOST_FAILURES);
        assert_eq!(kept[MOST_FAILURES - 1].request_id, "999");
        assert_eq!(kept[0].what.chars().count(), LONGEST_NAME);
    }
}
