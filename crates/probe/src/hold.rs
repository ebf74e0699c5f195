//! A stream that is held open, and what becomes of it.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use crate::{Ask, Connection, Head, ProbeError, Stream, Timing};

/// How a stream is held.
#[derive(Clone, Copy, Debug)]
pub struct Holding {
    /// How long at most.
    pub length: Duration,
    /// When the client goes on from another port ([`Connection::rebind`]); nothing to stay where it is.
    pub move_at: Option<Duration>,
}

/// A stream that was held.
#[derive(Debug)]
pub struct Held {
    /// Its head.
    pub head: Head,
    /// How long it took to the head.
    pub timing: Timing,
    /// How many pieces of its body came: with events that are sent one by one, the events.
    pub pieces: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it was held.
    pub lasted: Duration,
    /// The longest time without a piece, that before the first and behind the last counted.
    pub longest_gap: Duration,
    /// From the move to the next piece; nothing where the client did not move, or heard nothing after it.
    pub after_move: Option<Duration>,
    /// How it ended.
    pub end: End,
}

/// How a held stream ended.
#[derive(Debug)]
pub enum End {
    /// It did not: the time was over.
    Open,
    /// The server ended it. `goodbye`: and takes no other request on this connection (GOAWAY; RFC 9114, section 5.2).
    Ended {
        /// See above.
        goodbye: bool,
    },
    /// It broke.
    Broken(ProbeError),
}

/// Asks over `connection` and reads what comes for a while.
///
/// Errors: those of the request until its head is there, and of a move that the version does not have.
pub async fn hold(
    connection: &mut Connection,
    ask: Ask,
    holding: Holding,
) -> Result<Held, ProbeError> {
    let again = ask.clone();
    let mut stream = connection.send(ask).await?;
    stream.set_idle_timeout(holding.length + Duration::from_secs(1));
    let mut watch = Watch::new(&stream);
    let began = watch.began;
    let mut move_at = holding.move_at.map(|at| began + at);
    let end = loop {
        let until = move_at.unwrap_or(began + holding.length);
        match timeout_at(until.into(), stream.chunk()).await {
            Ok(Ok(Some((at, piece)))) => watch.piece(at, piece.len()),
            Ok(Ok(None)) => {
                let refused = connection.send(again).await;
                let goodbye = matches!(&refused, Err(error) if error.is_goodbye());
                break End::Ended { goodbye };
            }
            Ok(Err(error)) => break End::Broken(error),
            Err(_) if move_at.take().is_some() => {
                connection.rebind()?;
                watch.moved = Some(Instant::now());
            }
            Err(_) => break End::Open,
        }
    };
    let held = watch.held(end);
    stream.reset().await;
    Ok(held)
}

/// What has come so far.
struct Watch {
    head: Head,
    timing: Timing,
    began: Instant,
    last: Instant,
    moved: Option<Instant>,
    pieces: u64,
    bytes: u64,
    longest_gap: Duration,
    after_move: Option<Duration>,
}

impl Watch {
    fn new(stream: &Stream) -> Self {
        let now = Instant::now();
        Self {
            head: stream.head().clone(),
            timing: stream.timing(),
            began: now,
            last: now,
            moved: None,
            pieces: 0,
            bytes: 0,
            longest_gap: Duration::ZERO,
            after_move: None,
        }
    }

    fn piece(&mut self, at: Instant, bytes: usize) {
        self.longest_gap = self.longest_gap.max(at - self.last);
        self.last = at;
        self.pieces += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.after_move = self.after_move.or(self.moved.map(|moved| at - moved));
    }

    fn held(self, end: End) -> Held {
        let now = Instant::now();
        Held {
            head: self.head,
            timing: self.timing,
            pieces: self.pieces,
            bytes: self.bytes,
            lasted: now - self.began,
            longest_gap: self.longest_gap.max(now - self.last),
            after_move: self.after_move,
            end,
        }
    }
}
