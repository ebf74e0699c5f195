//! What became of streams that were held.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

use probe::Version;

/// What became of one stream.
#[derive(Debug, Clone)]
pub struct Story {
    /// Over which version.
    pub version: Version,
    /// How many events came.
    pub events: u64,
    /// How many sequence numbers between the first and the last did not come.
    pub missing: u64,
    /// The longest time from one event to the next.
    pub longest: Duration,
    /// How it ended.
    pub end: End,
    last: Option<(Instant, u64)>,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Not before its client gave it up.
    Held,
    /// As a whole response does.
    Proper,
    /// Cut, and how.
    Broken(String),
}

impl Story {
    pub(super) fn of(version: Version) -> Self {
        Self {
            version,
            events: 0,
            missing: 0,
            longest: Duration::ZERO,
            end: End::Held,
            last: None,
        }
    }

    pub(super) fn event(&mut self, at: Instant, sequence: u64) {
        if let Some((before, number)) = self.last {
            self.longest = self.longest.max(at.saturating_duration_since(before));
            self.missing += sequence.saturating_sub(number + 1);
        }
        self.last = Some((at, sequence));
        self.events += 1;
    }
}

/// What became of many streams.
#[derive(Debug, Clone)]
pub struct Stories(Vec<Story>);

impl Stories {
    pub(super) fn new(stories: Vec<Story>) -> Self {
        Self(stories)
    }

    /// Those of one version.
    pub fn of(&self, version: Version) -> impl Iterator<Item = &Story> {
        self.0.iter().filter(move |story| story.version == version)
    }

    /// Those of some versions that ended or lost an event, in words.
    pub fn lost(&self, versions: &[Version]) -> Vec<String> {
        let stories = self.0.iter();
        let asked = stories.filter(|story| versions.contains(&story.version));
        asked
            .filter(|story| story.end != End::Held || story.missing > 0)
            .map(|story| {
                let Story {
                    version, missing, ..
                } = story;
                format!("{version}: {missing} events missing, {:?}", story.end)
            })
            .collect()
    }
}

/// A table, a line a version.
impl fmt::Display for Stories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "            streams   lost  events  missing  longest gap"
        )?;
        for version in Version::ALL {
            let stories: Vec<_> = self.of(version).collect();
            let lost = stories.iter().filter(|story| story.end != End::Held);
            let longest = stories.iter().map(|story| story.longest).max();
            writeln!(
                f,
                "{:<10} {:>8} {:>6} {:>7} {:>8} {:>9} ms",
                version.to_string(),
                stories.len(),
                lost.clone().count(),
                stories.iter().map(|story| story.events).sum::<u64>(),
                stories.iter().map(|story| story.missing).sum::<u64>(),
                longest.unwrap_or_default().as_millis(),
            )?;
            let ways: BTreeSet<_> = lost.map(|story| format!("{:?}", story.end)).collect();
            for way in ways {
                writeln!(f, "           {way}")?;
            }
        }
        Ok(())
    }
}
