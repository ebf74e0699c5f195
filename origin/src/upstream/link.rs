//! What connects the origin with one life of a server: a process's pipes, a socket, or requests to a URL.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use mcp::Era;
use mcp::jsonrpc::Id;
use mcp::upstream::Probe;
use origin_config::Server;

use super::child::Child;
use super::lines::Message;
use super::peer::Peer;
use super::remote::{Remote, Site};
use super::trip::Trip;

/// How a server is reached. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Route {
    Child {
        server: Arc<Server>,
        environment: Arc<[(OsString, OsString)]>,
    },
    Socket {
        server: Arc<Server>,
        path: Arc<Path>,
    },
    Remote(Arc<Site>),
}

impl Route {
    pub(super) fn to(server: &Server, environment: &[(OsString, OsString)]) -> Self {
        match (&server.remote, &server.socket) {
            (Some(remote), _) => {
                Self::Remote(Arc::new(Site::new(&server.name, remote, environment)))
            }
            (None, Some(path)) => Self::Socket {
                server: Arc::new(server.clone()),
                path: path.as_path().into(),
            },
            (None, None) => Self::Child {
                server: Arc::new(server.clone()),
                environment: environment.into(),
            },
        }
    }

    /// How a server of which nothing is known is asked for its era: on a pipe nothing makes it answer what it does not know.
    pub(super) const fn probe(&self) -> Probe {
        match self {
            Self::Child { .. } | Self::Socket { .. } => Probe::PIPE,
            Self::Remote(_) => Probe::of(Era::Modern),
        }
    }

    /// Starts a process, or makes ready to send requests.
    pub(super) fn open(&self) -> Result<Link, String> {
        match self {
            Self::Child {
                server,
                environment,
            } => Child::start(server, environment)
                .map(Box::new)
                .map(Link::Child),
            Self::Socket { server, path } => {
                Peer::start(server, path).map(Box::new).map(Link::Socket)
            }
            Self::Remote(site) => site.open().map(Box::new).map(Link::Remote),
        }
    }
}

/// Whether all that a server by URL needs of this machine can be read.
///
/// # Errors
/// What cannot, as a sentence for the operator.
pub(crate) fn prepare(server: &Server, environment: &[(OsString, OsString)]) -> Result<(), String> {
    match &server.remote {
        Some(remote) => Site::new(&server.name, remote, environment).prepare(),
        None => Ok(()),
    }
}

/// One life of a server.
#[derive(Debug)]
pub(super) enum Link {
    Child(Box<Child>),
    Socket(Box<Peer>),
    Remote(Box<Remote>),
}

/// What comes over a link.
#[derive(Debug)]
pub(super) enum Heard {
    /// A message of the server.
    Message(Message),
    /// A request that was sent will have no answer. `again`: it was not done either, and may be sent in the server's next life.
    Lost { id: Id, reason: String, again: bool },
}

impl Link {
    /// Takes a message for the server. It leaves while [`Link::step`] is waited for.
    pub(super) fn send(&mut self, message: &str, trip: Option<&Arc<Trip>>) {
        match self {
            Self::Child(child) => child.send(message),
            Self::Socket(peer) => peer.send(message),
            Self::Remote(remote) => remote.send(message, trip),
        }
    }

    /// Whether it is of use for new requests.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Child(_) | Self::Socket(_) => true,
            Self::Remote(remote) => remote.is_open(),
        }
    }

    /// The bytes that the server has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        match self {
            Self::Child(child) => child.backlog(),
            Self::Socket(peer) => peer.backlog(),
            Self::Remote(remote) => remote.backlog(),
        }
    }

    /// Moves messages either way: something of the server, `None` when others moved, or why there will be no more of either. May be
    /// dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Heard>, String> {
        match self {
            Self::Child(child) => Ok(child.step().await?.map(Heard::Message)),
            Self::Socket(peer) => Ok(peer.step().await?.map(Heard::Message)),
            Self::Remote(remote) => remote.step().await,
        }
    }

    /// Why a process ended, if it has: that says more than what was seen of it.
    pub(super) async fn status(&mut self) -> Option<String> {
        match self {
            Self::Child(child) => child.status().await,
            Self::Socket(_) | Self::Remote(_) => None,
        }
    }

    /// The next message that an ended process has left in its pipe. May be dropped at any time.
    pub(super) async fn last_word(&mut self) -> Option<Message> {
        match self {
            Self::Child(child) => child.last_word().await,
            Self::Socket(peer) => peer.last_word().await,
            Self::Remote(_) => None,
        }
    }

    /// Ends the link in good order. Returns when nothing of it is left.
    pub(super) async fn end(self, server: &str) {
        match self {
            Self::Child(child) => child.end(server).await,
            Self::Socket(peer) => peer.end(server).await,
            Self::Remote(remote) => remote.end().await,
        }
    }

    /// Ends a link that broke off. What an operator may know of its end comes back; empty when there is nothing.
    pub(super) async fn kill(self) -> String {
        match self {
            Self::Child(child) => child.kill().await,
            // Its process ends with the connection, and writes its errors elsewhere.
            Self::Socket(_) => String::new(),
            Self::Remote(remote) => {
                remote.end().await;
                String::new()
            }
        }
    }
}
