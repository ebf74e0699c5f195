//! Frames (RFC 9114 section 7): a type, a length, and so many bytes.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Code, Fault, varint};

/// What a frame's type means to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Headers,
    CancelPush,
    Settings,
    PushPromise,
    Goaway,
    MaxPushId,
    /// "These frame types MUST NOT be sent, and their receipt MUST be treated as a connection error of type
    /// H3_FRAME_UNEXPECTED" (section 7.2.8): those that HTTP/2 has and HTTP/3 has not.
    Http2,
    /// "Implementations MUST ignore unknown or unsupported values in all extensible protocol elements" (section 9).
    Unknown,
}

impl Kind {
    fn of(number: u64) -> Self {
        match number {
            DATA => Self::Data,
            HEADERS => Self::Headers,
            0x03 => Self::CancelPush,
            SETTINGS => Self::Settings,
            0x05 => Self::PushPromise,
            GOAWAY => Self::Goaway,
            0x0d => Self::MaxPushId,
            0x02 | 0x06 | 0x08 | 0x09 => Self::Http2,
            _ => Self::Unknown,
        }
    }
}

pub(crate) const DATA: u64 = 0x00;
pub(crate) const HEADERS: u64 = 0x01;
pub(crate) const SETTINGS: u64 = 0x04;
pub(crate) const GOAWAY: u64 = 0x07;

/// The frame is in a place where it may not stand.
pub(crate) const UNEXPECTED: Fault = Fault::Connection(
    Code::FRAME_UNEXPECTED,
    "a frame in a place where it may not stand",
);

/// Collects the type and the length of a frame, however the bytes come.
#[derive(Debug, Default)]
pub(crate) struct Head {
    bytes: [u8; 16],
    length: usize,
}

impl Head {
    /// Takes bytes from the front of `chunk` until the head is whole; its type and its length then.
    pub(crate) fn take(&mut self, chunk: &mut Bytes) -> Option<(Kind, u64)> {
        loop {
            let mut whole = &self.bytes[..self.length];
            if let Some(kind) = varint::take(&mut whole)
                && let Some(length) = varint::take(&mut whole)
            {
                self.length = 0;
                return Some((Kind::of(kind), length));
            }
            let byte = *chunk.first()?;
            // Two integers of 8 bytes at most: a head that is not whole has room.
            self.bytes[self.length] = byte;
            self.length += 1;
            bytes::Buf::advance(chunk, 1);
        }
    }

    /// Whether a head has begun and is not whole.
    pub(crate) fn is_partial(&self) -> bool {
        self.length > 0
    }
}

/// Appends the head of a frame.
pub(crate) fn put_head(out: &mut BytesMut, kind: u64, length: usize) {
    varint::put(out, kind);
    varint::put(out, length as u64);
}

/// Appends a frame whose length is known once `payload` has written it. There is room for a length of two bytes, of which most
/// frames need no more; RFC 9000 section 16 asks for no shortest form.
pub(crate) fn put(out: &mut BytesMut, kind: u64, payload: impl FnOnce(&mut BytesMut)) {
    varint::put(out, kind);
    let begin = out.len() + 2;
    out.put_u16(0);
    payload(out);
    let length = out.len() - begin;
    match u16::try_from(length) {
        Ok(short) if short < 1 << 14 => {
            out[begin - 2..begin].copy_from_slice(&(short | 1 << 14).to_be_bytes());
        }
        _ => {
            let payload = out.split_off(begin);
            out.truncate(begin - 2);
            varint::put(out, length as u64);
            out.unsplit(payload);
        }
    }
}

/// GOAWAY: requests on streams from this one on are not looked at, and may be sent again elsewhere (section 5.2).
pub fn goaway(stream: u64) -> Bytes {
    let mut payload = BytesMut::new();
    varint::put(&mut payload, stream);
    let mut out = BytesMut::new();
    put_head(&mut out, GOAWAY, payload.len());
    out.extend_from_slice(&payload);
    out.freeze()
}
