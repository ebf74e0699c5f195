//! The event stream: what is read does not depend on how it came, and what the origin writes is read as it was meant.

use std::time::Instant;

use origin::stream::Framing;
use probe::sse::{Item, Parser};

/// Reads the bytes as a stream, whole and in pieces, and writes them as the data of events.
///
/// # Panics
/// When the pieces change what is read, or an event is not read as it was written.
pub fn events(bytes: &[u8]) {
    in_pieces(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        written(text);
    }
}

fn in_pieces(bytes: &[u8]) {
    let at = Instant::now();
    let whole = Parser::new()
        .feed(bytes, at)
        .expect("shorter than the limit");
    // the pieces are as long as the first byte says, so that a search finds the cut that matters
    let length = usize::from(bytes.first().copied().unwrap_or(0) % 8) + 1;
    let mut parser = Parser::new();
    let mut items = Vec::new();
    for piece in bytes.chunks(length) {
        items.extend(parser.feed(piece, at).expect("shorter than the limit"));
    }
    assert_eq!(items, whole);
    for item in items {
        match item {
            Item::Event(event) => assert!(event.id.is_none_or(|id| !id.contains('\0'))),
            Item::Comment { text, .. } => assert!(!text.contains(['\n', '\r'])),
        }
    }
}

/// Each line of the text becomes the payload of an event, as JSON.
fn written(text: &str) {
    let payloads: Vec<String> = text
        .split('\n')
        .map(|line| serde_json::Value::from(line).to_string())
        .collect();
    let mut stream = Framing::Sse.keep_alive().to_vec();
    for payload in &payloads {
        stream.extend_from_slice(&Framing::Sse.event("message", payload));
        stream.extend_from_slice(&Framing::Sse.keep_alive());
    }
    let mut parser = Parser::new();
    let items = parser
        .feed(&stream, Instant::now())
        .expect("shorter than the limit");
    assert!(parser.is_between_events());
    let read: Vec<(Option<&str>, &str)> = items
        .iter()
        .filter_map(|item| match item {
            Item::Event(event) => Some((event.event.as_deref(), event.data.as_str())),
            Item::Comment { .. } => None,
        })
        .collect();
    let sent: Vec<(Option<&str>, &str)> = payloads
        .iter()
        .map(|payload| (Some("message"), payload.as_str()))
        .collect();
    assert_eq!(read, sent);
}
