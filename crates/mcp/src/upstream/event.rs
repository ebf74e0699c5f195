//! What goes in and out of the machine.

use crate::capabilities::Capabilities;
use crate::jsonrpc::Id;
use crate::offers::{Kind, Offers};
use crate::version::Revision;

/// What the machine has to tell to the one who drives it.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is done and, on a shared connection, the lists are read: calls may go out.
    Ready(Hello),
    /// The server said that a list changed, and here it is. Each item is one JSON object.
    Listed {
        /// Which list.
        kind: Kind,
        /// The whole of it.
        items: Vec<Box<str>>,
    },
    /// The server has told, late, that it serves 2026-07-28 too, and with what.
    Modern(Capabilities),
    /// An answer to a call.
    Answer {
        /// What the call was made with.
        ticket: u64,
        /// The `result`, or else the `error`, as raw JSON.
        outcome: Result<Box<str>, Box<str>>,
    },
    /// A notification that belongs to a call.
    Note {
        /// What the call was made with.
        ticket: u64,
        /// Its method.
        method: String,
        /// Its `params`; of a progress notification with the caller's own token.
        params: Option<String>,
    },
    /// A notification that belongs to no call.
    Notice {
        /// Its method.
        method: String,
        /// Its `params`, as they were sent.
        params: Option<String>,
    },
    /// A request of the server to the one client of a relay.
    Asked {
        /// The server's id for it, for [`super::Upstream::respond`].
        id: Id,
        /// Its method.
        method: String,
        /// Its `params`, as they were sent.
        params: Option<String>,
    },
    /// The server cannot be used: it refused the handshake or its list. Nothing more will come of it.
    Failed(String),
    /// A line that means nothing here, and why.
    Ignored(String),
}

/// What a server said of itself in the handshake, and what it offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Hello {
    /// The revision that it chose, as it spelled it.
    pub protocol_version: String,
    /// `serverInfo` as raw JSON.
    pub server_info: Option<Box<str>>,
    /// What it offers. A relay has read no lists.
    pub offers: Offers,
}

/// Who the client of a relay is. All three as it said them in its own handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The revision that was agreed with it.
    pub revision: Revision,
    /// Its `capabilities`, one JSON object.
    pub capabilities: Box<str>,
    /// Its `clientInfo`, one JSON object.
    pub client_info: Box<str>,
}

/// One request for the server.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The caller's to choose and to keep unique; the answer comes with it.
    pub ticket: u64,
    /// Its method.
    pub method: &'a str,
    /// Its `params`, one JSON object.
    pub params: &'a str,
    /// Who may read the log messages that it causes.
    pub logs: Logs,
}

/// Log messages do not say which request they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    /// The request causes none: it is of 2026-07-28 and names no level.
    None,
    /// The caller wants them: it is of 2026-07-28 and names a level.
    Wanted,
    /// There may be some, and the caller is not to have them: it did not ask, or its session shares the server.
    Lost,
}
