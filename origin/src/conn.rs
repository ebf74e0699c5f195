//! What is known of a connection before its first request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;

/// The connection that a request came on; an extension of every request.
#[derive(Debug, Clone)]
pub struct ConnInfo {
    /// Which listener accepted it, as the operator named it: `127.0.0.1:8000`, `unix:/run/x/origin.sock`.
    pub listener: Arc<str>,
    /// Which routes the listener serves.
    pub role: Role,
    /// The other end of the socket: the client itself, or the proxy before it.
    pub peer: Peer,
    /// Whether the origin itself took TLS off; false for cleartext TCP and Unix sockets.
    pub secure: bool,
    /// What `Alt-Svc` says to clients of TCP: where else they find this origin (RFC 7838).
    pub alternative: Option<HeaderValue>,
}

/// Which routes a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// MCP and what belongs to it (`bind`).
    Public,
    /// Health, capabilities and streams for the operator (`admin_bind`).
    Admin,
}

/// The other end of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address, over TCP or UDP.
    Ip(SocketAddr),
    /// A process that could open the Unix socket.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix:"),
        }
    }
}
