//! What one version answered: a whole answer, or a stream that was held for a while.

use std::time::Duration;

use probe::{
    Answer, Ask, Connection, End, Head, Held, Holding, ProbeError, Target, Timing, Tls, Version,
    hold,
};
use serde_json::{Value, json};

use super::{chain, milliseconds};
use crate::checks::ask::fetch;

/// An answer.
#[derive(Debug)]
pub(super) enum Seen {
    Whole(Box<Answer>),
    Held(Box<Held>, Option<Tls>),
}

impl Seen {
    /// Asks over a fresh connection. `length`: reads the answer as a stream for so long.
    pub(super) async fn of(
        target: &Target,
        version: Version,
        ask: Ask,
        length: Option<Duration>,
    ) -> Result<Self, ProbeError> {
        let Some(length) = length else {
            let answer = fetch(target, version, ask).await?;
            return Ok(Self::Whole(Box::new(answer)));
        };
        let mut connection = Connection::open(target, version).await?;
        let holding = Holding {
            length,
            move_at: (version == Version::Http3).then(|| length / 2),
        };
        let mut held = hold(&mut connection, ask, holding).await?;
        let (made, tls) = (connection.timing(), connection.tls().cloned());
        connection.close().await;
        held.timing.connect = made.connect;
        held.timing.handshake = made.handshake;
        Ok(Self::Held(Box::new(held), tls))
    }

    pub(super) fn head(&self) -> &Head {
        match self {
            Self::Whole(answer) => &answer.head,
            Self::Held(held, _) => &held.head,
        }
    }

    pub(super) fn timing(&self) -> Timing {
        match self {
            Self::Whole(answer) => answer.timing,
            Self::Held(held, _) => held.timing,
        }
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Whole(answer) => answer.tls.as_ref(),
            Self::Held(_, tls) => tls.as_ref(),
        }
    }

    pub(super) fn body_bytes(&self) -> u64 {
        match self {
            Self::Whole(answer) => u64::try_from(answer.body.len()).unwrap_or(u64::MAX),
            Self::Held(held, _) => held.bytes,
        }
    }

    /// What became of a stream; nothing of a whole answer.
    pub(super) fn held_json(&self) -> Option<Value> {
        let Self::Held(held, _) = self else {
            return None;
        };
        Some(json!({
            "pieces": held.pieces,
            "lasted_ms": milliseconds(held.lasted),
            "longest_gap_ms": milliseconds(held.longest_gap),
            "after_move_ms": held.after_move.map(milliseconds),
            "end": match &held.end {
                End::Open => "open",
                End::Ended { goodbye: false } => "ended",
                End::Ended { goodbye: true } => "goodbye",
                End::Broken(_) => "broken",
            },
            "error": match &held.end {
                End::Broken(error) => Some(chain(error)),
                End::Open | End::Ended { .. } => None,
            },
        }))
    }

    /// The same as a line.
    pub(super) fn held_line(&self) -> Option<String> {
        let Self::Held(held, _) = self else {
            return None;
        };
        let end = match &held.end {
            End::Open => "still open".to_owned(),
            End::Ended { goodbye: false } => "ended by the server".to_owned(),
            End::Ended { goodbye: true } => "ended with a goodbye to the connection".to_owned(),
            End::Broken(error) => chain(error),
        };
        let moved = held.after_move.map(|took| {
            let took = milliseconds(took);
            format!(", {took:.1} ms from a new port to the next piece")
        });
        Some(format!(
            "{} pieces in {:.1} s, {:.0} ms at most between two{}; {end}",
            held.pieces,
            held.lasted.as_secs_f64(),
            milliseconds(held.longest_gap),
            moved.unwrap_or_default()
        ))
    }
}
