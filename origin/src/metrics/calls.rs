//! The calls of one server's tools: how many, with which outcome, and how long they took.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::page::Page;
use super::sharded::Sharded;

/// What is counted of one server's calls.
#[derive(Debug, Default)]
pub struct Calls {
    tools: Sharded<HashMap<Box<str>, Outcomes>>,
    /// The tools that are told apart: once chosen, always, for a counter never goes back.
    known: Mutex<HashSet<Box<str>>>,
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
    pub fn add(&self, tool: &str, outcome: &'static str, took: Duration) {
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

/// Upper bounds in seconds: tools that read a clock take a millisecond, those that ask a model take minutes.
const BOUNDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];

/// The tools of one server that are told apart: the names of tools are the server's, and one that makes up new ones must not
/// fill the memory. Servers with more than a hundred tools are rare; 19 lines of each of 512 are 1 MB of a page.
pub(super) const MOST_TOOLS: usize = 512;

/// All tools beyond those. No tool's own name: those have no brackets (MCP 2025-11-25, tool names).
const OTHER: &str = "(other)";
