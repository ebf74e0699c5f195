//! HTTP/3 as it comes in.

use bytes::Bytes;
use http3::uni::{Critical, Kind};
use http3::{Fault, Inbound, Piece, request};

/// One stream: a request's when the first byte is even, one of the others when it is odd.
///
/// # Panics
/// When what is read depends on how the bytes were cut, a body has another length than was declared, or a head that was taken
/// breaks a rule.
pub fn http3(bytes: &[u8]) {
    let Some((kind, stream)) = bytes.split_first() else {
        return;
    };
    if kind % 2 == 0 {
        let whole = message(stream, stream.len().max(1));
        for size in [1, 2, 7] {
            assert_eq!(message(stream, size), whole, "pieces of {size}");
        }
    } else {
        let whole = other(stream, stream.len().max(1));
        assert_eq!(other(stream, 1), whole);
    }
}

/// What a message says: its sections, its body, and how it ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    sections: Vec<Bytes>,
    body: Vec<u8>,
    fault: Option<Fault>,
}

fn message(stream: &[u8], size: usize) -> Message {
    let mut message = Message::default();
    let mut inbound = Inbound::new(LARGEST);
    let mut declared = None;
    let mut read = || -> Result<(), Fault> {
        for chunk in stream.chunks(size) {
            inbound.feed(Bytes::copy_from_slice(chunk));
            while let Some(piece) = inbound.piece()? {
                match piece {
                    Piece::Head(section) => {
                        message.sections.push(section.clone());
                        let head = request::head(&section, LARGEST)?;
                        sound(&head);
                        declared = head.length;
                        inbound.declare(declared);
                    }
                    Piece::Data(data) => message.body.extend_from_slice(&data),
                    Piece::Trailers(section) => {
                        message.sections.push(section.clone());
                        request::trailers(&section, LARGEST)?;
                    }
                }
            }
        }
        inbound.finish()
    };
    message.fault = read().err();
    if message.fault.is_none() {
        assert!(declared.is_none_or(|length| length == message.body.len() as u64));
    }
    message
}

fn sound(head: &request::Head) {
    let headers = &head.parts.headers;
    for name in ["connection", "transfer-encoding", "upgrade", "keep-alive"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    let target = &head.parts.uri;
    assert!(target.authority().is_some() || headers.contains_key("host"));
}

fn other(stream: &[u8], size: usize) -> Option<Fault> {
    let mut rest = stream;
    let kind = match Kind::take(&mut rest) {
        Ok(Some(kind)) => kind,
        Ok(None) => return None,
        Err(fault) => return Some(fault),
    };
    let mut critical = Critical::begin(kind)?;
    rest.chunks(size)
        .find_map(|chunk| critical.feed(Bytes::copy_from_slice(chunk)).err())
}

/// A small one is met more often.
const LARGEST: u64 = 4096;
