//! Field sections, written (RFC 9204 section 4.5).

use bytes::{BufMut, BytesMut};

use super::integer;
use super::table::{Found, find};

/// Begins a section: it needs no table.
pub fn begin(out: &mut BytesMut) {
    out.put_slice(&[0, 0]);
}

/// Appends a field; `name` is in lower case. Literals are not Huffman's: what they would save is less than what they cost.
pub fn put(out: &mut BytesMut, name: &str, value: &[u8]) {
    match find(name, value) {
        Some(Found::Field(place)) => return integer::put(out, 0b1100_0000, 6, place),
        Some(Found::Name(place)) => integer::put(out, 0b0101_0000, 4, place),
        None => {
            integer::put(out, 0b0010_0000, 3, name.len());
            out.put_slice(name.as_bytes());
        }
    }
    integer::put(out, 0, 7, value.len());
    out.put_slice(value);
}
