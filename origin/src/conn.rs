//! What is known of a connection before its first request.

mod proxied;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use origin_config::TrustedPeer;

pub use proxied::{Refused, named};

/// The connection that a request came on.
#[derive(Debug, Clone)]
pub struct ConnInfo {
    /// Which listener accepted it, as the operator named it: `127.0.0.1:8000`, `unix:/run/x/origin.sock`.
    pub listener: Arc<str>,
    /// Which routes the listener serves.
    pub role: Role,
    /// The other end of the socket: the client itself, or the proxy before it. Where that proxy named its client
    /// (`proxy_protocol`), the client.
    pub peer: Peer,
    /// Whether the origin itself took TLS off; false for cleartext TCP and Unix sockets.
    pub secure: bool,
    /// What `Alt-Svc` says to clients of TCP: where else they find this origin (RFC 7838).
    pub alternative: Option<Arc<HeaderValue>>,
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

impl Peer {
    /// Whether it is one of `trusted`.
    pub fn is_one_of(self, trusted: &[TrustedPeer]) -> bool {
        trusted.iter().any(|trusted| match (trusted, self) {
            (TrustedPeer::Unix, Self::Unix) => true,
            // An IPv4 peer on a dual-stack socket is still that IPv4 peer.
            (TrustedPeer::Network(network), Self::Ip(address)) => {
                network.contains(&address.ip().to_canonical())
            }
            _ => false,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix:"),
        }
    }
}
