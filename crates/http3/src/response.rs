//! Responses, as they go out.

use bytes::BytesMut;
use http::response;

use crate::frame::{self, put_head};
use crate::qpack;
use crate::request::is_connection_specific;

/// HEADERS of a response. Fields that are about a connection of HTTP/1.1 are left out (RFC 9114 section 4.2).
pub fn headers(head: &response::Parts, out: &mut BytesMut) {
    frame::put(out, frame::HEADERS, |section| {
        qpack::begin(section);
        qpack::put(section, ":status", head.status.as_str().as_bytes());
        put_fields(section, &head.headers);
    });
}

/// HEADERS with trailers.
pub fn trailers(fields: &http::HeaderMap, out: &mut BytesMut) {
    frame::put(out, frame::HEADERS, |section| {
        qpack::begin(section);
        put_fields(section, fields);
    });
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

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::{Inbound, Piece};

    const LARGEST: u64 = 64 * 1024;

    /// The fields of a response as a reader sees them.
    fn fields(response: Response<()>) -> Vec<(String, String)> {
        let mut out = BytesMut::new();
        headers(&response.into_parts().0, &mut out);
        let mut inbound = Inbound::new(LARGEST);
        inbound.feed(out.freeze());
        let Ok(Some(Piece::Head(section))) = inbound.piece() else {
            panic!("HEADERS");
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let fields = qpack::decode(&section, LARGEST).expect("no table");
        fields
            .map(|field| field.expect("a field"))
            .map(|field| (text(&field.name), text(&field.value)))
            .collect()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let long = "x".repeat(300);
        let response = Response::builder()
            .status(421)
            .header("content-type", "application/json")
            .header("cache-control", "no-cache")
            .header("server", "origin/1")
            .header("x-request-id", &long);
        let fields = fields(response.body(()).expect("a response"));
        let expected = [
            (":status", "421"),
            ("content-type", "application/json"),
            ("cache-control", "no-cache"),
            ("server", "origin/1"),
            ("x-request-id", &long),
        ];
        assert_eq!(
            fields,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_section_may_be_longer_than_the_room_that_was_left_for_its_length() {
        let longest = "x".repeat(20_000);
        let response = Response::builder().header("x-long", &longest);
        let fields = fields(response.body(()).expect("a response"));
        assert_eq!(fields[1], ("x-long".to_owned(), longest));
    }

    #[test]
    fn what_is_about_a_connection_of_http_1_1_is_left_out() {
        let response = Response::builder()
            .header("connection", "close")
            .header("upgrade", "x");
        let fields = fields(response.body(()).expect("a response"));
        assert_eq!(fields, [(":status".to_owned(), "200".to_owned())]);
    }
}
