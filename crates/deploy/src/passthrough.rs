//! Connections that NGINX passes on unread.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::tcp_sites::TcpRouting;
use crate::words::AbsolutePath;

/// How NGINX passes the connections of clients on: TCP to the sites' upstreams, UDP to the one origin that has QUIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passthrough {
    /// How long a TCP connection may be silent in both directions.
    pub tcp_timeout: Duration,
    /// How UDP goes on; none where it is not NGINX's: the origin has the public UDP addresses itself.
    pub udp: Option<UdpPass>,
    /// The stream module, where it is to be loaded by what is rendered: a package's own line may do that, and NGINX refuses to
    /// load a module twice.
    pub load_module: Option<AbsolutePath>,
    /// Where TCP goes by the name that a client asks for; none where all of it is the origin's, and no name is read.
    pub routing: Option<TcpRouting>,
}

/// Who receives the datagrams of clients (`edge.udp`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Udp {
    /// `stream`: NGINX's stream module, which passes them on.
    #[default]
    Stream,
    /// `kernel`: the origin, from the kernel.
    Kernel,
}

impl FromStr for Udp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stream" => Ok(Self::Stream),
            "kernel" => Ok(Self::Kernel),
            _ => Err("is not `stream` or `kernel`"),
        }
    }
}

/// How NGINX passes the datagrams of clients on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpPass {
    /// The origin's `quic_bind`.
    pub to: SocketAddr,
    /// How long a client may be silent before NGINX forgets from where its datagrams came: what the origin sends after that
    /// goes nowhere until the client speaks.
    pub timeout: Duration,
}
