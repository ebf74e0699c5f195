//! Counters that the cores of a machine do not wait for one another to change.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Several of the same, of which a thread always changes the same one. Its lock is free most of the time: only a reader, or one
/// of few other threads, may have it.
#[derive(Debug)]
pub(super) struct Sharded<T> {
    shards: [Shard<T>; SHARDS],
    hasher: RandomState,
}

/// Lines of 128 bytes: the two that x86 fetches at a time, so that no neighbour is invalidated.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard<T>(Mutex<T>);

impl<T> Sharded<T> {
    /// Changes this thread's own.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let hash = self.hasher.hash_one(thread::current().id());
        let number = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        change(&mut lock(&self.shards[number].0))
    }

    /// Looks at each of them.
    pub(super) fn each(&self, mut look: impl FnMut(&T)) {
        for shard in &self.shards {
            look(&lock(&shard.0));
        }
    }
}

impl<T: Default> Default for Sharded<T> {
    fn default() -> Self {
        Self {
            shards: Default::default(),
            hasher: RandomState::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// More than the cores of most machines, as many locks as a page takes.
const SHARDS: usize = 16;
