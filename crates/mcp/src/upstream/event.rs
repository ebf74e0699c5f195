//! What goes in and out of the machine.

use std::sync::Arc;

use crate::jsonrpc::Id;
use crate::level::Level;
use crate::offers::{Kind, List, Offers};
use crate::version::{Era, Revision};

/// What the machine has to tell to the one who drives it.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The era is found and, on a shared connection, the lists are read: calls may go out.
    Ready(Hello),
    /// A list was read again, and here it is.
    Listed {
        /// Which list.
        kind: Kind,
        /// The whole of it.
        list: List,
    },
    /// A server of 2026-07-28 tells no changes any more: [`super::Upstream::listen`] asks it anew, after a pause.
    Silent,
    /// An answer to a call.
    Answer {
        /// What the call was made with.
        ticket: u64,
        /// The `result`, or else the `error`, as raw JSON, in the era of the caller. For a caller with a session too a server
        /// of 2026-07-28 may answer `input_required`.
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
    /// The server cannot be used: it refused both eras, or its list of tools. Nothing more will come of it.
    Failed(String),
    /// A line that means nothing here, and why.
    Ignored(String),
}

/// What a server said of itself when it was met, and what it offers.
#[derive(Debug, PartialEq, Eq)]
pub struct Hello {
    /// The revision that is spoken with it, as it spelled it.
    pub protocol_version: String,
    /// `serverInfo` as raw JSON.
    pub server_info: Option<Box<str>>,
    /// What it offers. A relay has read no lists.
    pub offers: Offers,
}

/// Which era a server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The era that is asked for first. A server that refuses it is asked for the other on the same connection.
    pub first: Era,
    /// Whether both questions go out at once. Nothing makes a server on a pipe answer a question that it does not know, and
    /// the answer to the other tells as much. Where every request has an answer or fails, one comes after the other.
    pub at_once: bool,
}

impl Probe {
    /// For a server on a pipe of which nothing is known.
    pub const PIPE: Self = Self {
        first: Era::Modern,
        at_once: true,
    };

    /// For a server whose era is likely: found before, or wanted.
    pub const fn of(first: Era) -> Self {
        Self {
            first,
            at_once: false,
        }
    }
}

/// What a server is told, where its handshake has to say it, of what the clients behind a shared connection can answer. One of
/// 2026-07-28 hears it of each client with that client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing: every question would be refused, for nobody knows which client is meant.
    Nothing,
    /// All that a client can answer, so that the server lists also the tools that ask. Whoever calls one has a connection of
    /// its own.
    Everything,
}

/// Who a client is. All three as it said them in its own handshake.
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
    /// Who makes it.
    pub caller: &'a Caller,
}

/// Who makes a request. The level is that from which on the caller wants log messages; without one it wants none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The one for whom the connection was opened; answers come as the server sent them.
    Own,
    /// A client of 2026-07-28: `_meta` of the request says who it is.
    Modern(Option<Level>),
    /// A client with a session.
    Session(Arc<Greeting>, Option<Level>),
}

impl Caller {
    /// From which level on it wants log messages.
    pub(super) fn level(&self) -> Option<Level> {
        match self {
            Self::Own => None,
            Self::Modern(level) | Self::Session(_, level) => *level,
        }
    }
}
