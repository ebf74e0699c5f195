//! Whom the origin answers: the hosts that it has, and the web pages that may use it.

use std::fmt;
use std::str::FromStr;

use crate::authority::Authority;

/// One entry of `allowed_hosts`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllowedHost {
    /// `*`: every host, which switches the check off.
    Any,
    /// `mcp.example.com` at any port, or `mcp.example.com:8443` at this one.
    Exact(Authority),
    /// `*.example.com`: every name one level or more below this one, as in NGINX's `server_name`.
    Below(Authority),
}

impl AllowedHost {
    /// Whether a request for `asked` is admitted by this entry.
    pub fn admits(&self, asked: &Authority) -> bool {
        let fits = |entry: &Authority| entry.port().is_none_or(|port| asked.port() == Some(port));
        match self {
            Self::Any => true,
            Self::Exact(entry) => asked.has_host_of(entry) && fits(entry),
            Self::Below(entry) => asked.is_below(entry) && fits(entry),
        }
    }
}

impl FromStr for AllowedHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (wildcard, host) = split_wildcard(text);
        match (wildcard, host) {
            (true, "") => Ok(Self::Any),
            (true, parent) => Ok(Self::Below(parse_name(parent)?)),
            (false, host) => Ok(Self::Exact(host.parse()?)),
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(host) => host.fmt(f),
            Self::Below(host) => write!(f, "*.{host}"),
        }
    }
}

/// Where a web page comes from (RFC 6454 section 6.2): the value of an `Origin` header that is not `null`.
///
/// A port that is the scheme's own is left out, as browsers do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebOrigin {
    scheme: String,
    authority: Authority,
}

impl WebOrigin {
    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host and the port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// True for a page that this machine serves itself, over `http` or `https` at any port.
    pub fn is_loopback(&self) -> bool {
        matches!(self.scheme.as_str(), "http" | "https") && self.authority.is_loopback()
    }
}

impl FromStr for WebOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, authority) = text.split_once("://").ok_or(NO_ORIGIN)?;
        let scheme = scheme.to_ascii_lowercase();
        // RFC 3986 section 3.1
        let plain = scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !plain || !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(NO_ORIGIN.to_owned());
        }
        let mut authority: Authority = authority.parse().map_err(|_| NO_ORIGIN)?;
        if matches!(
            (scheme.as_str(), authority.port()),
            ("http", Some(80)) | ("https", Some(443))
        ) {
            authority = authority.without_port();
        }
        Ok(Self { scheme, authority })
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// One entry of `allowed_origins`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllowedOrigin {
    /// `*`: every web page.
    Any,
    /// `https://app.example.com` or `https://app.example.com:8443`: this one.
    Exact(WebOrigin),
    /// `https://*.example.com`: every name one level or more below this one, with this scheme and port.
    Below(WebOrigin),
}

impl AllowedOrigin {
    /// Whether a page from `asking` is admitted by this entry.
    pub fn admits(&self, asking: &WebOrigin) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(entry) => asking == entry,
            Self::Below(entry) => {
                asking.scheme == entry.scheme
                    && asking.authority.port() == entry.authority.port()
                    && asking.authority.is_below(&entry.authority)
            }
        }
    }
}

impl FromStr for AllowedOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == "null" {
            return Err(
                "is every page without an address (a file, a sandboxed frame), which anybody can make"
                    .to_owned(),
            );
        }
        let (scheme, host) = text.split_once("://").ok_or(NO_ORIGIN)?;
        let (wildcard, host) = split_wildcard(host);
        let origin = format!("{scheme}://{host}").parse()?;
        if !wildcard {
            return Ok(Self::Exact(origin));
        }
        parse_name(host).map_err(|_| NO_ORIGIN)?;
        Ok(Self::Below(origin))
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(origin) => origin.fmt(f),
            Self::Below(origin) => write!(f, "{}://*.{}", origin.scheme, origin.authority),
        }
    }
}

/// Whether the text has a wildcard before it, and what stands behind: nothing for `*` alone.
fn split_wildcard(text: &str) -> (bool, &str) {
    match text.strip_prefix("*.") {
        Some(parent) if !parent.is_empty() => (true, parent),
        _ if text == "*" => (true, ""),
        _ => (false, text),
    }
}

/// What may stand behind a wildcard: a name, since nothing is below an address.
fn parse_name(text: &str) -> Result<Authority, String> {
    let name: Authority = text.parse()?;
    match name.address() {
        None => Ok(name),
        Some(_) => Err("has a wildcard before an IP address".to_owned()),
    }
}

const NO_ORIGIN: &str =
    "is not an origin as `https://app.example.com` or `http://10.0.0.1:8080`, without a path";

#[cfg(test)]
mod tests {
    use super::*;

    fn host(entry: &str, asked: &str) -> bool {
        let entry: AllowedHost = entry.parse().expect("an entry");
        entry.admits(&asked.parse().expect("a host"))
    }

    fn origin(entry: &str, asking: &str) -> bool {
        let entry: AllowedOrigin = entry.parse().expect("an entry");
        entry.admits(&asking.parse().expect("an origin"))
    }

    #[test]
    fn a_host_without_a_port_is_allowed_at_any_and_one_with_a_port_at_that_one() {
        assert!(host("a.example", "a.example") && host("a.example", "A.example.:8443"));
        assert!(host("a.example:1", "a.example:1"));
        assert!(!host("a.example:1", "a.example") && !host("a.example:1", "a.example:2"));
        assert!(!host("a.example", "b.a.example") && !host("a.example", "example"));
        assert!(host("*", "anything.test:1"));
    }

    #[test]
    fn a_wildcard_is_for_names_below_and_no_other() {
        for name in ["a.example.com", "b.a.example.com:8443"] {
            assert!(host("*.example.com", name), "{name}");
        }
        for name in ["example.com", "aexample.com", "example.com.evil.test"] {
            assert!(!host("*.example.com", name), "{name}");
        }
    }

    #[test]
    fn an_origin_is_compared_whole() {
        assert!(origin("https://a.example", "https://a.example"));
        assert!(origin("https://a.example:443", "https://a.example"));
        assert!(origin(
            "https://*.a.example:8443",
            "https://x.a.example:8443"
        ));
        assert!(origin("*", "https://a.example"));
        for other in [
            "http://a.example",
            "https://a.example:8443",
            "https://a.example.evil.test",
            "https://x.a.example",
        ] {
            assert!(!origin("https://a.example", other), "{other}");
        }
        assert!(!origin("https://*.a.example", "https://x.a.example:8443"));
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for text in ["", "*.", "*.10.0.0.1", "a*.example", "a b", "**", "*.*.a"] {
            assert!(text.parse::<AllowedHost>().is_err(), "{text:?}");
        }
        for text in [
            "",
            "null",
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "1https://a",
            "https://u@a",
            "https://*",
            "https://*.[::1]",
            "https://a b",
        ] {
            assert!(text.parse::<AllowedOrigin>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn entries_are_written_as_they_are_read() {
        for text in ["*", "a.example", "a.example:1", "*.a.example", "[::1]:8000"] {
            let entry: AllowedHost = text.parse().expect("an entry");
            assert_eq!(entry.to_string(), text);
        }
        for text in [
            "*",
            "https://a.example",
            "https://*.a.example:8443",
            "x-app://b",
        ] {
            let entry: AllowedOrigin = text.parse().expect("an entry");
            assert_eq!(entry.to_string(), text);
        }
    }

    #[test]
    fn loopback_pages_are_http_ones_of_this_machine() {
        let loopback = |text: &str| text.parse::<WebOrigin>().expect("an origin").is_loopback();
        for text in [
            "http://localhost:3000",
            "https://127.0.0.1",
            "http://[::1]:1",
        ] {
            assert!(loopback(text), "{text}");
        }
        for text in [
            "http://localhost.evil.test",
            "ftp://localhost",
            "http://10.0.0.1",
        ] {
            assert!(!loopback(text), "{text}");
        }
    }
}
