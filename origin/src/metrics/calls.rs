//! The calls of one server's tools: how many, with which outcome, and how long they took.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::page::Page;
use super::recent::{Failure, Failures};
use super::sharded::Sharded;

/// What is counted of one server's calls.
#[derive(Debug, Default)]
pub struct Calls {
    tools: Sharded<HashMap<Box<str>, Outcomes>>,
    /// The tools that are told apart: once chosen, always, for a counter never goes back.
    known: Mutex<HashSet<Box<str>>>,
    failures: Failures,
}

/// A call of a tool that is over.
#[derive(Debug, Clone, Copy)]
pub struct Called<'a> {
    /// The tool.
    pub tool: &'a str,
    /// `answered`, `refused`, `timeout`, `unavailable` or `abandoned`.
    pub outcome: &'static str,
    /// When it began.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// The id of its request.
    pub request_id: &'a str,
}

/// The calls of a server since its start, in short.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// All of them.
    pub calls: u64,
    /// Those that were refused, timed out, or met no server.
    pub failed: u64,
    /// How long half of them took at most, as far as the buckets tell.
    pub p50: Option<Duration>,
    /// The same for 99 of 100.
    pub p99: Option<Duration>,
}

/// By outcome.
type Outcomes = BTreeMap<&'static str, Histogram>;

#[derive(Debug, Clone, Default)]
struct Histogram {
    /// How many took no longer than each of [`BOUNDS`], and longer than the one before it.
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Calls {
    /// The server has answered a call of a tool, or has not.
    pub fn add(&self, server: &str, called: Called<'_>) {
        let Called {
            tool,
            outcome,
            took,
            ..
        } = called;
        if FAILED.contains(&outcome) {
            self.failures.add(Failure {
                at: called.began + took,
                request_id: called.request_id.to_owned(),
                what: format!("{server}: {tool}"),
                why: outcome.to_owned(),
            });
        }
        self.tools.change(|tools| {
            let is_known = tools.contains_key(tool) || self.may_know(tool);
            let tool = if is_known { tool } else { OTHER };
            // Not by `entry`, which takes a name of its own each time.
            if !tools.contains_key(tool) {
                tools.insert(tool.into(), Outcomes::new());
            }
            if let Some(outcomes) = tools.get_mut(tool) {
                outcomes.entry(outcome).or_default().add(took);
            }
        });
    }

    /// The latest calls that did not go well.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// All tools together.
    pub fn summary(&self) -> Summary {
        let mut all = Histogram::default();
        let mut failed = 0;
        for (outcome, histogram) in self.all().values().flatten() {
            all.merge(histogram);
            if FAILED.contains(outcome) {
                failed += histogram.count;
            }
        }
        Summary {
            calls: all.count,
            failed,
            p50: all.quantile(0.5),
            p99: all.quantile(0.99),
        }
    }

    /// Whether a tool that a thread meets for the first time is one of those that are told apart.
    fn may_know(&self, tool: &str) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(tool) || known.len() < MOST_TOOLS && known.insert(tool.into())
    }

    /// The threads' counters together.
    fn all(&self) -> BTreeMap<Box<str>, Outcomes> {
        let mut all = BTreeMap::<Box<str>, Outcomes>::new();
        self.tools.each(|tools| {
            for (tool, outcomes) in tools {
                let sum = all.entry(tool.clone()).or_default();
                for (outcome, histogram) in outcomes {
                    sum.entry(outcome).or_default().merge(histogram);
                }
            }
        });
        all
    }

    pub(super) fn write(&self, page: &mut Page, server: &str) {
        for (tool, outcomes) in self.all() {
            for (outcome, histogram) in outcomes {
                let labels = [("server", server), ("tool", &*tool), ("outcome", outcome)];
                histogram.write(page, &labels);
            }
        }
    }
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(bucket) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum += took;
    }

    fn merge(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// As Prometheus' `histogram_quantile`: even within a bucket, and the last bound for what lies above it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count beyond 2^52 is no count of calls"
    )]
    fn quantile(&self, quantile: f64) -> Option<Duration> {
        let rank = quantile * self.count as f64;
        let (mut below, mut from) = (0.0, 0.0);
        for (bound, count) in BOUNDS.into_iter().zip(self.buckets) {
            let count = count as f64;
            if count > 0.0 && below + count >= rank {
                let seconds = from + (bound - from) * (rank - below) / count;
                return Some(Duration::from_secs_f64(seconds));
            }
            (below, from) = (below + count, bound);
        }
        (self.count > 0).then(|| Duration::from_secs_f64(from))
    }

    fn write(&self, page: &mut Page, labels: &[(&str, &str); 3]) {
        let [server, tool, outcome] = *labels;
        let mut sum = 0;
        for (bound, count) in BOUNDS.iter().zip(self.buckets) {
            sum += count;
            let bound = bound.to_string();
            let labels = [server, tool, outcome, ("le", &bound)];
            page.sample("origin_tool_call_duration_seconds_bucket", &labels, sum);
        }
        let all = [server, tool, outcome, ("le", "+Inf")];
        page.sample("origin_tool_call_duration_seconds_bucket", &all, self.count);
        let seconds = self.sum.as_secs_f64();
        page.sample("origin_tool_call_duration_seconds_sum", labels, seconds);
        page.sample(
            "origin_tool_call_duration_seconds_count",
            labels,
            self.count,
        );
    }
}

/// The outcomes that are nobody's wish; a client that leaves its call alone may.
const FAILED: [&str; 3] = ["refused", "timeout", "unavailable"];

/// Upper bounds in seconds: tools that read a clock take a millisecond, those that ask a model take minutes.
const BOUNDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// The tools of one server that are told apart: the names of tools are the server's, and one that makes up new ones must not
/// fill the memory. Servers with more than a hundred tools are rare; 19 lines of each of 512 are 1 MB of a page.
pub(super) const MOST_TOOLS: usize = 512;

/// All tools beyond those. No tool's own name: those have no brackets (MCP 2025-11-25, tool names).
const OTHER: &str = "(other)";
