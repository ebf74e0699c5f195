//! Other sites on the HTTPS port of an edge that passes connections on: chosen by the name that TLS clients ask for.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::words::{AbsolutePath, Name, Port, ServerName};

/// Where TCP connections go by the name in their first message (RFC 6066 section 3). The origin's own names are those of its
/// site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpRouting {
    /// `[[edge.tcp_sites]]`, in the order of the spec; never empty.
    pub sites: Vec<TcpSite>,
    /// Who takes connections that ask for no name or for one that nobody has; none: the origin.
    pub default: Option<Name>,
    /// Where NGINX listens for itself, to take the PROXY header off before a site that expects none: whether one is sent is a
    /// choice of a whole listener (`proxy_protocol` of the stream module).
    pub plain_socket: AbsolutePath,
}

impl TcpRouting {
    /// Whether a site is reached by way of [`Self::plain_socket`].
    pub fn has_plain(&self) -> bool {
        self.sites.iter().any(|site| !site.proxy_protocol)
    }
}

/// `[[edge.tcp_sites]]`: somebody else's TLS server behind the same port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpSite {
    /// `name`: NGINX's upstream has it.
    pub name: Name,
    /// `server_names`; empty at most for the default.
    pub server_names: Vec<ServerName>,
    /// `to`: where it listens.
    pub to: TcpUpstream,
    /// `proxy_protocol`: whether it reads who the client is from a PROXY header before the first byte.
    pub proxy_protocol: bool,
}

/// Where a site listens that connections are passed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpUpstream {
    /// A Unix socket.
    Unix(AbsolutePath),
    /// An address of this machine or of another one.
    Address(SocketAddr),
    /// A host, whose addresses NGINX looks up when it reads its configuration.
    Host(ServerName, Port),
}

impl FromStr for TcpUpstream {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return path.parse().map(Self::Unix).map_err(|_| FORM);
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            let reachable = !address.ip().is_unspecified() && !address.ip().is_multicast();
            return if reachable && address.port() != 0 {
                Ok(Self::Address(address))
            } else {
                Err("is no address that something can be reached at")
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
        let host: ServerName = host.parse().map_err(|_| FORM)?;
        let port = port.parse::<u16>().map_err(|_| FORM)?;
        if host.is_wildcard() {
            return Err(FORM);
        }
        let port = port.try_into().map_err(|_| FORM)?;
        Ok(Self::Host(host, port))
    }
}

impl fmt::Display for TcpUpstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl crate::words::sealed::Sealed for TcpUpstream {}
impl crate::words::Word for TcpUpstream {}

const FORM: &str = "is not `HOST:PORT`, an address with its port, or `unix:/PATH`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_an_address_and_a_socket_are_taken_and_nothing_else() {
        for text in [
            "127.0.0.1:8443",
            "[2001:db8::1]:443",
            "localhost:8443",
            "blog.internal.example:443",
            "unix:/run/blog/tls.sock",
        ] {
            assert_eq!(text.parse::<TcpUpstream>().expect(text).to_string(), text);
        }
        for text in [
            "",
            "8443",
            "127.0.0.1",
            "127.0.0.1:0",
            "0.0.0.0:8443",
            "[::]:8443",
            "224.0.0.1:443",
            "2001:db8::1:443",
            "blog.example",
            "blog.example:https",
            "*.example:443",
            "https://blog.example:443",
            "a;b:443",
            "unix:run/x",
            "unix:/run/a b",
            "/run/x",
        ] {
            assert!(text.parse::<TcpUpstream>().is_err(), "{text}");
        }
    }
}
