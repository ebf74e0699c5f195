//! SETTINGS (RFC 9114 section 7.2.4).

use bytes::{Bytes, BytesMut};

use crate::frame::{self, put_head};
use crate::{Code, Fault, uni, varint};

/// The whole of what the server's control stream says at its beginning: its type, and SETTINGS with the largest field section
/// that is taken. That the table of QPACK has no room and no stream waits for it are the defaults (RFC 9204 section 5).
pub fn control_stream(max_field_section_size: u64) -> Bytes {
    let mut payload = BytesMut::new();
    varint::put(&mut payload, MAX_FIELD_SECTION_SIZE);
    varint::put(&mut payload, max_field_section_size.min(varint::MAX));
    let mut out = BytesMut::new();
    varint::put(&mut out, uni::CONTROL);
    put_head(&mut out, frame::SETTINGS, payload.len());
    out.extend_from_slice(&payload);
    out.freeze()
}

/// Judges the client's settings. None of them changes what this server sends: it has no large fields and no table.
pub(crate) fn check(mut payload: &[u8]) -> Result<(), Fault> {
    let mut seen = Vec::new();
    while !payload.is_empty() {
        let id = varint::take(&mut payload);
        let value = id.and_then(|_| varint::take(&mut payload));
        let (Some(id), Some(_)) = (id, value) else {
            return Err(Fault::Connection(
                Code::FRAME_ERROR,
                "SETTINGS that are cut off",
            ));
        };
        // "The same setting identifier MUST NOT occur more than once in the SETTINGS frame. A receiver MAY treat the presence
        // of duplicate setting identifiers as a connection error of type H3_SETTINGS_ERROR."
        if seen.contains(&id) {
            return Err(Fault::Connection(
                Code::SETTINGS_ERROR,
                "a setting that is there twice",
            ));
        }
        // "Setting identifiers that were defined in [HTTP/2] where there is no corresponding HTTP/3 setting have also been
        // reserved ... their receipt MUST be treated as a connection error of type H3_SETTINGS_ERROR" (section 7.2.4.1)
        if matches!(id, 0x00 | 0x02..=0x05) {
            return Err(Fault::Connection(
                Code::SETTINGS_ERROR,
                "a setting of HTTP/2",
            ));
        }
        seen.push(id);
    }
    Ok(())
}

const MAX_FIELD_SECTION_SIZE: u64 = 0x06;
