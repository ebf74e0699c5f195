//! A UDP socket that looks at the headers of what comes in. Some of what a server does shows there and nowhere else: quinn
//! answers a Retry by itself and tells nobody.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
};

use quinn::{
    AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit},
};

/// What was seen on the sockets of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    retries: AtomicU32,
}

impl Seen {
    /// How many Retry packets came.
    pub(crate) fn retries(&self) -> u32 {
        self.retries.load(Ordering::Relaxed)
    }

    fn look(&self, datagram: &[u8]) {
        if is_retry(datagram) {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: Arc<dyn AsyncUdpSocket>,
    seen: Arc<Seen>,
}

impl Watched {
    /// A new socket on `local`; a port of 0 is any that is free.
    pub(crate) fn bind(local: SocketAddr, seen: &Arc<Seen>) -> io::Result<Arc<Self>> {
        let socket = std::net::UdpSocket::bind(local)?;
        Ok(Arc::new(Self {
            inner: TokioRuntime.wrap_udp_socket(socket)?,
            seen: Arc::clone(seen),
        }))
    }
}

impl AsyncUdpSocket for Watched {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(self.inner.poll_recv(cx, bufs, meta))?;
        for (buffer, meta) in bufs.iter().zip(meta.iter()).take(count) {
            let received = &buffer[..meta.len];
            for datagram in received.chunks(meta.stride.max(1)) {
                self.seen.look(datagram);
            }
        }
        Poll::Ready(Ok(count))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

/// RFC 9000, section 17.2.5: a long header of version 1 whose type is 3. Neither bit is protected (RFC 9001, section 5.4.1).
fn is_retry(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 0, 0, 0, 1, ..] if first & 0b1011_0000 == 0b1011_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_retry_of_version_1_is_one() {
        assert!(is_retry(&[0xf0, 0, 0, 0, 1, 8]));
        // an Initial, a Handshake, a short header, another version, half a header
        for other in [
            &[0xc0, 0, 0, 0, 1, 8][..],
            &[0xe0, 0, 0, 0, 1, 8],
            &[0x70, 0, 0, 0, 1, 8],
            &[0xf0, 0, 0, 0, 0, 8],
            &[0xf0, 0, 0],
        ] {
            assert!(!is_retry(other), "{other:x?}");
        }
    }
}
