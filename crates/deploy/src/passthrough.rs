//! Connections that NGINX passes on unread.

use std::net::SocketAddr;
use std::time::Duration;

use crate::words::AbsolutePath;

/// How NGINX passes the connections of clients on: TCP to the sites' upstreams, UDP to the one origin that has QUIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// How long a TCP connection may be silent in both directions.
    pub tcp_timeout: Duration,
    /// How UDP goes on.
    pub udp: UdpPass,
    /// The stream module, where it is to be loaded by what is rendered: a package's own line may do that, and NGINX refuses to
    /// load a module twice.
    pub load_module: Option<AbsolutePath>,
}

/// How the datagrams of clients reach the origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpPass {
    /// The origin's `quic_bind`.
    pub to: SocketAddr,
    /// How long a client may be silent before NGINX forgets from where its datagrams came: what the origin sends after that
    /// goes nowhere until the client speaks.
    pub timeout: Duration,
}
