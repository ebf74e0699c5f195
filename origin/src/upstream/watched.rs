//! The resources whose changes somebody wants to hear of, by one shared server.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp::dispatch::{SUBSCRIBE, UNSUBSCRIBE};
use mcp::upstream::Caller;
use tokio::sync::Notify;

use super::exchange::{Command, Order};

/// What is wanted of a server, and what its process was asked for.
#[derive(Debug, Default)]
pub(super) struct Watched {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// How many want to hear of each resource.
    wanted: HashMap<String, usize>,
    asked: HashSet<String>,
    /// Those of which one of both may differ.
    dirty: Vec<String>,
}

impl Watched {
    /// Waits until something is to be asked for. May be dropped and called again.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The requests that make what is asked for what is wanted.
    pub(super) fn requests(&self) -> Vec<Order> {
        let state = &mut *self.lock();
        let mut orders = Vec::new();
        for uri in std::mem::take(&mut state.dirty) {
            let method = match (state.wanted.contains_key(&uri), state.asked.contains(&uri)) {
                (true, false) => SUBSCRIBE,
                (false, true) => UNSUBSCRIBE,
                _ => continue,
            };
            orders.push(Order::Call(Command {
                // Its answer is looked for by nobody, whatever else has the number.
                ticket: u64::MAX,
                method: method.into(),
                params: serde_json::json!({ "uri": uri }).to_string(),
                caller: Caller::Own,
                trip: Arc::default(),
                reply: None,
            }));
            if method == SUBSCRIBE {
                state.asked.insert(uri);
            } else {
                state.asked.remove(&uri);
            }
        }
        orders
    }

    /// A new process has been asked for nothing yet.
    pub(super) fn renew(&self) {
        let state = &mut *self.lock();
        state.asked.clear();
        state.dirty = state.wanted.keys().cloned().collect();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who wants to hear of a resource. Dropped, it does not any more; the last one takes the server's subscription back.
#[derive(Debug)]
pub struct Watch {
    watched: Vec<Arc<Watched>>,
    uri: String,
}

impl Watch {
    /// Watches in each process of a server.
    pub(super) fn new(watched: Vec<Arc<Watched>>, uri: String) -> Self {
        for one in &watched {
            let mut state = one.lock();
            *state.wanted.entry(uri.clone()).or_default() += 1;
            state.dirty.push(uri.clone());
            drop(state);
            one.changed.notify_one();
        }
        Self { watched, uri }
    }

    /// The resource.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for one in &self.watched {
            let mut state = one.lock();
            let Some(count) = state.wanted.get_mut(&self.uri) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                state.wanted.remove(&self.uri);
                state.dirty.push(self.uri.clone());
                drop(state);
                one.changed.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(watched: &Watched) -> Vec<String> {
        let requests = watched.requests().into_iter();
        requests
            .filter_map(|order| match order {
                Order::Call(command) => Some(command.method.into_owned()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_resource_is_asked_for_once_and_given_up_with_the_last() {
        let watched = Arc::new(Watched::default());
        let watch = || Watch::new(vec![Arc::clone(&watched)], "u".to_owned());
        let (one, other) = (watch(), watch());
        assert_eq!(methods(&watched), [SUBSCRIBE]);
        drop(one);
        assert!(methods(&watched).is_empty());
        drop(other);
        assert_eq!(methods(&watched), [UNSUBSCRIBE]);
        drop(watch());
        assert!(methods(&watched).is_empty());
    }

    #[test]
    fn a_new_process_is_asked_for_all_that_is_wanted() {
        let watched = Arc::new(Watched::default());
        let watches: Vec<_> = ["a", "b"]
            .map(|uri| Watch::new(vec![Arc::clone(&watched)], uri.to_owned()))
            .into();
        assert_eq!(methods(&watched).len(), 2);
        watched.renew();
        assert_eq!(methods(&watched).len(), 2);
        drop(watches);
        watched.renew();
        assert!(methods(&watched).is_empty());
    }
}
