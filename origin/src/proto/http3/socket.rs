//! The sockets of one address, of which each shard reads one.
//!
//! The system gives a datagram to a socket by the addresses in it. A client whose port changed comes to another socket then,
//! but the id of its connection still names the shard that has it (RFC 9000 section 5.1): the datagram is handed over.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use quinn_proto::{ConnectionId, ConnectionIdGenerator, HashedConnectionIdGenerator};

/// What the shards of one address know of each other: whose ids are which, and where to leave a datagram.
pub(super) struct Shared {
    shards: Vec<Shard>,
    left: AtomicBool,
}

struct Shard {
    ids: HashedConnectionIdGenerator,
    letters: Mutex<VecDeque<Letter>>,
    reader: AtomicWaker,
}

/// What one read of another shard's socket brought.
struct Letter {
    meta: RecvMeta,
    bytes: Box<[u8]>,
}

impl Shared {
    /// Shards whose connection ids are made with these keys.
    pub(super) fn new(keys: &[u64]) -> Arc<Self> {
        let shard = |&key| Shard {
            ids: HashedConnectionIdGenerator::from_key(key),
            letters: Mutex::default(),
            reader: AtomicWaker::new(),
        };
        Arc::new(Self {
            shards: keys.iter().map(shard).collect(),
            left: AtomicBool::new(false),
        })
    }

    /// From now on what comes stays in the sockets: who has them after this process reads it there.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Another shard than `own` that gave out the id which a datagram is for.
    fn other(&self, own: usize, datagram: &[u8]) -> Option<&Shard> {
        let id = destination(datagram)?;
        let gave = |shard: &Shard| shard.ids.validate(&id).is_ok();
        if self.shards.get(own).is_some_and(gave) {
            return None;
        }
        // An id that nobody gave out is a new client's own choice: it stays where it came.
        self.shards.iter().find(|shard| gave(shard))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("shards", &self.shards.len())
            .field("left", &self.left)
            .finish()
    }
}

impl Shard {
    fn letters(&self) -> std::sync::MutexGuard<'_, VecDeque<Letter>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, meta: RecvMeta, bytes: &[u8]) {
        let mut letters = self.letters();
        // As a socket does whose buffer is full.
        if letters.len() < LONGEST_QUEUE {
            let bytes = bytes.into();
            letters.push_back(Letter { meta, bytes });
            drop(letters);
            self.reader.wake();
        }
    }

    /// Takes letters into `buffers`; how many.
    fn take(&self, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> usize {
        let mut letters = self.letters();
        let mut taken = 0;
        for (buffer, meta) in buffers.iter_mut().zip(metas) {
            let Some(letter) = letters.pop_front() else {
                break;
            };
            let Some(room) = buffer.get_mut(..letter.bytes.len()) else {
                // All endpoints of one address have buffers of one size.
                break;
            };
            room.copy_from_slice(&letter.bytes);
            *meta = letter.meta;
            taken += 1;
        }
        taken
    }
}

/// The id that a datagram is for, when it is as long as ours are: the first packet's (RFC 9000 section 12.2: all of one
/// datagram are for one connection).
fn destination(datagram: &[u8]) -> Option<ConnectionId> {
    const LONG: u8 = 0x80;
    let first = *datagram.first()?;
    let id = if first & LONG == 0 {
        // "Destination Connection ID (0..160)" follows the first byte (section 17.3.1).
        datagram.get(1..1 + ID_LENGTH)?
    } else {
        // The version and the length of the id come between (section 17.2).
        (usize::from(*datagram.get(5)?) == ID_LENGTH).then_some(())?;
        datagram.get(6..6 + ID_LENGTH)?
    };
    Some(ConnectionId::new(id))
}

/// The socket of one shard.
pub(super) struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    shared: Arc<Shared>,
    own: usize,
}

impl Socket {
    /// The socket of shard `own`.
    pub(super) fn new(inner: Arc<dyn AsyncUdpSocket>, shared: Arc<Shared>, own: usize) -> Self {
        Self { inner, shared, own }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        metas: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        if self.shared.left.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        if let Some(shard) = self.shared.shards.get(self.own) {
            // Before the queue is read, so that no letter falls between.
            shard.reader.register(cx.waker());
            let taken = shard.take(buffers, metas);
            if taken > 0 {
                return Poll::Ready(Ok(taken));
            }
        }
        loop {
            let read = ready!(self.inner.poll_recv(cx, buffers, metas))?;
            let mut kept = 0;
            for at in 0..read {
                let meta = metas[at];
                // Datagrams that were read as one came from one place, and so for one connection.
                if let Some(other) = self.shared.other(self.own, &buffers[at][..meta.len]) {
                    other.post(meta, &buffers[at][..meta.len]);
                    continue;
                }
                if kept < at {
                    let (front, back) = buffers.split_at_mut(at);
                    front[kept][..meta.len].copy_from_slice(&back[0][..meta.len]);
                    metas[kept] = meta;
                }
                kept += 1;
            }
            if kept > 0 {
                return Poll::Ready(Ok(kept));
            }
        }
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

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("inner", &self.inner)
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

/// Ids of [`HashedConnectionIdGenerator`]: three bytes of chance and five that show whose they are.
const ID_LENGTH: usize = 8;

/// As many datagrams as a socket's buffer of 2 MiB holds of full ones.
const LONGEST_QUEUE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [u64; 2] = [7, 8];

    /// A datagram with a short head for an id that `key` made.
    fn datagram(key: u64, long: bool) -> Vec<u8> {
        let id = HashedConnectionIdGenerator::from_key(key).generate_cid();
        let head: &[u8] = if long {
            &[0xc0, 0, 0, 0, 1, 8]
        } else {
            &[0x40]
        };
        [head, &id, b"rest"].concat()
    }

    #[test]
    fn a_datagram_belongs_to_the_shard_that_gave_out_its_id() {
        let shared = Shared::new(&KEYS);
        for long in [false, true] {
            assert!(shared.other(0, &datagram(KEYS[0], long)).is_none());
            let other = shared.other(0, &datagram(KEYS[1], long));
            assert!(other.is_some_and(|other| std::ptr::eq(other, &raw const shared.shards[1])));
            assert!(shared.other(0, &datagram(9, long)).is_none(), "nobody's");
        }
        for short in [
            &b""[..],
            b"\x40",
            b"\xc0\0\0\0\x01\x08",
            b"\xc0\0\0\0\x01\xff",
        ] {
            assert!(shared.other(0, short).is_none());
        }
    }

    #[test]
    fn what_is_posted_is_read_in_its_order() {
        let shared = Shared::new(&KEYS);
        let (mut one, mut two) = ([0; 16], [0; 16]);
        let mut metas = [RecvMeta::default(); 2];
        for text in [&b"first"[..], b"second", b"third"] {
            let meta = RecvMeta {
                len: text.len(),
                ..RecvMeta::default()
            };
            shared.shards[1].post(meta, text);
        }
        let mut buffers = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
        assert_eq!(shared.shards[1].take(&mut buffers, &mut metas), 2);
        assert_eq!(
            (&buffers[0][..5], &buffers[1][..6]),
            (&b"first"[..], &b"second"[..])
        );
        assert_eq!((metas[0].len, metas[1].len), (5, 6));
        assert_eq!(shared.shards[1].take(&mut buffers, &mut metas), 1);
        assert_eq!(shared.shards[1].take(&mut buffers, &mut metas), 0);
    }
}
