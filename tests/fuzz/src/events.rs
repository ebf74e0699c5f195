//! The event stream: what is read does not depend on how it came, and what the origin writes is read as it was meant.

use mcp::sse::{self, Event, Item, Reader};
use serde_json::{Value, json};

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
    let whole = Reader::new(LONGEST)
        .feed(bytes)
        .expect("shorter than the limit");
    // the pieces are as long as the first byte says, so that a search finds the cut that matters
    let length = usize::from(bytes.first().copied().unwrap_or(0) % 8) + 1;
    let mut reader = Reader::new(LONGEST);
    let mut items = Vec::new();
    for piece in bytes.chunks(length) {
        items.extend(reader.feed(piece).expect("shorter than the limit"));
    }
    assert_eq!(items, whole);
    for item in items {
        match item {
            Item::Event(event) => {
                let id = event.id.unwrap_or_default();
                assert!(!id.contains('\0'));
                // an id that a client sends back is read without a fault, whatever it is
                let _ = sse::read_id(&id);
            }
            Item::Comment(text) => assert!(!text.contains(['\n', '\r'])),
        }
    }
}

/// Each line of the text becomes the payload of a message, as JSON on several lines; every second stream can be resumed.
fn written(text: &str) {
    let messages: Vec<Value> = text
        .split('\n')
        .map(|line| json!({"result": line}))
        .collect();
    let lane = text.len().is_multiple_of(2).then_some(u64::MAX);
    let mut stream = lane.map_or_else(String::new, |lane| sse::priming(lane, 0, 500));
    for (number, message) in (1..).zip(&messages) {
        stream.push_str(&sse::event(
            lane.map(|lane| (lane, number)),
            &format!("{message:#}"),
        ));
        stream.push_str(": keep-alive\n\n");
    }
    let mut reader = Reader::new(LONGEST);
    let items = reader
        .feed(stream.as_bytes())
        .expect("shorter than the limit");
    assert!(reader.is_between_events());
    let mut events = items.into_iter().filter_map(|item| match item {
        Item::Event(event) => Some(event),
        Item::Comment(_) => None,
    });
    let id = |event: &Event| {
        event
            .id
            .as_deref()
            .map(|id| sse::read_id(id).expect("our own"))
    };
    if let Some(lane) = lane {
        let priming = events.next().expect("it was written");
        assert_eq!((id(&priming), priming.data.as_str()), (Some((lane, 0)), ""));
    }
    for (number, message) in (1..).zip(messages) {
        let event = events.next().expect("it was written");
        assert_eq!(id(&event), lane.map(|lane| (lane, number)));
        assert_eq!(serde_json::from_str(&event.data).ok(), Some(message));
    }
    assert!(events.next().is_none());
}

/// Above what a fuzzer makes.
const LONGEST: usize = 16 << 20;
