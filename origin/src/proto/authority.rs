//! Which host a request is for, by the rules of its HTTP version.

use http::header::HOST;
use http::{Method, Request, Version};
use origin_config::Authority;

/// The host that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// This one.
    Host(Authority),
    /// None, which only HTTP/1.0 lets a client do.
    Nobody,
    /// None that could be used; the text says why.
    Malformed(&'static str),
}

/// Reads `:authority`, the absolute form of an HTTP/1.1 request target, and `Host`.
pub(super) fn named<B>(request: &Request<B>) -> Named {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Named::Malformed("there is more than one `Host`");
    }
    let uri = request.uri();
    // "The authority-form … is only used for CONNECT requests" (RFC 9112 section 3.2.3); a target without a slash reads as one.
    if uri.authority().is_some() && uri.scheme().is_none() && request.method() != Method::CONNECT {
        return Named::Malformed("the request target is no path");
    }
    let target = uri.authority().map(http::uri::Authority::as_str);
    match request.version() {
        Version::HTTP_09 | Version::HTTP_10 => host.map_or(Named::Nobody, read),
        // "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host
        // header field and to any request message that contains more than one Host header field line or a Host header
        // field with an invalid field value" (RFC 9112 section 3.2).
        Version::HTTP_11 => match (host.map(read), target) {
            (None, _) => Named::Malformed("there is no `Host`"),
            (Some(named), None) => named,
            (Some(malformed @ Named::Malformed(_)), Some(_)) => malformed,
            // "an origin server MUST ignore the received Host header field (if any) and instead use the host information
            // of the request-target" (RFC 9112 section 3.2.2)
            (Some(_), Some(target)) => read(target.as_bytes()),
        },
        _ => match (target.map(|target| read(target.as_bytes())), host.map(read)) {
            (None, None) => Named::Malformed("there is no `:authority`"),
            (Some(named), None) | (None, Some(named)) => named,
            (Some(target), Some(host)) if target == host => target,
            // "A server SHOULD treat a request as malformed if it contains a Host header field that identifies an entity
            // that differs from the entity in the ":authority" pseudo-header field" (RFC 9113 section 8.3.1).
            _ => Named::Malformed("`Host` and `:authority` differ"),
        },
    }
}

fn read(text: &[u8]) -> Named {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .map_or(
            Named::Malformed("the host is not `host` or `host:port`"),
            Named::Host,
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, target: &str, hosts: &[&str]) -> Named {
        let mut request = Request::builder().version(version).uri(target);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        named(&request.body(()).expect("a request"))
    }

    fn host(text: &str) -> Named {
        Named::Host(text.parse().expect("a host"))
    }

    fn is_malformed(named: &Named) -> bool {
        matches!(named, Named::Malformed(_))
    }

    #[test]
    fn http_1_1_needs_exactly_one_host() {
        let named = |hosts: &[&str]| request(Version::HTTP_11, "/mcp", hosts);
        assert_eq!(named(&["a.example:1"]), host("a.example:1"));
        for hosts in [&[][..], &["a", "a"], &[""], &["a b"], &["u@a"]] {
            assert!(is_malformed(&named(hosts)), "{hosts:?}");
        }
    }

    #[test]
    fn the_absolute_form_wins_over_host_and_does_not_replace_it() {
        let named = |hosts: &[&str]| request(Version::HTTP_11, "http://b.example/mcp", hosts);
        assert_eq!(named(&["a.example"]), host("b.example"));
        assert!(is_malformed(&named(&[])));
    }

    #[test]
    fn a_target_that_is_no_path_is_no_host_either() {
        assert!(is_malformed(&request(Version::HTTP_11, "mcp", &["a"])));
    }

    #[test]
    fn http_1_0_may_name_nobody() {
        assert_eq!(request(Version::HTTP_10, "/", &[]), Named::Nobody);
        assert_eq!(request(Version::HTTP_10, "/", &["a"]), host("a"));
        assert!(is_malformed(&request(Version::HTTP_10, "/", &["a", "b"])));
    }

    #[test]
    fn a_host_beside_an_authority_says_the_same() {
        let named = |target: &str, hosts: &[&str]| request(Version::HTTP_2, target, hosts);
        assert_eq!(named("https://a.example/", &[]), host("a.example"));
        assert_eq!(
            named("https://a.example/", &["A.example."]),
            host("a.example")
        );
        assert_eq!(named("/", &["a.example"]), host("a.example"));
        for (target, hosts) in [
            ("https://a.example/", &["b.example"][..]),
            ("https://a.example/", &["a.example:1"]),
            ("/", &[]),
        ] {
            assert!(is_malformed(&named(target, hosts)), "{target} {hosts:?}");
        }
    }
}
