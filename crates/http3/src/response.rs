//! Responses, as they go out.

use bytes::{Bytes, BytesMut};
use http::response;

use crate::frame::{self, put_head};
use crate::qpack;
use crate::request::is_connection_specific;

/// HEADERS of a response. Fields that are about a connection of HTTP/1.1 are left out (RFC 9114 section 4.2).
pub fn headers(head: &response::Parts, out: &mut BytesMut) {
    let mut section = BytesMut::with_capacity(256);
    qpack::begin(&mut section);
    qpack::put(&mut section, ":status", head.status.as_str().as_bytes());
    put_fields(&mut section, &head.headers);
    put_head(out, frame::HEADERS, section.len());
    out.extend_from_slice(&section);
}

/// HEADERS with trailers.
pub fn trailers(fields: &http::HeaderMap) -> Bytes {
    let mut section = BytesMut::new();
    qpack::begin(&mut section);
    put_fields(&mut section, fields);
    let mut out = BytesMut::new();
    put_head(&mut out, frame::HEADERS, section.len());
    out.extend_from_slice(&section);
    out.freeze()
}

/// The head of a DATA frame, which `length` bytes follow.
pub fn data(length: usize, out: &mut BytesMut) {
    put_head(out, frame::DATA, length);
}

fn put_fields(section: &mut BytesMut, fields: &http::HeaderMap) {
    for (name, value) in fields {
        if !is_connection_specific(name) {
            qpack::put(section, name.as_str(), value.as_bytes());
        }
    }
}
