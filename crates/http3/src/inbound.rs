//! A request stream, as it comes in: frames in their order, and a body that is as long as it was declared.

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::{Head, Kind, UNEXPECTED};
use crate::{Code, Fault};

/// What a client sends on one request stream.
#[derive(Debug)]
pub struct Inbound {
    chunk: Bytes,
    head: Head,
    frame: Option<(Kind, u64)>,
    section: BytesMut,
    place: Place,
    largest_section: u64,
    declared: Option<u64>,
    received: u64,
}

/// How far the message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Body,
    AfterTrailers,
}

/// A part of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The encoded field section of the request.
    Head(Bytes),
    /// Bytes of its body; never none.
    Data(Bytes),
    /// The encoded field section behind its body.
    Trailers(Bytes),
}

impl Inbound {
    /// A stream of which nothing was read. An encoded field section of more than `largest_section` bytes is refused before it
    /// is buffered: encoding makes no section longer than RFC 9114 section 4.2.2 counts it.
    pub fn new(largest_section: u64) -> Self {
        Self {
            chunk: Bytes::new(),
            head: Head::default(),
            frame: None,
            section: BytesMut::new(),
            place: Place::Before,
            largest_section,
            declared: None,
            received: 0,
        }
    }

    /// Says how long the body will be: `Content-Length`.
    pub fn declare(&mut self, length: Option<u64>) {
        self.declared = length;
    }

    /// Whether everything that was fed has been read.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    /// Takes bytes of the stream. What came before has to be read with [`Self::piece`] first.
    pub fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty());
        self.chunk = chunk;
    }

    /// The next part; `None` when more bytes are needed.
    ///
    /// # Errors
    /// What the client did wrong.
    pub fn piece(&mut self) -> Result<Option<Piece>, Fault> {
        loop {
            let Some((kind, left)) = self.frame else {
                let Some((kind, length)) = self.head.take(&mut self.chunk) else {
                    return Ok(None);
                };
                self.admit(kind, length)?;
                self.frame = Some((kind, length));
                continue;
            };
            let here = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.chunk.len());
            if here == 0 && left > 0 {
                return Ok(None);
            }
            let left = left - here as u64;
            self.frame = (left > 0).then_some((kind, left));
            match kind {
                Kind::Data if here > 0 => return Ok(Some(Piece::Data(self.chunk.split_to(here)))),
                Kind::Headers => {
                    if let Some(section) = self.collect(here, left) {
                        return Ok(Some(self.ended(section)));
                    }
                }
                _ => self.chunk.advance(here),
            }
        }
    }

    /// Judges the end of the stream: everything that was fed has been read.
    ///
    /// # Errors
    /// What is missing.
    pub fn finish(&self) -> Result<(), Fault> {
        // "When a stream terminates cleanly, if the last frame on the stream was truncated, this MUST be treated as a
        // connection error of type H3_FRAME_ERROR" (RFC 9114 section 7.1).
        if self.frame.is_some() || self.head.is_partial() {
            let reason = "the stream ended within a frame";
            return Err(Fault::Connection(Code::FRAME_ERROR, reason));
        }
        // "If a client-initiated stream terminates without enough of the HTTP message to provide a complete response, the
        // server SHOULD abort its response stream with the error code H3_REQUEST_INCOMPLETE" (section 4.1).
        if self.place == Place::Before {
            let reason = "the stream ended without a request";
            return Err(Fault::Stream(Code::REQUEST_INCOMPLETE, reason));
        }
        if self
            .declared
            .is_some_and(|declared| declared != self.received)
        {
            return Err(DISAGREES);
        }
        Ok(())
    }

    fn admit(&mut self, kind: Kind, length: u64) -> Result<(), Fault> {
        match (kind, self.place) {
            (Kind::Unknown, _) => Ok(()),
            (Kind::Headers, Place::Before | Place::Body) => {
                if length > self.largest_section {
                    return Err(Fault::TooLarge);
                }
                Ok(())
            }
            (Kind::Data, Place::Body) => {
                self.received = self.received.saturating_add(length);
                if self
                    .declared
                    .is_some_and(|declared| self.received > declared)
                {
                    return Err(DISAGREES);
                }
                Ok(())
            }
            // "Receipt of an invalid sequence of frames MUST be treated as a connection error of type H3_FRAME_UNEXPECTED. In
            // particular, a DATA frame before any HEADERS frame, or a HEADERS or DATA frame after the trailing HEADERS frame,
            // is considered invalid" (section 4.1). Frames of the control stream have no place here either (section 7.2).
            _ => Err(UNEXPECTED),
        }
    }

    /// Collects a field section; it is there when it is whole. One that comes in a piece is not copied.
    fn collect(&mut self, here: usize, left: u64) -> Option<Bytes> {
        if self.section.is_empty() && left == 0 {
            return Some(self.chunk.split_to(here));
        }
        self.section.extend_from_slice(&self.chunk.split_to(here));
        (left == 0).then(|| std::mem::take(&mut self.section).freeze())
    }

    fn ended(&mut self, section: Bytes) -> Piece {
        if self.place == Place::Before {
            self.place = Place::Body;
            Piece::Head(section)
        } else {
            self.place = Place::AfterTrailers;
            Piece::Trailers(section)
        }
    }
}

/// "A request or response that is defined as having content when it contains a Content-Length header field ... is malformed
/// if the value of the Content-Length header field does not equal the sum of the DATA frame lengths received" (RFC 9114
/// section 4.1.2).
const DISAGREES: Fault = Fault::malformed("`content-length` is not the length of the body");

#[cfg(test)]
mod tests {
    use super::*;

    /// DATA of three bytes.
    const DATA: &[u8] = &[0, 3, b'a', b'b', b'c'];

    fn inbound(chunks: &[&[u8]]) -> (Inbound, Result<Vec<Piece>, Fault>) {
        let mut inbound = Inbound::new(16);
        let mut pieces = Vec::new();
        for chunk in chunks {
            inbound.feed(Bytes::copy_from_slice(chunk));
            loop {
                match inbound.piece() {
                    Ok(Some(piece)) => pieces.push(piece),
                    Ok(None) => break,
                    Err(fault) => return (inbound, Err(fault)),
                }
            }
        }
        (inbound, Ok(pieces))
    }

    #[test]
    fn a_message_is_the_same_however_its_bytes_come() {
        let bytes = [&[1, 2, 0, 0][..], &[0x21, 1, 9], DATA, &[1, 2, 0, 0]].concat();
        let bytewise: Vec<_> = bytes.chunks(1).collect();
        let (inbound, pieces) = inbound(&bytewise);
        let pieces = pieces.expect("a sound message");
        let data = |piece: &Piece| match piece {
            Piece::Data(data) => data.to_vec(),
            Piece::Head(_) | Piece::Trailers(_) => Vec::new(),
        };
        assert_eq!(pieces.iter().flat_map(data).collect::<Vec<_>>(), b"abc");
        let section = Bytes::from_static(&[0, 0]);
        assert_eq!(pieces[0], Piece::Head(section.clone()));
        assert_eq!(pieces.last(), Some(&Piece::Trailers(section)));
        assert_eq!(inbound.finish(), Ok(()));
    }

    #[test]
    fn a_large_section_is_refused_by_its_length_alone() {
        let (_, pieces) = inbound(&[&[1, 17]]);
        assert_eq!(pieces, Err(Fault::TooLarge));
    }

    #[test]
    fn a_body_is_as_long_as_it_was_declared() {
        let (mut short, _) = inbound(&[&[1, 2, 0, 0], DATA]);
        short.declare(Some(4));
        assert_eq!(short.finish(), Err(DISAGREES));
        short.declare(Some(3));
        assert_eq!(short.finish(), Ok(()));
        short.feed(Bytes::from_static(DATA));
        assert_eq!(
            short.piece(),
            Err(DISAGREES),
            "before a byte of it is handed on"
        );
    }
}
