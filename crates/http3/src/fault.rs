//! What a client did wrong, and how far it reaches.

use std::error::Error;
use std::fmt;

use crate::Code;

/// A client's fault, with what is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed with this code.
    Connection(Code, &'static str),
    /// This stream is reset with this code, and no other one.
    Stream(Code, &'static str),
    /// A field section is larger than it may be: the answer is 431.
    TooLarge,
}

impl Fault {
    /// A malformed message: "Malformed requests or responses that are detected MUST be treated as a stream error of type
    /// H3_MESSAGE_ERROR" (RFC 9114 section 4.1.2).
    pub(crate) const fn malformed(reason: &'static str) -> Self {
        Self::Stream(Code::MESSAGE_ERROR, reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(code, reason) | Self::Stream(code, reason) => {
                write!(f, "{code}: {reason}")
            }
            Self::TooLarge => f.write_str("the field section is too large"),
        }
    }
}

impl Error for Fault {}
