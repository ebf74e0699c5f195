//! Version 1: one line of text.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::str::FromStr;

use crate::{Fault, Named, Reading};

/// The line for a client that connected from `source` to `destination`, with its line break. Of two families the line is one
/// of IPv6, with the IPv4 address in its mapped form.
pub fn write(source: SocketAddr, destination: SocketAddr) -> String {
    let line = |family: &str, from: &dyn Display, to: &dyn Display| {
        let (source, destination) = (source.port(), destination.port());
        format!("PROXY {family} {from} {to} {source} {destination}\r\n")
    };
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => line("TCP4", &from, &to),
        (from, to) => line("TCP6", &wide(from), &wide(to)),
    }
}

fn wide(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

pub(crate) fn read(bytes: &[u8]) -> Result<Reading, Fault> {
    if !bytes.starts_with(SIGNATURE) {
        return Err(Fault::Signature);
    }
    let Some(end) = bytes.iter().position(|&byte| byte == b'\r') else {
        return more(bytes);
    };
    match bytes.get(end + 1..) {
        Some([]) => Ok(Reading::More(NonZeroUsize::MIN)),
        Some(b"\n") if bytes.len() <= LONGEST => named(&bytes[..end]).map(Reading::Whole),
        _ => Err(Fault::Line),
    }
}

/// What is certainly missing: the line break, and for each field that has not begun a space and one character.
fn more(bytes: &[u8]) -> Result<Reading, Fault> {
    let begun = bytes.split(|&byte| byte == b' ').count();
    let fields = if bytes.starts_with(UNKNOWN) {
        0
    } else {
        FIELDS.saturating_sub(begun)
    };
    let missing = NonZeroUsize::MIN.saturating_add(2 * fields + 1);
    if bytes.len() + missing.get() > LONGEST {
        return Err(Fault::LongLine);
    }
    Ok(Reading::More(missing))
}

/// "The receiver must ignore anything presented before the CRLF" of an unknown one.
fn named(line: &[u8]) -> Result<Named, Fault> {
    if line == UNKNOWN || line.starts_with(b"PROXY UNKNOWN ") {
        return Ok(Named::Nobody);
    }
    let line = str::from_utf8(line).map_err(|_| Fault::Line)?;
    let fields: Vec<_> = line.split(' ').collect();
    let [_, family, source, destination, from, to] = fields[..] else {
        return Err(Fault::Line);
    };
    let (source, destination) = match family {
        "TCP4" => pair::<Ipv4Addr>(source, destination)?,
        "TCP6" => pair::<Ipv6Addr>(source, destination)?,
        _ => return Err(Fault::Line),
    };
    Ok(Named::Client {
        source: SocketAddr::new(source, port(from)?),
        destination: SocketAddr::new(destination, port(to)?),
    })
}

fn pair<A: FromStr + Into<IpAddr>>(one: &str, other: &str) -> Result<(IpAddr, IpAddr), Fault> {
    let address = |text: &str| text.parse::<A>().map(Into::into).map_err(|_| Fault::Line);
    Ok((address(one)?, address(other)?))
}

/// "Heading zeroes are not permitted", nor is a sign.
fn port(text: &str) -> Result<u16, Fault> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || text.len() > 1 && text.starts_with('0') {
        return Err(Fault::Line);
    }
    text.parse().map_err(|_| Fault::Line)
}

pub(crate) const SIGNATURE: &[u8] = b"PROXY ";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN";

/// The signature's own word, the family, two addresses and two ports.
const FIELDS: usize = 6;

/// "A 108-byte buffer is always enough to store all the line and a trailing zero".
pub(crate) const LONGEST: usize = 107;
