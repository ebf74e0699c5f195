//! The streams in one direction that a client opens: control, and the two of QPACK (RFC 9114 section 6.2).

use bytes::{Buf, Bytes, BytesMut};

use crate::frame::{Head, Kind as FrameKind, UNEXPECTED};
use crate::{Code, Fault, qpack, settings, varint};

/// The type of a control stream.
pub(crate) const CONTROL: u64 = 0x00;

/// What a client's stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The control stream.
    Control,
    /// Instructions for the table that we decode with.
    Encoder,
    /// What the client says of the table that we encode with.
    Decoder,
    /// Nothing that is known here: nobody reads it.
    Unknown,
}

impl Kind {
    /// Reads the type that a stream begins with; `None` when it is not whole yet.
    ///
    /// # Errors
    /// "Only servers can push; if a server receives a client-initiated push stream, this MUST be treated as a connection error
    /// of type H3_STREAM_CREATION_ERROR" (RFC 9114 section 6.2.2).
    pub fn take(bytes: &mut &[u8]) -> Result<Option<Self>, Fault> {
        Ok(Some(match varint::take(bytes) {
            None => return Ok(None),
            Some(CONTROL) => Self::Control,
            Some(0x01) => {
                let reason = "a push stream from a client";
                return Err(Fault::Connection(Code::STREAM_CREATION_ERROR, reason));
            }
            Some(0x02) => Self::Encoder,
            Some(0x03) => Self::Decoder,
            Some(_) => Self::Unknown,
        }))
    }
}

/// A stream of a known kind, as far as it was read.
#[derive(Debug)]
pub enum Critical {
    /// The control stream.
    Control(Control),
    /// One of the two of QPACK.
    Instructions(qpack::Instructions),
}

impl Critical {
    /// Begins one; `None` for a stream that nobody reads.
    pub fn begin(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Control => Self::Control(Control::default()),
            Kind::Encoder => Self::Instructions(qpack::Instructions::encoder()),
            Kind::Decoder => Self::Instructions(qpack::Instructions::decoder()),
            Kind::Unknown => return None,
        })
    }

    /// Reads on.
    ///
    /// # Errors
    /// What the client did wrong.
    pub fn feed(&mut self, chunk: Bytes) -> Result<(), Fault> {
        match self {
            Self::Control(control) => control.feed(chunk),
            Self::Instructions(instructions) => instructions.feed(&chunk),
        }
    }

    /// "If either control stream is closed at any point, this MUST be treated as a connection error of type
    /// H3_CLOSED_CRITICAL_STREAM" (RFC 9114 section 6.2.1); the same of QPACK's (RFC 9204 section 4.2).
    pub fn closed() -> Fault {
        let reason = "a stream ended that a connection cannot be without";
        Fault::Connection(Code::CLOSED_CRITICAL_STREAM, reason)
    }
}

/// The client's control stream.
#[derive(Debug, Default)]
pub struct Control {
    head: Head,
    /// The frame that is being read.
    frame: Option<(FrameKind, u64)>,
    payload: BytesMut,
    has_settings: bool,
    max_push_id: Option<u64>,
    goaway: Option<u64>,
}

impl Control {
    /// Reads on.
    ///
    /// # Errors
    /// What the client did wrong.
    pub fn feed(&mut self, mut chunk: Bytes) -> Result<(), Fault> {
        loop {
            let Some((kind, left)) = self.frame else {
                let Some((kind, length)) = self.head.take(&mut chunk) else {
                    return Ok(());
                };
                self.admit(kind, length)?;
                self.frame = Some((kind, length));
                continue;
            };
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            if kind != FrameKind::Unknown {
                self.payload.extend_from_slice(&chunk[..here]);
            }
            chunk.advance(here);
            let left = left - here as u64;
            if left > 0 {
                self.frame = Some((kind, left));
                return Ok(());
            }
            self.frame = None;
            let payload = self.payload.split();
            self.obey(kind, &payload)?;
        }
    }

    fn admit(&mut self, kind: FrameKind, length: u64) -> Result<(), Fault> {
        // "If the first frame of the control stream is any other frame type, this MUST be treated as a connection error of
        // type H3_MISSING_SETTINGS" (section 6.2.1).
        if !self.has_settings && kind != FrameKind::Settings {
            let reason = "the control stream does not begin with SETTINGS";
            return Err(Fault::Connection(Code::MISSING_SETTINGS, reason));
        }
        match kind {
            // "If an endpoint receives a second SETTINGS frame on the control stream, the endpoint MUST respond with a
            // connection error of type H3_FRAME_UNEXPECTED" (section 7.2.4).
            FrameKind::Settings if self.has_settings => Err(UNEXPECTED),
            FrameKind::Data | FrameKind::Headers | FrameKind::PushPromise | FrameKind::Http2 => {
                Err(UNEXPECTED)
            }
            FrameKind::Unknown => Ok(()),
            _ if length > LARGEST => Err(Fault::Connection(
                Code::EXCESSIVE_LOAD,
                "a control frame of that size",
            )),
            _ => Ok(()),
        }
    }

    fn obey(&mut self, kind: FrameKind, payload: &[u8]) -> Result<(), Fault> {
        match kind {
            FrameKind::Settings => {
                self.has_settings = true;
                settings::check(payload)
            }
            // "A MAX_PUSH_ID frame cannot reduce the maximum push ID; receipt of a MAX_PUSH_ID frame that contains a smaller
            // value than previously received MUST be treated as a connection error of type H3_ID_ERROR" (section 7.2.7).
            FrameKind::MaxPushId => {
                let id = whole(payload)?;
                if self.max_push_id.is_some_and(|before| id < before) {
                    return Err(Fault::Connection(Code::ID_ERROR, "MAX_PUSH_ID goes down"));
                }
                self.max_push_id = Some(id);
                Ok(())
            }
            // "Receiving a GOAWAY containing a larger identifier than previously received MUST be treated as a connection
            // error of type H3_ID_ERROR" (section 5.2).
            FrameKind::Goaway => {
                let id = whole(payload)?;
                if self.goaway.is_some_and(|before| id > before) {
                    return Err(Fault::Connection(Code::ID_ERROR, "GOAWAY goes up"));
                }
                self.goaway = Some(id);
                Ok(())
            }
            // "If a server receives a CANCEL_PUSH frame for a push ID that has not yet been mentioned by a PUSH_PROMISE frame,
            // this MUST be treated as a connection error of type H3_ID_ERROR" (section 7.2.3): nothing is pushed here.
            FrameKind::CancelPush => {
                whole(payload)?;
                let reason = "CANCEL_PUSH of what was not promised";
                Err(Fault::Connection(Code::ID_ERROR, reason))
            }
            _ => Ok(()),
        }
    }
}

/// "A frame payload that contains additional bytes after the identified fields or a frame payload that terminates before the
/// end of the identified fields MUST be treated as a connection error of type H3_FRAME_ERROR" (section 7.1).
fn whole(mut payload: &[u8]) -> Result<u64, Fault> {
    let id = varint::take(&mut payload);
    id.filter(|_| payload.is_empty()).ok_or(Fault::Connection(
        Code::FRAME_ERROR,
        "a frame of the wrong length",
    ))
}

/// No client has more than a handful of settings, of at most 16 bytes each.
const LARGEST: u64 = 1024;
