//! The processes of one server that all clients share: which of them gets a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::exchange::Line;
use super::watched::Watched;

/// The processes; never none.
#[derive(Debug)]
pub(super) struct Pool(Vec<Member>);

/// One process, through all its lives.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) line: Arc<Line>,
    /// The resources whose changes it is to tell of.
    pub(super) watched: Arc<Watched>,
}

impl Pool {
    pub(super) fn new(members: Vec<Member>) -> Self {
        Self(members)
    }

    /// The way to the process that has least to do among those that are ready; among all when none is.
    pub(super) fn line(&self) -> Option<&Arc<Line>> {
        let lines = self.0.iter().map(|member| &member.line);
        lines.min_by_key(|line| (!line.load.is_up(), line.load.busy()))
    }

    /// Requests that none of them has read yet.
    pub(super) fn queued(&self) -> usize {
        self.0.iter().map(|member| member.line.queued()).sum()
    }

    /// A resource is watched in each of them: what one changes the others may not see.
    pub(super) fn watched(&self) -> Vec<Arc<Watched>> {
        let members = self.0.iter();
        members.map(|member| Arc::clone(&member.watched)).collect()
    }
}

/// What one process has to do.
#[derive(Debug, Default)]
pub(super) struct Load {
    up: AtomicBool,
    busy: AtomicUsize,
}

impl Load {
    /// It takes calls from now on, or does not.
    pub(super) fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::Relaxed);
    }

    fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// The calls that it was given and that are not over.
    pub(super) fn busy(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;
    use crate::upstream::account::Account;

    fn pool(members: usize) -> Pool {
        let member = |_| {
            let account = Account::new(Arc::new(AtomicU64::new(0)), false);
            let (line, _) = Line::new("s".into(), Duration::ZERO, Arc::new(account));
            Member {
                line: Arc::new(line),
                watched: Arc::default(),
            }
        };
        Pool::new((0..members).map(member).collect())
    }

    fn chosen(pool: &Pool) -> usize {
        let line = pool.line().expect("a member");
        let mut lines = pool.0.iter().map(|member| &member.line);
        lines
            .position(|other| Arc::ptr_eq(line, other))
            .expect("one of them")
    }

    #[test]
    fn the_least_busy_of_those_that_are_ready_is_chosen() {
        let pool = pool(3);
        let load = |place: usize| &pool.0[place].line.load;
        assert_eq!(chosen(&pool), 0);
        load(2).set_up(true);
        load(2).begin();
        assert_eq!(chosen(&pool), 2);
        load(1).set_up(true);
        assert_eq!(chosen(&pool), 1);
        load(1).begin();
        load(1).begin();
        assert_eq!(chosen(&pool), 2);
        load(2).set_up(false);
        assert_eq!(chosen(&pool), 1);
    }
}
