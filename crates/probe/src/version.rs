//! The three versions of HTTP that can be asked for.

use std::fmt;

/// A version of HTTP to speak. A server never moves a probe to another one: what was asked for is spoken, or it is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.1 (RFC 9112), over TLS, plain TCP or a Unix socket.
    Http1,
    /// HTTP/2 (RFC 9113): by ALPN over TLS, with prior knowledge over plain TCP or a Unix socket.
    Http2,
    /// HTTP/3 (RFC 9114), over QUIC; `https` only.
    Http3,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::Http1, Self::Http2, Self::Http3];

    /// The ALPN identifier: `http/1.1` (RFC 7301), `h2` (RFC 9113), `h3` (RFC 9114).
    pub const fn alpn(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
            Self::Http3 => "h3",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        })
    }
}
