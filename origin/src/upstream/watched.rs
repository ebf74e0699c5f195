//! The resources whose changes somebody wants to hear of, by one shared server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp::upstream::Logs;

use super::exchange::{Command, Line};

/// How many want to hear of each resource of a server.
#[derive(Debug)]
pub(super) struct Watched {
    uris: Mutex<HashMap<String, usize>>,
}

impl Watched {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            uris: Mutex::default(),
        })
    }

    /// The requests that a new process of the server must get.
    pub(super) fn renewed(&self) -> Vec<Command> {
        let uris = self.lock();
        uris.keys()
            .map(|uri| Command {
                // Its answer is looked for by nobody, whatever else has the number.
                ticket: u64::MAX,
                method: mcp::dispatch::SUBSCRIBE.into(),
                params: params(uri),
                logs: Logs::Lost,
                reply: None,
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.uris.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who wants to hear of a resource. Dropped, it does not any more; the last one takes the server's subscription back.
#[derive(Debug)]
pub struct Watch {
    line: Arc<Line>,
    watched: Arc<Watched>,
    uri: String,
}

impl Watch {
    pub(super) fn new(line: Arc<Line>, watched: Arc<Watched>, uri: String) -> Self {
        *watched.lock().entry(uri.clone()).or_default() += 1;
        // Also for the second: a server takes it again, and one that lost the first has it then.
        line.send(mcp::dispatch::SUBSCRIBE, params(&uri));
        Self { line, watched, uri }
    }

    /// The resource.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut uris = self.watched.lock();
        let Some(count) = uris.get_mut(&self.uri) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            uris.remove(&self.uri);
            self.line
                .send(mcp::dispatch::UNSUBSCRIBE, params(&self.uri));
        }
    }
}

fn params(uri: &str) -> String {
    serde_json::json!({ "uri": uri }).to_string()
}
