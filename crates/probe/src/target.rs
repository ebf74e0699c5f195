//! Who is asked, by which way, and whom the probe believes.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use http::{HeaderValue, Uri};
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;

use crate::ProbeError;
use crate::dial::read_roots;

/// A server: its name, the way there, whose certificates count, and how long to wait.
#[derive(Clone, Debug)]
pub struct Target {
    /// `https`, or `http` for HTTP/1.1 and HTTP/2 without TLS.
    pub scheme: Scheme,
    /// The name in SNI and in the authority; an IPv6 address without its brackets.
    pub host: String,
    /// The port in the authority, and the one connected to unless `connect` names another.
    pub port: u16,
    /// The way to the server.
    pub connect: Connect,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Sent as `Authorization` with every request that has none of its own.
    pub credentials: Option<HeaderValue>,
    /// The longest wait for a response head, or for a whole `fetch`, counted from its start; also the longest silence
    /// within a body. [`Target::TIMEOUT`] unless set.
    pub timeout: Duration,
    /// The longest wait for resolution, connection and handshakes together; [`Target::CONNECT_TIMEOUT`] unless set.
    /// QUIC needs it: where nothing listens on a UDP port, the usual answer is silence.
    pub connect_timeout: Duration,
    /// How often a silent HTTP/3 connection sends a PING (RFC 9000, section 19.2). `None`, the default: never, so that what the
    /// server does alone is seen.
    pub keep_alive: Option<Duration>,
}

/// The scheme of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Over TLS or QUIC.
    Https,
    /// In clear: HTTP/1.1, or HTTP/2 with prior knowledge (RFC 9113, section 3.3).
    Http,
}

/// The way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connect {
    /// Resolve the host; its addresses race, each one 250 ms behind the one before (RFC 8305, section 5).
    Resolve,
    /// This address, whatever the host resolves to.
    Address(SocketAddr),
    /// This Unix stream socket; not for HTTP/3.
    Unix(PathBuf),
}

/// Whose certificates are believed.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The roots of this machine (`SSL_CERT_FILE` and `SSL_CERT_DIR` are obeyed).
    System,
    /// These roots and no others.
    Roots(Vec<CertificateDer<'static>>),
    /// Anyone. The handshake's signature is still checked, the chain is not.
    Any,
    /// Roots that were read before: [`Trust::read_once`] makes it.
    Read(ReadRoots),
}

/// Roots that have been read, shared by all targets that hold them.
#[derive(Clone, Debug)]
pub struct ReadRoots(pub(crate) Arc<WebPkiServerVerifier>);

impl Trust {
    /// The same trust with its roots read now. Each connection reads them anew otherwise, and those of a system are some
    /// 150 certificates: a price that is not the handshake's. What cannot be read stays, and each connection says why.
    pub async fn read_once(self) -> Self {
        match read_roots(&self).await {
            Ok(Some(verifier)) => Self::Read(ReadRoots(verifier)),
            _ => self,
        }
    }
}

impl Target {
    /// The default `timeout`, 10 s: longer than the slowest answer that a health check of this project may give.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// The default `connect_timeout`, 3 s: a lost SYN or Initial is sent again after 1 s (RFC 6298, section 2.1; RFC 9002,
    /// section 6.2.2) and has time to be lost a second time.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    /// A target with the defaults: resolved, trusting the system, the two default waits.
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self {
            scheme,
            host: host.into(),
            port,
            connect: Connect::Resolve,
            trust: Trust::System,
            credentials: None,
            timeout: Self::TIMEOUT,
            connect_timeout: Self::CONNECT_TIMEOUT,
            keep_alive: None,
        }
    }

    /// Reads `https://host[:port][/path][?query]` into a target with the defaults and the path with its query (`/` when
    /// there is none).
    ///
    /// Errors: [`ProbeError::Url`] for another scheme, no host, or a user name in the URL.
    pub fn from_url(url: &str) -> Result<(Self, String), ProbeError> {
        let fault = |reason| ProbeError::Url {
            url: url.to_owned(),
            reason,
        };
        let uri: Uri = url.parse().map_err(|_| fault("not an absolute URL"))?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            Some(_) => return Err(fault("neither https nor http")),
            None => return Err(fault("no scheme")),
        };
        let authority = uri.authority().ok_or_else(|| fault("no host"))?;
        if authority.as_str().contains('@') {
            return Err(fault("a user name in a URL is not sent"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(fault("no host"));
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // `host:` and `host:99999` leave no port either
            None if authority.as_str().ends_with(authority.host()) => scheme.default_port(),
            None => return Err(fault("the port is no number from 0 to 65535")),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok((Self::new(scheme, host, port), path.to_owned()))
    }

    /// What `Host` and `:authority` say: the host, in brackets if it is an IPv6 address, and the port unless it is the
    /// scheme's own.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// The same target by another way.
    #[must_use]
    pub fn with_connect(self, connect: Connect) -> Self {
        Self { connect, ..self }
    }

    /// The same target with other trust.
    #[must_use]
    pub fn with_trust(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }

    /// The same target with a bearer token (RFC 6750, section 2.1), which is never shown.
    ///
    /// Errors: [`ProbeError::Ask`] when it cannot stand in a header.
    pub fn with_bearer(mut self, token: &str) -> Result<Self, ProbeError> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| ProbeError::Ask {
            reason: "the bearer token cannot be sent".to_owned(),
        })?;
        value.set_sensitive(true);
        self.credentials = Some(value);
        Ok(self)
    }

    /// The same target with another `timeout`; a shorter one shortens `connect_timeout` in effect.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same target with a PING on every HTTP/3 connection that was silent for `interval`.
    #[must_use]
    pub fn with_keep_alive(self, interval: Duration) -> Self {
        Self {
            keep_alive: Some(interval),
            ..self
        }
    }

    /// The longest wait until a connection stands.
    pub(crate) fn time_to_connect(&self) -> Duration {
        self.connect_timeout.min(self.timeout)
    }
}

impl Scheme {
    /// `https` or `http`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// 443 or 80 (RFC 9110, section 4.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_port_and_path() {
        let (target, path) = Target::from_url("https://mcp.example:8443/mcp/sse?count=3").unwrap();
        assert_eq!((target.host.as_str(), target.port), ("mcp.example", 8443));
        assert_eq!(path, "/mcp/sse?count=3");
        assert_eq!(target.authority(), "mcp.example:8443");
    }

    #[test]
    fn the_port_of_the_scheme_is_left_out_of_the_authority() {
        let (secure, path) = Target::from_url("https://a.example").unwrap();
        assert_eq!(
            (secure.port, secure.authority().as_str(), path.as_str()),
            (443, "a.example", "/")
        );
        let (plain, _) = Target::from_url("http://a.example:443/").unwrap();
        assert_eq!(plain.authority(), "a.example:443");
    }

    #[test]
    fn an_ipv6_host_has_brackets_only_in_the_authority() {
        let (target, _) = Target::from_url("https://[::1]:8443/").unwrap();
        assert_eq!(
            (target.host.as_str(), target.authority().as_str()),
            ("::1", "[::1]:8443")
        );
    }

    #[test]
    fn a_token_is_sent_and_never_shown() {
        let (target, _) = Target::from_url("https://a.example").unwrap();
        let target = target.with_bearer("secret").unwrap();
        assert_eq!(target.credentials.as_ref().unwrap(), "Bearer secret");
        assert!(!format!("{target:?}").contains("secret"));
        assert!(target.with_bearer("a\nb").is_err());
    }

    #[test]
    fn what_is_no_url_of_a_server_is_refused() {
        for url in [
            "",
            "/mcp",
            "example.com",
            "ftp://a/",
            "https://u:p@a/",
            "https://a:99999/",
            "https://a:/",
            "https:///x",
        ] {
            let refused = Target::from_url(url);
            assert!(
                matches!(refused, Err(ProbeError::Url { .. })),
                "{url}: {refused:?}"
            );
        }
    }
}
