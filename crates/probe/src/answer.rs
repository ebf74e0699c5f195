//! What was seen.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustls::pki_types::CertificateDer;

/// A response head.
#[derive(Clone, Debug)]
pub struct Head {
    /// The version in the response: HTTP/1.0 from an old server, else the one that was asked for.
    pub version: http::Version,
    /// The status.
    pub status: StatusCode,
    /// The header fields, in the order of their arrival by name.
    pub headers: HeaderMap,
}

impl Head {
    /// The first value of a header field, if there is one and it is visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its head.
    pub head: Head,
    /// Its whole body.
    pub body: Bytes,
    /// Its trailers, where it had any.
    pub trailers: Option<HeaderMap>,
    /// How long it took.
    pub timing: Timing,
    /// The TLS session it came through; nothing for `http`.
    pub tls: Option<Tls>,
}

/// How long the parts took. On a connection that was there before, `connect` and `handshake` are those of its making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Resolution, and for TCP and Unix sockets the connection.
    pub connect: Duration,
    /// TLS and the HTTP preface, or the QUIC handshake with HTTP/3's settings.
    pub handshake: Duration,
    /// From the start of the request to its response head.
    pub first_byte: Duration,
    /// From the start of the first of these that this request waited for to the end of the body.
    pub total: Duration,
}

/// A TLS session.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `TLSv1.2` or `TLSv1.3`, as NGINX's `$ssl_protocol` writes them.
    pub protocol: String,
    /// The cipher suite by its IANA name; nothing over QUIC, where quinn does not tell.
    pub cipher: Option<String>,
    /// The key exchange group as rustls names it (`X25519`); nothing over QUIC, where quinn does not tell.
    pub group: Option<String>,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<String>,
    /// The certificates that the server sent, its own first.
    pub chain: Vec<CertificateDer<'static>>,
}
