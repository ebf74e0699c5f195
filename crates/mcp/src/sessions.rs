//! All sessions of an origin: found by their ids, bounded in number, ended when nobody uses them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Sessions of type `T` by their ids. Time is a duration since any fixed moment; it must not go back.
#[derive(Debug)]
pub struct Sessions<T> {
    entries: HashMap<Box<str>, Entry<T>>,
    /// Ids by when they were used last: the next to go comes first.
    order: BTreeMap<(Duration, u64), Box<str>>,
    uses: u64,
    max: usize,
    idle: Duration,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    used: (Duration, u64),
}

/// Every session is in use, and there may be no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all sessions are in use")]
pub struct Full;

impl<T: Clone> Sessions<T> {
    /// No sessions yet. At most `max` at a time; one that was not used for `idle` and is not busy is ended.
    pub fn new(max: usize, idle: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
            max,
            idle,
        }
    }

    /// Enters a session. Where there is no place, the one that was idle longest and is not busy goes, and is returned.
    ///
    /// # Errors
    /// [`Full`]: all are busy.
    pub fn insert(
        &mut self,
        id: &str,
        value: T,
        now: Duration,
        busy: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Full> {
        let gone = if self.entries.len() < self.max {
            None
        } else {
            let mut idle = self.order.values();
            let idle = idle.find(|id| self.entries.get(*id).is_some_and(|e| !busy(&e.value)));
            let id = idle.cloned().ok_or(Full)?;
            self.remove(&id)
        };
        self.uses += 1;
        let used = (now, self.uses);
        self.order.insert(used, id.into());
        self.entries.insert(id.into(), Entry { value, used });
        Ok(gone)
    }

    /// Finds a session and notes that it is used.
    pub fn find(&mut self, id: &str, now: Duration) -> Option<T> {
        self.uses += 1;
        let used = (now, self.uses);
        let entry = self.entries.get_mut(id)?;
        let before = std::mem::replace(&mut entry.used, used);
        if let Some(id) = self.order.remove(&before) {
            self.order.insert(used, id);
        }
        Some(entry.value.clone())
    }

    /// Ends a session.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let entry = self.entries.remove(id)?;
        self.order.remove(&entry.used);
        Some(entry.value)
    }

    /// Ends the sessions that were idle too long. A busy one counts as used now.
    pub fn expire(&mut self, now: Duration, busy: impl Fn(&T) -> bool) -> Vec<T> {
        let old: Vec<Box<str>> = self
            .order
            .iter()
            .take_while(|((used, _), _)| *used + self.idle <= now)
            .map(|(_, id)| id.clone())
            .collect();
        let mut gone = Vec::new();
        for id in old {
            if self
                .entries
                .get(&id)
                .is_some_and(|entry| busy(&entry.value))
            {
                self.find(&id, now);
            } else {
                gone.extend(self.remove(&id));
            }
        }
        gone
    }

    /// Takes out the sessions for which `over` holds.
    pub fn take(&mut self, over: impl Fn(&T) -> bool) -> Vec<T> {
        let entries = self.entries.iter();
        let ids: Vec<Box<str>> = entries
            .filter(|(_, entry)| over(&entry.value))
            .map(|(id, _)| id.clone())
            .collect();
        ids.iter().filter_map(|id| self.remove(id)).collect()
    }

    /// All sessions, the one that was idle longest first.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        let entries = self.order.values().filter_map(|id| self.entries.get(id));
        entries.map(|entry| &entry.value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Sessions of one letter each; `a` was used last at 3, the others at their entry.
    fn three() -> Sessions<char> {
        let mut sessions = Sessions::new(3, IDLE);
        for (second, id) in ["a", "b", "c"].into_iter().enumerate() {
            let value = id.chars().next().expect("a letter");
            let inserted = sessions.insert(id, value, at(second as u64), |_| false);
            assert_eq!(inserted, Ok(None));
        }
        assert_eq!(sessions.find("a", at(3)), Some('a'));
        sessions
    }

    #[test]
    fn the_one_idle_longest_makes_place() {
        let mut sessions = three();
        assert_eq!(sessions.insert("d", 'd', at(4), |_| false), Ok(Some('b')));
        assert_eq!(sessions.find("b", at(4)), None);
        assert_eq!(sessions.len(), 3);
    }

    #[test]
    fn one_that_is_busy_stays_and_with_all_busy_there_is_no_place() {
        let mut sessions = three();
        let busy = |value: &char| *value == 'b';
        assert_eq!(sessions.insert("d", 'd', at(4), busy), Ok(Some('c')));
        assert_eq!(sessions.insert("e", 'e', at(4), |_| true), Err(Full));
        assert_eq!(sessions.len(), 3);
    }

    #[test]
    fn idle_sessions_end_when_their_time_is_over() {
        let mut sessions = three();
        assert!(sessions.expire(at(10), |_| false).is_empty());
        assert_eq!(sessions.expire(at(12), |value| *value == 'c'), ['b']);
        assert_eq!(sessions.all().collect::<String>(), "ac");
        assert_eq!(sessions.expire(at(13), |_| false), ['a']);
        assert_eq!(sessions.expire(at(22), |_| false), ['c']);
        assert!(sessions.is_empty());
    }

    #[test]
    fn sessions_are_taken_out_by_what_they_are() {
        let mut sessions = three();
        assert_eq!(sessions.take(|value| *value == 'b'), ['b']);
        assert_eq!(sessions.find("b", at(5)), None);
        assert_eq!((sessions.len(), sessions.order.len()), (2, 2));
    }

    #[test]
    fn an_ended_session_is_unknown() {
        let mut sessions = three();
        assert_eq!(sessions.remove("a"), Some('a'));
        assert_eq!(sessions.remove("a"), None);
        assert_eq!(sessions.find("a", at(5)), None);
    }

    #[test]
    fn fifty_thousand_openings_leave_no_more_than_the_limit() {
        let mut sessions = Sessions::new(100, IDLE);
        for number in 0..50_000_u32 {
            let inserted = sessions.insert(&number.to_string(), number, at(1), |_| false);
            assert!(inserted.is_ok());
        }
        assert_eq!((sessions.len(), sessions.order.len()), (100, 100));
    }
}
