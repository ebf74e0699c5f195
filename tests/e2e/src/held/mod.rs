//! Event streams that are held while what carries them is reloaded or restarted.

mod edge;
mod restart;
mod stories;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use probe::sse::{Item, Reader};
use probe::{Ask, ProbeError, Stream, Target, Version};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use edge::reload;
pub use restart::{Comings, Restarted, Restarts};
pub use stories::{End, Stories, Story};

use crate::DEADLINE;

/// Clients that each hold one event stream on a connection of its own.
#[derive(Debug)]
pub struct Held {
    stories: Vec<Arc<Mutex<Story>>>,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Held {
    /// Opens `count` streams, the versions in turn, and waits until each has had its first event.
    ///
    /// # Panics
    /// When one cannot be opened.
    pub async fn open(target: &Target, versions: &[Version], count: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut held = Self {
            stories: Vec::new(),
            tasks: Vec::new(),
            stop,
        };
        for version in versions.iter().copied().cycle().take(count) {
            let stream = open(target, version).await;
            let mut stream = stream.unwrap_or_else(|error| panic!("{version}: {error}"));
            // longer than any silence here may be: what is held says itself when it is lost
            stream.set_idle_timeout(Duration::from_mins(10));
            let story = Arc::new(Mutex::new(Story::of(version)));
            held.stories.push(Arc::clone(&story));
            let stopped = stopped.clone();
            held.tasks.push(tokio::spawn(read(stream, story, stopped)));
        }
        held.until_all("its first event", |story| story.events > 0)
            .await;
        held
    }

    /// Waits until every stream that still goes on has had more events than now.
    ///
    /// # Panics
    /// When one has none for too long.
    pub async fn until_all_go_on(&self) {
        let before: Vec<_> = self
            .stories
            .iter()
            .map(|story| lock(story).events)
            .collect();
        let mut before = before.into_iter();
        for story in &self.stories {
            let seen = before.next().unwrap_or_default();
            wait("another event", story, |story| story.events > seen).await;
        }
    }

    async fn until_all(&self, fact: &str, is_so: impl Fn(&Story) -> bool) {
        for story in &self.stories {
            wait(fact, story, &is_so).await;
        }
    }

    /// Gives all streams up, and tells what became of each.
    pub async fn end(self) -> Stories {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        let stories = self.stories.iter();
        Stories::new(stories.map(|story| lock(story).clone()).collect())
    }
}

/// A stream that has ended is waited for no longer.
async fn wait(fact: &str, story: &Mutex<Story>, is_so: impl Fn(&Story) -> bool) {
    let end = Instant::now() + DEADLINE;
    loop {
        let now = lock(story).clone();
        if is_so(&now) || now.end != End::Held {
            return;
        }
        assert!(Instant::now() < end, "{fact} did not come: {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open(target: &Target, version: Version) -> Result<Stream, ProbeError> {
    // as many events as a stream may have: twelve minutes of them
    let ask = Ask::get("/mcp/sse?interval_ms=200&count=3600");
    Box::pin(probe::open(target, version, ask)).await
}

async fn read(mut stream: Stream, story: Arc<Mutex<Story>>, mut stopped: watch::Receiver<bool>) {
    let mut events = Events::default();
    loop {
        let piece = tokio::select! {
            piece = stream.chunk() => piece,
            _ = stopped.changed() => return stream.reset().await,
        };
        let mut story = lock(&story);
        match piece {
            Ok(Some((at, bytes))) => {
                for sequence in events.read(&bytes) {
                    story.event(at, sequence);
                }
            }
            Ok(None) => return story.end = End::Proper,
            Err(error) => return story.end = End::Broken(said(&error)),
        }
    }
}

/// The sequence numbers in an event stream.
#[derive(Debug)]
struct Events(Reader);

impl Default for Events {
    fn default() -> Self {
        Self(Reader::new(1 << 16))
    }
}

impl Events {
    fn read(&mut self, bytes: &[u8]) -> Vec<u64> {
        let items = self.0.feed(bytes).unwrap_or_default();
        let numbers = items.into_iter().filter_map(|item| match item {
            Item::Event(event) => serde_json::from_str::<Value>(&event.data).ok()?["seq"].as_u64(),
            Item::Comment(_) => None,
        });
        numbers.collect()
    }
}

/// An error with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
