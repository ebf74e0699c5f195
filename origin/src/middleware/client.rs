//! Who is asking: the peer itself, or the client that a trusted peer speaks for.

mod forwarded;

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Request};
use origin_config::OriginConfig;

use crate::conn::{ConnInfo, Peer};
use crate::proto;
use forwarded::Hop;

/// The client as far as it can be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its address. `None` behind a Unix socket when nobody trusted named it.
    pub address: Option<IpAddr>,
    /// `http` or `https`, as the client spoke it.
    pub scheme: &'static str,
    /// The host and port that the client asked for; `None` when it named none.
    pub host: Option<String>,
    /// The HTTP version that the client spoke: `1.0`, `1.1`, `2` or `3`.
    pub http_version: &'static str,
}

/// Resolves the client of a request.
///
/// `Forwarded` (RFC 7239) or `X-Forwarded-For`, `-Proto` and `-Host` are believed when the peer is one of
/// `trusted_peers`, and then exactly `trusted_hops` from the right: each trusted proxy has appended one entry, whatever
/// stands left of those was written by the client. With fewer entries than hops the request did not come the promised
/// way, and nothing is believed.
///
/// `Via` (RFC 9110 section 7.6.3) says the HTTP version that each proxy was spoken to in, and is counted the same way.
///
/// When both families are there and name different clients, neither is believed: one of them passed through a proxy
/// that writes only the other, so the client may have written it.
pub fn resolve<B>(config: &OriginConfig, conn: &ConnInfo, request: &Request<B>) -> ClientInfo {
    let own = direct(conn, request);
    if !conn.peer.is_one_of(&config.trusted_peers) || config.trusted_hops == 0 {
        return own;
    }
    let hops = config.trusted_hops as usize;
    let via = forwarded::via(request.headers(), hops);
    let own = ClientInfo {
        http_version: via.unwrap_or(own.http_version),
        ..own
    };
    let standard = forwarded::standard(request.headers(), hops);
    let legacy = forwarded::legacy(request.headers(), hops);
    match (standard, legacy) {
        (Some(hop), None) | (None, Some(hop)) => own.behind(hop),
        (Some(standard), Some(legacy)) if standard.address == legacy.address => own.behind(legacy),
        _ => own,
    }
}

impl ClientInfo {
    fn behind(self, hop: Hop) -> Self {
        Self {
            address: hop.address,
            scheme: hop.scheme.unwrap_or(self.scheme),
            host: hop.host.or(self.host),
            http_version: self.http_version,
        }
    }
}

/// What the connection and the request say without anybody's help.
fn direct<B>(conn: &ConnInfo, request: &Request<B>) -> ClientInfo {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let host = authority.or_else(|| text(request.headers(), &HOST));
    ClientInfo {
        address: match conn.peer {
            Peer::Ip(address) => Some(address.ip().to_canonical()),
            Peer::Unix => None,
        },
        scheme: if conn.secure { "https" } else { "http" },
        host: host.map(ToOwned::to_owned),
        http_version: proto::word(request.version()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::conn::Role;

    /// Resolves `headers` that came from `peer`, with these trusted peers and hops.
    fn client(peer: &str, trusted: &[&str], hops: u32, headers: &[(&str, &str)]) -> ClientInfo {
        let (config, _) = origin_config::load(findings::Document::empty());
        let mut config = config.expect("the defaults are valid");
        config.trusted_hops = hops;
        config.trusted_peers = trusted
            .iter()
            .map(|text| text.parse().expect("a peer"))
            .collect();
        let conn = ConnInfo {
            listener: Arc::from("test"),
            role: Role::Public,
            peer: peer.parse().map_or(Peer::Unix, Peer::Ip),
            secure: false,
            alternative: None,
        };
        let mut request = Request::get("/").header(HOST, "origin.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        resolve(&config, &conn, &request.body(()).expect("a request"))
    }

    fn address(client: &ClientInfo) -> String {
        client
            .address
            .map_or_else(|| "none".to_owned(), |address| address.to_string())
    }

    const EDGE: &str = "10.0.0.1:999";

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let headers = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.test"),
            ("forwarded", "for=1.2.3.4;proto=https;host=evil.test"),
        ];
        for trusted in [&[][..], &["unix:"], &["192.168.0.0/16"]] {
            let client = client(EDGE, trusted, 1, &headers);
            assert_eq!(address(&client), "10.0.0.1");
            assert_eq!(client.scheme, "http");
            assert_eq!(client.host.as_deref(), Some("origin.test"));
        }
    }

    #[test]
    fn a_trusted_peer_speaks_for_its_client() {
        let headers = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "mcp.example.com:8443"),
        ];
        for (peer, trusted) in [(EDGE, "10.0.0.0/8"), ("unix", "unix:")] {
            let client = client(peer, &[trusted], 1, &headers);
            assert_eq!(address(&client), "1.2.3.4");
            assert_eq!(client.scheme, "https");
            assert_eq!(client.host.as_deref(), Some("mcp.example.com:8443"));
        }
    }

    #[test]
    fn exactly_the_trusted_hops_are_counted_from_the_right() {
        let chain = [
            ("x-forwarded-for", "6.6.6.6, 1.2.3.4"),
            ("x-forwarded-for", "10.1.1.1"),
        ];
        for (hops, expected) in [
            (0, "10.0.0.1"),
            (1, "10.1.1.1"),
            (2, "1.2.3.4"),
            (3, "6.6.6.6"),
        ] {
            let client = client(EDGE, &["10.0.0.1"], hops, &chain);
            assert_eq!(address(&client), expected, "{hops} hops");
        }
    }

    #[test]
    fn fewer_entries_than_hops_are_not_believed() {
        let client = client(EDGE, &["10.0.0.1"], 2, &[("x-forwarded-for", "1.2.3.4")]);
        assert_eq!(address(&client), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes() {
        let value = r#"for=6.6.6.6, For="[2001:db8::7]:4711";Proto=HTTPS;host="a.test:8443""#;
        let client = client("unix", &["unix:"], 1, &[("forwarded", value)]);
        assert_eq!(address(&client), "2001:db8::7");
        assert_eq!(client.scheme, "https");
        assert_eq!(client.host.as_deref(), Some("a.test:8443"));
    }

    #[test]
    fn a_trusted_peer_says_which_http_its_client_spoke() {
        let version = |peer, value| client(peer, &["unix:"], 1, &[("via", value)]).http_version;
        assert_eq!(version("unix", "HTTP/3.0 nginx"), "3");
        assert_eq!(version("unix", "1.0 fred, 2 nginx"), "2");
        assert_eq!(version("unix", "HTTP/1.0 nginx (Debian)"), "1.0");
        for (peer, value) in [(EDGE, "3 nginx"), ("unix", "FTP/3.0 nginx"), ("unix", "x")] {
            assert_eq!(version(peer, value), "1.1", "{peer}: {value}");
        }
    }

    #[test]
    fn two_families_that_disagree_are_not_believed() {
        let headers = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=6.6.6.6")];
        assert_eq!(address(&client("unix", &["unix:"], 1, &headers)), "none");
        let headers = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(address(&client("unix", &["unix:"], 1, &headers)), "1.2.3.4");
    }

    #[test]
    fn what_is_no_address_is_not_believed() {
        for (name, value) in [
            ("x-forwarded-for", "localhost"),
            ("x-forwarded-for", "1.2.3.4.5"),
            ("forwarded", "for=1.2.3.4;for=5.6.7.8"),
            ("forwarded", "for=\"1.2.3.4"),
            ("forwarded", "for"),
        ] {
            let client = client(EDGE, &["10.0.0.1"], 1, &[(name, value)]);
            assert_eq!(address(&client), "10.0.0.1", "{name}: {value}");
        }
    }
}
