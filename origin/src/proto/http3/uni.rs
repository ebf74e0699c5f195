//! The client's streams in one direction.

use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Bytes;
use http3::uni::{Critical, Kind};
use http3::{Code, Fault};
use quinn::RecvStream;

use super::var_int;

/// What a connection's client has opened of these.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    critical: Vec<Kind>,
    unknown: u32,
}

impl Opened {
    /// "Only one control stream per peer is permitted; receipt of a second stream claiming to be a control stream MUST be treated
    /// as a connection error of type H3_STREAM_CREATION_ERROR" (RFC 9114 section 6.2.1); the same of QPACK's (RFC 9204 section
    /// 4.2).
    fn open(&self, kind: Kind) -> Result<(), Fault> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kind == Kind::Unknown {
            seen.unknown += 1;
            let reason = "streams of types that nobody knows";
            return if seen.unknown > MOST_UNKNOWN {
                Err(Fault::Connection(Code::EXCESSIVE_LOAD, reason))
            } else {
                Ok(())
            };
        }
        if seen.critical.contains(&kind) {
            let reason = "a second stream of a kind of which there is one";
            return Err(Fault::Connection(Code::STREAM_CREATION_ERROR, reason));
        }
        seen.critical.push(kind);
        Ok(())
    }
}

/// Reads one stream to its end.
///
/// # Errors
/// What the client did wrong.
pub(super) async fn read(mut stream: RecvStream, opened: &Opened) -> Result<(), Fault> {
    let mut begin = Vec::new();
    let (kind, rest) = loop {
        let mut bytes = &begin[..];
        if let Some(kind) = Kind::take(&mut bytes)? {
            break (kind, Bytes::copy_from_slice(bytes));
        }
        // "A receiver MUST tolerate unidirectional streams being closed or reset prior to the reception of the unidirectional
        // stream header" (section 6.2).
        match stream.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => begin.extend_from_slice(&chunk.bytes),
            _ => return Ok(()),
        }
    };
    opened.open(kind)?;
    let Some(mut critical) = Critical::begin(kind) else {
        // "Recipients of unknown stream types MUST either abort reading of the stream or discard incoming data without further
        // processing. If reading is aborted, the recipient SHOULD use the H3_STREAM_CREATION_ERROR error code" (section 6.2).
        let _ = stream.stop(var_int(Code::STREAM_CREATION_ERROR));
        return Ok(());
    };
    critical.feed(rest)?;
    loop {
        match stream.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => critical.feed(chunk.bytes)?,
            // With the connection it may end.
            Err(quinn::ReadError::ConnectionLost(_)) => return Ok(()),
            _ => return Err(Critical::closed()),
        }
    }
}

/// Clients open one now and then to see that it is ignored (section 6.2.3); nobody opens a hundred.
const MOST_UNKNOWN: u32 = 100;
