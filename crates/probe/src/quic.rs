//! What a server says of QUIC itself: the versions that it speaks, and whether it takes data before the handshake has ended.

use std::time::Duration;

use quinn::VarInt;
use rustls::crypto::ring;
use tokio::{net::UdpSocket, time::timeout};

use crate::{
    Ask, Connection, ProbeError, Stage, Target, Version,
    dial::quic::{Manner, addresses, any, begin},
    wait::{FAREWELL, Limit},
};

/// What a server does with data that a client sends in its first flight (0-RTT; RFC 9001, section 4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// Its tickets allow none, or it gives out no tickets.
    NotOffered,
    /// Its tickets allow it, and it refused.
    Refused,
    /// It took it. Whoever saw the packets can send them a second time (RFC 8470, section 3).
    Accepted,
}

/// The versions that a server lists when it is asked in one that nobody speaks (RFC 9000, section 6). None: it did not answer
/// within a second, which is its right.
///
/// Errors: those of resolution and of a socket.
pub async fn versions(target: &Target) -> Result<Vec<u32>, ProbeError> {
    let limit = Limit::new(Version::Http3, target.time_to_connect());
    let failed = |error| ProbeError::failed(Version::Http3, Stage::Connect, error);
    for address in addresses(target, limit).await? {
        let socket = UdpSocket::bind(any(address)).await.map_err(failed)?;
        socket.connect(address).await.map_err(failed)?;
        let ids = ids()?;
        if socket.send(&unknown(ids)).await.is_err() {
            continue;
        }
        let mut answer = [0; 2048];
        let patience = Duration::from_secs(1).min(target.timeout);
        let received = timeout(patience, socket.recv(&mut answer)).await;
        if let Ok(Ok(length)) = received
            && let Some(versions) = negotiation(&answer[..length], ids)
        {
            return Ok(versions);
        }
    }
    Ok(Vec::new())
}

/// Makes a connection, asks over it, and makes a second one with the ticket that came, as a client would that has something
/// to send at once. Nothing is sent early on it: whether the server would take it is known without.
///
/// Errors: those of the first connection and its answer, and of the second handshake.
pub async fn early_data(target: &Target, ask: Ask) -> Result<Early, ProbeError> {
    let limit = Limit::new(Version::Http3, target.time_to_connect());
    let manner = Manner::resuming(target, limit).await?;
    let mut first = Connection::open_in(target, limit, Some(&manner)).await?;
    // a ticket comes with the end of the handshake or soon after it, and an answer after that
    first.fetch(ask).await?;
    let peer = first.quic_peer();
    first.close().await;
    let Some(peer) = peer else {
        return Ok(Early::NotOffered);
    };
    let limit = Limit::new(Version::Http3, target.time_to_connect());
    let attempt = begin(manner, peer, &target.host)?;
    let Ok((connection, accepted)) = attempt.connecting.into_0rtt() else {
        return Ok(Early::NotOffered);
    };
    let accepted = limit.on(Stage::Quic, accepted).await?;
    // a handshake that failed is no refusal
    if let Some(error) = connection.close_reason() {
        return Err(ProbeError::failed(Version::Http3, Stage::Quic, error));
    }
    connection.close(NO_ERROR, b"");
    // what closes the connection is still to be sent
    let _ = timeout(FAREWELL, attempt.endpoint.wait_idle()).await;
    Ok(if accepted {
        Early::Accepted
    } else {
        Early::Refused
    })
}

/// H3_NO_ERROR (RFC 9114, section 8.1).
const NO_ERROR: VarInt = VarInt::from_u32(0x100);

/// Two connection ids: that of the server, which it has to repeat as its own, and ours.
fn ids() -> Result<[[u8; 8]; 2], ProbeError> {
    let mut ids = [[0; 8]; 2];
    for id in &mut ids {
        let filled = ring::default_provider().secure_random.fill(id);
        filled.map_err(|_| {
            let none = std::io::Error::other("the system gives no random bytes");
            ProbeError::failed(Version::Http3, Stage::Connect, none)
        })?;
    }
    Ok(ids)
}

/// A first packet in a version that is reserved to be unknown, as large as a first one has to be.
fn unknown([server, own]: [[u8; 8]; 2]) -> Vec<u8> {
    // RFC 9000, section 15: "versions that follow the pattern 0x?a?a?a?a are reserved"
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend(server);
    packet.push(8);
    packet.extend(own);
    // RFC 9000, section 6.1: a server need not answer a smaller one
    packet.resize(1200, 0);
    packet
}

/// The versions of a Version Negotiation packet (RFC 9000, section 17.2.1) for these ids.
fn negotiation(packet: &[u8], [server, own]: [[u8; 8]; 2]) -> Option<Vec<u32>> {
    let [first, 0, 0, 0, 0, rest @ ..] = packet else {
        return None;
    };
    let named: Vec<u8> = [&[8][..], &own, &[8], &server].concat();
    // RFC 9000, section 6.2: only one that repeats the ids is an answer
    let versions = rest
        .strip_prefix(named.as_slice())
        .filter(|_| first & 0x80 != 0)?;
    let versions = versions.chunks_exact(4);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    // servers add reserved ones, so that nobody relies on the list
    Some(
        versions
            .map(number)
            .filter(|version| version & 0x0f0f_0f0f != 0x0a0a_0a0a)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_an_answer_are_read_and_of_others_not() {
        let ids = [[1; 8], [2; 8]];
        let head = [&[0x80, 0, 0, 0, 0, 8][..], &[2; 8], &[8], &[1; 8]].concat();
        let listed = [
            &head[..],
            &[0, 0, 0, 1, 0x0a, 0x1a, 0x2a, 0x3a, 0x6b, 0x33, 0x43, 0xcf],
        ];
        let versions = negotiation(&listed.concat(), ids);
        assert_eq!(versions, Some(vec![1, 0x6b33_43cf]));
        assert_eq!(negotiation(&head, [[1; 8], [3; 8]]), None);
        assert_eq!(negotiation(&[0x80, 0, 0, 0, 1], ids), None);
        assert_eq!(unknown(ids).len(), 1200);
    }
}
