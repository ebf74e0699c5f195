//! What the origin can do at this moment: the state of every server and their offers together.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use mcp::{Catalog, Naming, Offers};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::upstream::source;

/// The capability snapshot. A new one is made when a server becomes ready, dies, or changes its offers; one that was taken
/// does not change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Whether every server has become ready or has failed its first start. It stays true from then on.
    pub ready: bool,
    /// When this snapshot was built; `None` until `ready`.
    pub built_at: Option<Timestamp>,
    /// The servers in the order of the configuration.
    pub servers: Vec<ServerStatus>,
    /// The offers of all servers under their public names.
    pub catalog: Arc<Catalog>,
    /// How those names are made.
    pub naming: Naming,
}

impl Snapshot {
    /// The server of that name.
    pub fn server(&self, name: &str) -> Option<&ServerStatus> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The same moment, with only those servers for which `shows` holds. A name means the same in both.
    #[must_use]
    pub fn limited(&self, shows: impl Fn(&str) -> bool) -> Self {
        let servers = self.servers.iter();
        let servers: Vec<_> = servers
            .filter(|server| shows(&server.name))
            .cloned()
            .collect();
        let sources: Vec<_> = servers.iter().map(source).collect();
        Self {
            catalog: Arc::new(Catalog::build(self.naming, &sources)),
            servers,
            ..*self
        }
    }
}

/// One server as the outside may see it. Serialises to the shape of `/capz`:
/// `{"name","state","tools","restarts","error","processes","protocol_version","server_info"}`.
#[derive(Debug, Clone, Serialize)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// What it is doing.
    pub state: ServerState,
    /// What it offers now, alone under its own names; shown as the number of its tools.
    #[serde(rename = "tools", serialize_with = "count")]
    pub catalog: Arc<Catalog>,
    /// What that was made of.
    #[serde(skip)]
    pub offers: Offers,
    /// Whether each session has a process of it.
    #[serde(skip)]
    pub private: bool,
    /// How often it was started again after its first start.
    pub restarts: u64,
    /// Why it is not ready, with the end of its error output.
    pub error: Option<String>,
    /// The processes that all clients share, each with its own state.
    pub processes: Vec<ProcessStatus>,
    /// The revision that it chose in its handshake.
    pub protocol_version: Option<String>,
    /// What it says of itself, as it was sent.
    pub server_info: Option<Box<RawValue>>,
}

/// One process of a server. Serialises to `{"state","restarts","error"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessStatus {
    /// What it is doing.
    pub state: ServerState,
    /// How often it was started again after its first start.
    pub restarts: u64,
    /// Why it is not ready, with the end of its error output.
    pub error: Option<String>,
}

impl ProcessStatus {
    /// Before its first start has ended.
    pub(crate) const fn starting() -> Self {
        Self {
            state: ServerState::Starting,
            restarts: 0,
            error: None,
        }
    }
}

impl ServerStatus {
    /// Makes of the states of its processes the server's own: it is as well as the best of them. Its error is that of the first
    /// process that is as well as that.
    pub(crate) fn settle(&mut self) -> ServerState {
        let best = self.processes.iter().min_by_key(|process| process.state);
        if let Some(best) = best {
            self.state = best.state;
            self.error.clone_from(&best.error);
        }
        self.restarts = self.processes.iter().map(|process| process.restarts).sum();
        self.state
    }
}

/// What a server is doing, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// It answers calls.
    Ready,
    /// It was ready, died, and is started again; its tools stay listed.
    Restarting,
    /// Its first start is under way.
    Starting,
    /// It does not come up: its tools are gone. It is still tried again, at the longest back-off.
    Failed,
}

impl ServerState {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Ready, Self::Restarting, Self::Starting, Self::Failed];

    /// The word for it in `/readyz` and `/capz`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn count<S: Serializer>(catalog: &Arc<Catalog>, serializer: S) -> Result<S::Ok, S::Error> {
    catalog.entries().len().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_shape_of_capz() {
        let status = ServerStatus {
            name: "git".into(),
            state: ServerState::Failed,
            catalog: Arc::default(),
            offers: Offers::default(),
            private: false,
            restarts: 2,
            error: Some("gone".into()),
            processes: vec![ProcessStatus::starting()],
            protocol_version: None,
            server_info: Some(RawValue::from_string(r#"{"name":"x"}"#.into()).unwrap()),
        };
        let expected = r#"{"name":"git","state":"failed","tools":0,"restarts":2,"error":"gone","processes":[{"state":"starting","restarts":0,"error":null}],"protocol_version":null,"server_info":{"name":"x"}}"#;
        assert_eq!(serde_json::to_string(&status).unwrap(), expected);
    }
}
