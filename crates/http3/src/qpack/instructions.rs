//! The two streams of QPACK, between ends whose tables have no room (RFC 9204 sections 4.3 and 4.4).

use super::integer::{self, Taken};
use crate::{Code, Fault};

/// One of the two, as far as it was read.
#[derive(Debug)]
pub struct Instructions {
    side: Side,
    /// An instruction that is not whole.
    partial: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Encoder,
    Decoder,
}

impl Instructions {
    /// What a client's encoder says.
    pub(crate) fn encoder() -> Self {
        Self {
            side: Side::Encoder,
            partial: Vec::new(),
        }
    }

    /// What a client's decoder says.
    pub(crate) fn decoder() -> Self {
        Self {
            side: Side::Decoder,
            partial: Vec::new(),
        }
    }

    /// Reads on.
    ///
    /// # Errors
    /// An instruction that cannot be followed.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(chunk);
        let mut rest = &bytes[..];
        while let Some(first) = rest.first() {
            let taken = match self.side {
                Side::Encoder => capacity(*first, &mut rest)?,
                Side::Decoder => cancellation(*first, &mut rest)?,
            };
            if !taken {
                // At most the few bytes of one number.
                self.partial = rest.to_vec();
                break;
            }
        }
        Ok(())
    }
}

/// Of the encoder's instructions only `Set Dynamic Table Capacity` with 0 can be followed: "The decoder MUST treat a new dynamic
/// table capacity value that exceeds this limit as a connection error of type QPACK_ENCODER_STREAM_ERROR" (section 4.3.1), and
/// whatever is inserted is larger than the table (section 3.2.2). Whether it was whole.
fn capacity(first: u8, rest: &mut &[u8]) -> Result<bool, Fault> {
    let fault = Fault::Connection(
        Code::QPACK_ENCODER_STREAM_ERROR,
        "an instruction for a table without room",
    );
    if first & 0b1110_0000 != 0b0010_0000 {
        return Err(fault);
    }
    match integer::take(rest, 5) {
        Taken::Whole(0) => Ok(true),
        Taken::Partial => Ok(false),
        _ => Err(fault),
    }
}

/// Of the decoder's instructions only `Stream Cancellation` can be followed: an acknowledgment of a section that needed no table
/// (section 4.4.1) and an increment of 0, or beyond what was inserted (section 4.4.3), are each "a connection error of type
/// QPACK_DECODER_STREAM_ERROR". Whether it was whole.
fn cancellation(first: u8, rest: &mut &[u8]) -> Result<bool, Fault> {
    let fault = Fault::Connection(
        Code::QPACK_DECODER_STREAM_ERROR,
        "an acknowledgment of what was not sent",
    );
    if first & 0b1100_0000 != 0b0100_0000 {
        return Err(fault);
    }
    match integer::take(rest, 6) {
        Taken::Whole(_) => Ok(true),
        Taken::Partial => Ok(false),
        Taken::TooLarge => Err(fault),
    }
}
