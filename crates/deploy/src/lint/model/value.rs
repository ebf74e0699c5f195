//! Times, sizes and addresses as NGINX writes them.

use std::time::Duration;

/// A time: `75`, `75s`, `1h30m`, `500ms`. A number alone is seconds.
pub(crate) fn time(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, milliseconds) = UNITS
            .iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .copied()
            .or_else(|| rest.is_empty().then_some(("", 1000)))?;
        rest = &rest[unit.len()..];
        total = total.checked_add(Duration::from_millis(number.checked_mul(milliseconds)?))?;
    }
    Some(total)
}

/// Longest first, so that `ms` is no `m`.
const UNITS: [(&str, u64); 8] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
    ("M", 30 * 86_400_000),
    ("y", 365 * 86_400_000),
];

/// A size in bytes: `4096`, `8k`, `16m`, `1g`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// An address to listen on or to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The host in lower case: `*` for every IPv4 address, `[::]` for every IPv6 one, `unix:/path` for a socket.
    pub(crate) host: String,
    /// The port; 0 for a Unix socket and for a port that is not a number.
    pub(crate) port: u16,
}

impl Address {
    /// Reads `443`, `*:443`, `192.0.2.1:443`, `[::]:443`, `unix:/path`, `name:443`, `name` (with `port` for the last).
    pub(crate) fn read(text: &str, port: u16) -> Self {
        let text = text.to_ascii_lowercase();
        let (host, port) = if text.starts_with("unix:") {
            (text, 0)
        } else if let Ok(port) = text.parse() {
            ("*".to_owned(), port)
        } else {
            match text.rsplit_once(':') {
                Some((host, after)) if !after.contains(']') => {
                    (host.to_owned(), after.parse().unwrap_or(0))
                }
                _ => (text, port),
            }
        };
        let host = match host.as_str() {
            "" | "0.0.0.0" => "*".to_owned(),
            "localhost" => "127.0.0.1".to_owned(),
            _ => host,
        };
        Self { host, port }
    }

    /// Whether somebody who connects to `self` reaches a listener on `listener` of the same machine: the same address, or
    /// a wildcard and a loopback address.
    pub(crate) fn reaches(&self, listener: &Self) -> bool {
        let is_local =
            self.host.starts_with("127.") || matches!(self.host.as_str(), "[::1]" | "*" | "[::]");
        let is_wild = matches!(listener.host.as_str(), "*" | "[::]");
        self.port == listener.port && (self.host == listener.host || (is_wild && is_local))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        for (text, milliseconds) in [
            ("75", 75_000),
            ("75s", 75_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(
                time(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in ["", "s", "1x", "-1", "$t", "99999999999999999999y"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_as_nginx_reads_them() {
        assert_eq!(size("16m"), Some(16 << 20));
        assert_eq!(size("4096"), Some(4096));
        for text in ["", "m", "1.5k", "$s", "99999999999g"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_reaches_its_own_listener_and_a_wildcard_on_loopback() {
        let read = |text| Address::read(text, 80);
        for (from, to, expected) in [
            ("127.0.0.1:443", "443", true),
            ("127.0.0.1:443", "127.0.0.1:443", true),
            ("localhost:443", "*:443", true),
            ("[::1]:443", "[::]:443", true),
            ("10.0.0.2:443", "443", false),
            ("127.0.0.1:8443", "443", false),
            ("127.0.0.1:443", "10.0.0.1:443", false),
            ("unix:/a", "unix:/a", true),
        ] {
            assert_eq!(read(from).reaches(&read(to)), expected, "{from} {to}");
        }
    }
}
