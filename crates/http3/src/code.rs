//! Error codes.

use std::fmt;

/// An error code of HTTP/3 or QPACK, as it stands in RESET_STREAM, STOP_SENDING and CONNECTION_CLOSE.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(u32);

/// RFC 9114 section 8.1 and RFC 9204 section 6.
const NAMES: [(u32, &str); 20] = [
    (0x0100, "H3_NO_ERROR"),
    (0x0101, "H3_GENERAL_PROTOCOL_ERROR"),
    (0x0102, "H3_INTERNAL_ERROR"),
    (0x0103, "H3_STREAM_CREATION_ERROR"),
    (0x0104, "H3_CLOSED_CRITICAL_STREAM"),
    (0x0105, "H3_FRAME_UNEXPECTED"),
    (0x0106, "H3_FRAME_ERROR"),
    (0x0107, "H3_EXCESSIVE_LOAD"),
    (0x0108, "H3_ID_ERROR"),
    (0x0109, "H3_SETTINGS_ERROR"),
    (0x010a, "H3_MISSING_SETTINGS"),
    (0x010b, "H3_REQUEST_REJECTED"),
    (0x010c, "H3_REQUEST_CANCELLED"),
    (0x010d, "H3_REQUEST_INCOMPLETE"),
    (0x010e, "H3_MESSAGE_ERROR"),
    (0x010f, "H3_CONNECT_ERROR"),
    (0x0110, "H3_VERSION_FALLBACK"),
    (0x0200, "QPACK_DECOMPRESSION_FAILED"),
    (0x0201, "QPACK_ENCODER_STREAM_ERROR"),
    (0x0202, "QPACK_DECODER_STREAM_ERROR"),
];

impl Code {
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0x0100);
    /// The fault is our own.
    pub const INTERNAL_ERROR: Self = Self(0x0102);
    /// A stream that may not be there.
    pub const STREAM_CREATION_ERROR: Self = Self(0x0103);
    /// A stream ended that the connection cannot be without.
    pub const CLOSED_CRITICAL_STREAM: Self = Self(0x0104);
    /// A frame in a place where it may not stand.
    pub const FRAME_UNEXPECTED: Self = Self(0x0105);
    /// A frame that is not laid out as its type wants.
    pub const FRAME_ERROR: Self = Self(0x0106);
    /// The peer asks for more than is reasonable.
    pub const EXCESSIVE_LOAD: Self = Self(0x0107);
    /// An identifier that was not given out, or goes the wrong way.
    pub const ID_ERROR: Self = Self(0x0108);
    /// SETTINGS that may not be.
    pub const SETTINGS_ERROR: Self = Self(0x0109);
    /// The control stream did not begin with SETTINGS.
    pub const MISSING_SETTINGS: Self = Self(0x010a);
    /// Nothing was done for the request: it may be sent again.
    pub const REQUEST_REJECTED: Self = Self(0x010b);
    /// The answer is not wanted any more, or not given.
    pub const REQUEST_CANCELLED: Self = Self(0x010c);
    /// The stream ended before its request was whole.
    pub const REQUEST_INCOMPLETE: Self = Self(0x010d);
    /// The message is malformed.
    pub const MESSAGE_ERROR: Self = Self(0x010e);
    /// A field section that cannot be decoded.
    pub const QPACK_DECOMPRESSION_FAILED: Self = Self(0x0200);
    /// An instruction of the encoder stream that cannot be followed.
    pub const QPACK_ENCODER_STREAM_ERROR: Self = Self(0x0201);
    /// An instruction of the decoder stream that cannot be followed.
    pub const QPACK_DECODER_STREAM_ERROR: Self = Self(0x0202);

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
