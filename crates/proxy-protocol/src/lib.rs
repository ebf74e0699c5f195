//! What a proxy of bytes writes before a connection to say whose it is: the PROXY protocol of HAProxy
//! (`doc/proxy-protocol.txt`), its version 1 (text) and its version 2 (binary). Bytes in, an address out: no I/O here.
//!
//! NGINX's stream module writes version 1; since 1.31.4 it can write version 2.

mod binary;
mod crc32c;
mod text;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

pub use binary::write as write_binary;
pub use text::write as write_text;

/// How far a header has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// At least so many more bytes belong to the header: whoever reads exactly those reads nothing of what follows it.
    More(NonZeroUsize),
    /// The header is whole, and its last byte was the last one given.
    Whole(Named),
}

/// Whom a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Nobody: the connection is the proxy's own (`LOCAL`, such as a health check), or the proxy does not know
    /// (`UNKNOWN`, `AF_UNSPEC`), or its client has no address (`AF_UNIX`). The ends of the connection itself count.
    Nobody,
    /// The client of a byte stream.
    Client {
        /// The client's own address.
        source: SocketAddr,
        /// The address that the client connected to.
        destination: SocketAddr,
    },
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// They begin as neither version does.
    #[error("does not begin with a PROXY protocol header")]
    Signature,
    /// A line of version 1 that breaks the grammar.
    #[error("is a PROXY protocol line that says nothing valid")]
    Line,
    /// A line of version 1 that does not end.
    #[error("is a PROXY protocol line of more than {} bytes", text::LONGEST)]
    LongLine,
    /// A version other than 2, or a command other than `LOCAL` and `PROXY`.
    #[error("has the PROXY protocol version and command `{0:#04x}`")]
    Command(u8),
    /// A family and transport that a byte stream does not have.
    #[error("has the PROXY protocol family and transport `{0:#04x}`")]
    Family(u8),
    /// A length that its own family does not fit into, or that goes beyond what is read.
    #[error("has a PROXY protocol length of `{0}` bytes")]
    Length(u16),
    /// Extensions that do not end where the header ends.
    #[error("has PROXY protocol extensions that do not fit into it")]
    Extension,
    /// A checksum that is another one's.
    #[error("has a PROXY protocol checksum that does not match")]
    Checksum,
}

/// Reads as much of a header as there is. The first call may be made with nothing.
///
/// # Errors
/// The bytes can no longer become a header, whatever follows.
pub fn read(bytes: &[u8]) -> Result<Reading, Fault> {
    let Some(missing) = SHORTEST
        .checked_sub(bytes.len())
        .and_then(NonZeroUsize::new)
    else {
        return match bytes.first() {
            Some(&first) if first == binary::SIGNATURE[0] => binary::read(bytes),
            _ => text::read(bytes),
        };
    };
    let begun = |whole: &[u8]| whole.iter().zip(bytes).all(|(one, other)| one == other);
    if begun(&binary::SIGNATURE) || begun(text::SIGNATURE) {
        Ok(Reading::More(missing))
    } else {
        Err(Fault::Signature)
    }
}

/// The longest header that is read, in bytes: what NGINX reads (`NGX_PROXY_PROTOCOL_MAX_HEADER`). Addresses take 52 of them; the
/// rest is for extensions, such as the names of a TLS client.
pub const LONGEST: usize = 4096;

/// `PROXY UNKNOWN` with its line break is the shortest header of all; one of version 2 has 16 bytes.
const SHORTEST: usize = 15;

#[cfg(test)]
mod tests;
