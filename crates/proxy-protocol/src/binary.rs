//! Version 2: a signature, a length, addresses and extensions.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use crate::crc32c::crc32c;
use crate::{Fault, LONGEST, Named, Reading};

/// The header for a client that connected from `source` to `destination`, with a checksum. Of two families the addresses are
/// those of IPv6, the IPv4 one in its mapped form.
pub fn write(source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
    let mut addresses = Vec::new();
    let family = match (source.ip(), destination.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            addresses.extend([from, to].iter().flat_map(Ipv4Addr::octets));
            TCP4
        }
        (from, to) => {
            for address in [from, to] {
                addresses.extend(match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                });
            }
            TCP6
        }
    };
    for port in [source.port(), destination.port()] {
        addresses.extend(port.to_be_bytes());
    }
    // Addresses of IPv6 and one extension of 7 bytes.
    let length = u16::try_from(addresses.len() + 7).unwrap_or(u16::MAX);
    let mut header = SIGNATURE.to_vec();
    header.extend([PROXY, family]);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header.extend([CRC32C, 0, 4, 0, 0, 0, 0]);
    let sum = crc32c(header.iter().copied()).to_be_bytes();
    let at = header.len() - 4;
    header[at..].copy_from_slice(&sum);
    header
}

/// `bytes` has at least one byte.
pub(crate) fn read(bytes: &[u8]) -> Result<Reading, Fault> {
    let known = SIGNATURE.len().min(bytes.len());
    if bytes[..known] != SIGNATURE[..known] {
        return Err(Fault::Signature);
    }
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        return Ok(missing(HEAD - bytes.len()));
    };
    let [.., command, family, high, low] = *head;
    let length = u16::from_be_bytes([high, low]);
    if !matches!(command, LOCAL | PROXY) {
        return Err(Fault::Command(command));
    }
    if HEAD + usize::from(length) > LONGEST || rest.len() > usize::from(length) {
        return Err(Fault::Length(length));
    }
    if rest.len() < usize::from(length) {
        return Ok(missing(usize::from(length) - rest.len()));
    }
    // "The receiver must … discard the protocol block including the family which is ignored."
    if command == LOCAL {
        return Ok(Reading::Whole(Named::Nobody));
    }
    let found = match family {
        UNSPECIFIED => Some((Named::Nobody, rest)),
        TCP4 => client::<4>(rest),
        TCP6 => client::<16>(rest),
        // Two paths of 108 bytes: a client of a Unix socket has no address that anything here could use.
        UNIX_STREAM => rest.get(216..).map(|rest| (Named::Nobody, rest)),
        _ => return Err(Fault::Family(family)),
    };
    let (named, extensions) = found.ok_or(Fault::Length(length))?;
    checked(bytes, extensions)?;
    Ok(Reading::Whole(named))
}

fn missing(bytes: usize) -> Reading {
    NonZeroUsize::new(bytes).map_or(Reading::Whole(Named::Nobody), Reading::More)
}

/// Two addresses of `N` bytes, two ports, and what stands after them; `None` when there is not so much.
fn client<const N: usize>(rest: &[u8]) -> Option<(Named, &[u8])>
where
    IpAddr: From<[u8; N]>,
{
    let (from, rest) = rest.split_first_chunk::<N>()?;
    let (to, rest) = rest.split_first_chunk::<N>()?;
    let (source, rest) = rest.split_first_chunk::<2>()?;
    let (destination, rest) = rest.split_first_chunk::<2>()?;
    let named = Named::Client {
        source: SocketAddr::new(IpAddr::from(*from), u16::from_be_bytes(*source)),
        destination: SocketAddr::new(IpAddr::from(*to), u16::from_be_bytes(*destination)),
    };
    Some((named, rest))
}

/// Walks the extensions: each is a type, a length of two bytes and its value. Of all of them the checksum alone says
/// something here.
fn checked(header: &[u8], mut extensions: &[u8]) -> Result<(), Fault> {
    while !extensions.is_empty() {
        let at = header.len() - extensions.len();
        let Some(([kind, high, low], rest)) = extensions.split_first_chunk::<3>() else {
            return Err(Fault::Extension);
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(Fault::Extension)?;
        if *kind == CRC32C {
            let sum: [u8; 4] = value.try_into().map_err(|_| Fault::Extension)?;
            // "The checksum is calculated over the whole header with the checksum field itself set to zero."
            let (before, after) = (&header[..at + 3], &header[at + 7..]);
            let bytes = before.iter().chain(&[0; 4]).chain(after).copied();
            if crc32c(bytes) != u32::from_be_bytes(sum) {
                return Err(Fault::Checksum);
            }
        }
        extensions = rest;
    }
    Ok(())
}

pub(crate) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The signature, version and command, family and transport, length.
const HEAD: usize = 16;

// version in the upper four bits, command in the lower
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

// family in the upper four bits, transport in the lower
const UNSPECIFIED: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX_STREAM: u8 = 0x31;

/// `PP2_TYPE_CRC32C`
const CRC32C: u8 = 0x03;
