//! Connections that a proxy of bytes passes on: it names its client before the first byte of that client.

use std::io;
use std::time::Duration;

use proxy_protocol::{Fault, LONGEST, Named, Reading};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

use super::Peer;

/// Why a connection of a proxy was not served.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It ended before its first byte: a look at whether the port is open.
    #[error("ended before it began")]
    Empty,
    /// It ended within the header, or broke.
    #[error("ended within its PROXY protocol header")]
    Cut(#[source] io::Error),
    /// Its header did not come.
    #[error("sent no whole PROXY protocol header within {} s", PATIENCE.as_secs())]
    Late,
    /// What came first is no header that can be believed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Refused {
    /// Says it in the log: the peer is configured here as one that sends a header, so one of the two ends is wrong.
    pub fn tell(&self, peer: Peer) {
        if matches!(self, Self::Empty) {
            tracing::debug!(%peer, "a connection of `proxy_protocol` {self}");
        } else {
            tracing::warn!(%peer, "a connection of `proxy_protocol` was refused: it {self}");
        }
    }
}

/// The client for whom `proxy` connected, or `proxy` itself where it names nobody. Reads the header and no byte beyond it.
///
/// # Errors
/// There is no such header: what follows belongs to nobody who could be named in a log or held to a limit.
pub async fn named<S>(io: &mut S, proxy: Peer) -> Result<Peer, Refused>
where
    S: AsyncRead + Unpin,
{
    let reading = timeout(PATIENCE, header(io));
    Ok(match reading.await.unwrap_or(Err(Refused::Late))? {
        Named::Client { source, .. } => Peer::Ip(source),
        Named::Nobody => proxy,
    })
}

async fn header<S>(io: &mut S) -> Result<Named, Refused>
where
    S: AsyncRead + Unpin,
{
    let mut bytes = Vec::with_capacity(USUAL);
    loop {
        let more = match proxy_protocol::read(&bytes)? {
            Reading::Whole(named) => return Ok(named),
            Reading::More(more) => more.get(),
        };
        let mut rest = (&mut *io).take(more as u64);
        match rest.read_buf(&mut bytes).await.map_err(Refused::Cut)? {
            0 if bytes.is_empty() => return Err(Refused::Empty),
            0 => return Err(Refused::Cut(io::ErrorKind::UnexpectedEof.into())),
            _ => debug_assert!(bytes.len() <= LONGEST),
        }
    }
}

/// "Receivers may apply a short timeout and decide to abort the connection if the protocol header is not seen within a few
/// seconds (at least 3 seconds to cover a TCP retransmit)."
const PATIENCE: Duration = Duration::from_secs(5);

/// A header of NGINX for two IPv6 addresses is at most so long in either version.
const USUAL: usize = 128;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::time::Instant;

    use super::*;

    const PROXY: Peer = Peer::Unix;

    /// What is made of these pieces, each a moment after the other, and what is left to read after them.
    async fn met(pieces: &[&[u8]]) -> (Result<Peer, Refused>, Vec<u8>) {
        let (mut theirs, mut ours) = tokio::io::duplex(LONGEST);
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let sending = tokio::spawn(async move {
            for piece in pieces {
                theirs.write_all(&piece).await.expect("room");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let named = named(&mut ours, PROXY).await;
        let mut rest = Vec::new();
        if named.is_ok() {
            ours.read_to_end(&mut rest).await.expect("it ends");
        }
        sending.abort();
        (named, rest)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_is_named_and_its_own_bytes_are_left() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n";
        for cut in [1, 15, 16, line.len()] {
            let (head, tail) = line.split_at(cut);
            let (peer, rest) = met(&[head, tail, b"GET / HTTP/1.1\r\n"]).await;
            assert_eq!(peer.expect("named").to_string(), "192.0.2.1:4660");
            assert_eq!(rest, b"GET / HTTP/1.1\r\n");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_names_nobody_speaks_for_itself() {
        let (peer, _) = met(&[b"PROXY UNKNOWN\r\n"]).await;
        assert_eq!(peer.expect("taken"), PROXY);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_header_is_refused() {
        let (refused, _) = met(&[b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"]).await;
        assert!(
            matches!(refused, Err(Refused::Fault(Fault::Signature))),
            "{refused:?}"
        );
        let (refused, _) = met(&[b"PROXY TCP4 192.0.2.1 198."]).await;
        assert!(matches!(refused, Err(Refused::Cut(_))), "{refused:?}");
        let (refused, _) = met(&[]).await;
        assert!(matches!(refused, Err(Refused::Empty)), "{refused:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_header_that_trickles_is_not_waited_for() {
        let (mut theirs, mut ours) = tokio::io::duplex(64);
        let sending = tokio::spawn(async move {
            for byte in b"PROXY TCP4 192.0.2.1 198.51.100.2 4660 443\r\n" {
                theirs.write_all(&[*byte]).await.expect("room");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let begun = Instant::now();
        let refused = named(&mut ours, PROXY).await;
        assert!(matches!(refused, Err(Refused::Late)), "{refused:?}");
        assert_eq!(begun.elapsed(), PATIENCE);
        sending.abort();
    }
}
