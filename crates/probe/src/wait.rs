//! Deadlines, and the tasks that a connection needs in the background.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use crate::{ProbeError, Stage, Version};

/// How long a closing connection may take to say goodbye: a lost packet's first retransmission over loopback or a near
/// network, and no more, because nobody waits for it.
pub(crate) const FAREWELL: Duration = Duration::from_millis(250);

/// A point in time before which something must have happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) version: Version,
    after: Duration,
    end: Instant,
}

impl Limit {
    pub(crate) fn new(version: Version, after: Duration) -> Self {
        // a duration that no clock can hold means no limit; a day is longer than any probe
        let now = Instant::now();
        let end = now
            .checked_add(after)
            .unwrap_or_else(|| now + Duration::from_hours(24));
        Self {
            version,
            after,
            end,
        }
    }

    /// Waits for a part of the whole that is limited.
    pub(crate) async fn on<T>(
        self,
        stage: Stage,
        part: impl Future<Output = T>,
    ) -> Result<T, ProbeError> {
        timeout_at(self.end, part)
            .await
            .map_err(|_| ProbeError::Timeout {
                version: self.version,
                stage,
                after: self.after,
            })
    }

    /// The same for a part that can fail.
    pub(crate) async fn try_on<T, E>(
        self,
        stage: Stage,
        part: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ProbeError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.on(stage, part)
            .await?
            .map_err(|error| ProbeError::failed(self.version, stage, error))
    }
}

/// The background tasks of one connection, those of hyper's own making too. It is the only owner of the set, and a set
/// that is dropped aborts its tasks: they end with the connection.
#[derive(Debug, Default)]
pub(crate) struct Crew(Arc<Mutex<JoinSet<()>>>);

/// Spawns into a crew, and does nothing once that is gone. It holds the crew weakly, because hyper's tasks hold their
/// executor.
#[derive(Clone, Debug)]
pub(crate) struct Spawner(Weak<Mutex<JoinSet<()>>>);

impl Crew {
    pub(crate) fn spawner(&self) -> Spawner {
        Spawner(Arc::downgrade(&self.0))
    }

    /// Waits until every task has ended by itself, at most [`FAREWELL`].
    pub(crate) async fn part(self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // what is left after that is ended by the drop
        let _ = timeout(FAREWELL, async {
            while tasks.join_next().await.is_some() {}
        })
        .await;
    }
}

impl Spawner {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Some(crew) = self.0.upgrade() else { return };
        let mut tasks = crew.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
{
    fn execute(&self, task: F) {
        self.spawn(async {
            task.await;
        });
    }
}
