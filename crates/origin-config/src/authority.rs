//! A host and port as clients name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What stands in `Host`, in `:authority` and at the end of an `Origin`: a host and, where it was named, a port.
///
/// The host is in lower case, without the dot that ends a fully qualified name, and an IPv6 address is in its shortest
/// form: two spellings of one host are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Authority {
    host: Host,
    port: Option<u16>,
}

/// A DNS name or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl Authority {
    /// The host; an IPv6 address without its brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    /// The port, where one was named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The address, where the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Name(_) => None,
            Host::Address(address) => Some(address),
        }
    }

    /// True for `localhost`, `127.0.0.1` and `[::1]`: names that no DNS server can point elsewhere (RFC 6761 section
    /// 6.3), so that a page which uses one was loaded from this machine.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => {
                [IpAddr::V4(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()].contains(address)
            }
        }
    }

    /// Whether the host is a name one level or more below `parent`.
    pub(crate) fn is_below(&self, parent: &Self) -> bool {
        let (Host::Name(name), Host::Name(parent)) = (&self.host, &parent.host) else {
            return false;
        };
        name.strip_suffix(parent.as_str())
            .and_then(|below| below.strip_suffix('.'))
            .is_some_and(|below| !below.is_empty())
    }

    pub(crate) fn has_host_of(&self, other: &Self) -> bool {
        self.host == other.host
    }

    pub(crate) fn without_port(mut self) -> Self {
        self.port = None;
        self
    }
}

impl FromStr for Authority {
    type Err = String;

    /// Reads `host[:port]`. A user (`user@host`) is no part of it: RFC 9110 section 4.2.4 forbids one in `http` URIs.
    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or(NO_HOST)?;
            let address: Ipv6Addr = address.parse().map_err(|_| NO_HOST)?;
            (Host::Address(address.into()), port)
        } else {
            let colon = text.bytes().position(|byte| byte == b':');
            let end = colon.unwrap_or(text.len());
            (named(&text[..end])?, &text[end..])
        };
        let port = match port.strip_prefix(':') {
            // RFC 3986 section 3.2.3: a colon without a number means the scheme's own port
            Some("") => None,
            None if port.is_empty() => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| NO_HOST)?)
            }
            _ => return Err(NO_HOST.to_owned()),
        };
        Ok(Self { host, port })
    }
}

fn named(text: &str) -> Result<Host, String> {
    if text.starts_with(|first: char| first.is_ascii_digit())
        && let Ok(address) = text.parse::<Ipv4Addr>()
    {
        return Ok(Host::Address(address.into()));
    }
    let text = text.strip_suffix('.').unwrap_or(text).as_bytes();
    let mut name = String::with_capacity(text.len());
    // No label is empty: not the first, not one in the middle, not the last.
    let mut before = b'.';
    for &byte in text {
        if !(byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || byte == b'.' && before != b'.')
        {
            return Err(NO_HOST.to_owned());
        }
        name.push(byte.to_ascii_lowercase().into());
        before = byte;
    }
    if before == b'.' || name.len() > LONGEST_NAME {
        return Err(NO_HOST.to_owned());
    }
    Ok(Host::Name(name))
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

const NO_HOST: &str = "is not `host` or `host:port`";

/// RFC 1035 section 2.3.4, less the dot at the end.
const LONGEST_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Authority {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn two_spellings_of_one_host_are_equal() {
        for (one, other) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com"),
            ("example.com:", "example.com"),
            ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
        ] {
            assert_eq!(read(one), read(other), "{one}");
        }
    }

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in ["a.example:8443", "127.0.0.1", "[2001:db8::1]:1", "a_b"] {
            assert_eq!(read(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ":80",
            ".",
            "a..b",
            ".a",
            "user@a",
            "a/b",
            "a b",
            "a:b",
            "a:99999",
            "a:+1",
            "[::1",
            "::1",
            "[::1]x",
            "[fe80::1%eth0]",
            "a,b",
            "é.example",
            &"a".repeat(254),
        ] {
            assert!(text.parse::<Authority>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn loopback_has_three_names() {
        for text in ["localhost:1", "LOCALHOST", "127.0.0.1:8000", "[::1]"] {
            assert!(read(text).is_loopback(), "{text}");
        }
        for text in [
            "localhost.example",
            "127.0.0.2",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ] {
            assert!(!read(text).is_loopback(), "{text}");
        }
    }
}
