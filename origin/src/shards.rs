//! Threads with a runtime each, for the connections whose TLS the origin ends itself.
//!
//! A runtime of one thread runs its tasks in the order in which they were woken. So the requests that one read of a socket
//! brought are all answered before what they have to say is sent, in one packet or one record where a runtime of several
//! threads sends each by itself.

use std::io;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// The threads. They end with this value, and what still runs on them is dropped.
#[derive(Debug)]
pub(crate) struct Shards {
    handles: Vec<Handle>,
    threads: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Shards {
    /// Starts `count` threads.
    ///
    /// # Errors
    /// The system refuses one.
    pub(crate) fn start(count: usize) -> io::Result<Self> {
        let mut shards = Self {
            handles: Vec::with_capacity(count),
            threads: Vec::with_capacity(count),
            stop: CancellationToken::new(),
        };
        for number in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            shards.handles.push(runtime.handle().clone());
            let stop = shards.stop.clone();
            let thread = thread::Builder::new().name(format!("shard-{number}"));
            let thread = thread.spawn(move || runtime.block_on(stop.cancelled()))?;
            shards.threads.push(thread);
        }
        Ok(shards)
    }

    /// The runtimes, in the order of their numbers.
    pub(crate) fn handles(&self) -> &[Handle] {
        &self.handles
    }

    /// Ends the threads, and waits for them.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A panic that was not caught is in the log.
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One for each core that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_spawned_on_a_shard_runs_on_its_thread_alone() {
        let shards = Shards::start(2).expect("two threads");
        for (number, handle) in shards.handles().iter().enumerate() {
            let ran = handle.spawn(async { thread::current().name().map(str::to_owned) });
            let name = ran.await.expect("no panic");
            assert_eq!(name, Some(format!("shard-{number}")));
        }
        shards.end().await;
    }
}
