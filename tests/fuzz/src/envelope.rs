//! The JSON-RPC envelope, held against a reader of JSON that others wrote.

use std::collections::BTreeMap;

use mcp::error::{INVALID_REQUEST, PARSE_ERROR};
use mcp::jsonrpc::{self, Id, Malformed, Message};
use mcp::reply;
use serde_json::Value;
use serde_json::value::RawValue;

/// Reads a body as the origin reads the POST of a client, and as it reads a line of a server.
///
/// # Panics
/// When a message is found in what is no JSON, its parts differ from what serde_json finds, a body that is JSON is called
/// unreadable, or the error for it has no right code or is itself no JSON.
pub fn envelope(bytes: &[u8]) {
    judge(bytes, &jsonrpc::read_request(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        judge(bytes, &jsonrpc::read(text));
    }
}

fn judge(bytes: &[u8], read: &Result<Message<'_>, Malformed>) {
    match read {
        Ok(message) => found(bytes, message),
        Err(malformed) => refused(bytes, malformed),
    }
}

fn found(bytes: &[u8], message: &Message<'_>) {
    // serde_json ends at a depth of 128, which the lines of a server may pass
    let Ok(members) = serde_json::from_slice::<BTreeMap<String, &RawValue>>(bytes) else {
        assert!(
            depth(bytes) >= jsonrpc::MAX_DEPTH || has_lone_surrogate(bytes),
            "a message in what is no object"
        );
        return;
    };
    let member = |key: &str| members.get(key).map(|value| value.get());
    let string = |key: &str| member(key).and_then(|text| serde_json::from_str::<String>(text).ok());
    assert_eq!(string("jsonrpc").as_deref(), Some("2.0"));
    let params = member("params").filter(|params| *params != "null");
    match message {
        Message::Request(request) => {
            assert_eq!(string("method").as_deref(), Some(request.method.as_ref()));
            assert_eq!(member("id"), Some(request.id.as_json()));
            assert_eq!(params, request.params);
        }
        Message::Notification(notification) => {
            assert_eq!(
                string("method").as_deref(),
                Some(notification.method.as_ref())
            );
            assert_eq!(member("id"), None);
            assert_eq!(params, notification.params);
        }
        Message::Response(response) => {
            assert_eq!(member("method"), None);
            let (result, error) = (member("result"), member("error"));
            assert_eq!(response.outcome.ok(), result);
            assert_eq!(response.outcome.err(), error);
        }
    }
}

fn refused(bytes: &[u8], malformed: &Malformed) {
    let error = malformed.to_error();
    assert!(
        [PARSE_ERROR, INVALID_REQUEST].contains(&error.code),
        "{}",
        error.code
    );
    if error.code == PARSE_ERROR {
        let valid = serde_json::from_slice::<&RawValue>(bytes).is_ok();
        assert!(!valid, "JSON that is called none");
    }
    let answer = reply::error(malformed.id(), &error);
    // the id is given back as it came, also one that no Rust string can hold
    let answer: BTreeMap<String, &RawValue> =
        serde_json::from_str(&answer).expect("an error is JSON");
    assert_eq!(answer["jsonrpc"].get(), "\"2.0\"");
    let id = malformed.id().map_or("null", Id::as_json);
    assert_eq!(answer.get("id").map_or("null", |id| id.get()), id);
    let told: Value = serde_json::from_str(answer["error"].get()).expect("an object");
    assert_eq!(told["code"], error.code);
}

/// How deep brackets stand in one another, strings left out.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// `\ud800` in the name of a member: JSON by its grammar, and nothing that a Rust string can hold.
fn has_lone_surrogate(bytes: &[u8]) -> bool {
    let is_start = |window: &[u8]| {
        window[..2] == *b"\\u" && window[2].eq_ignore_ascii_case(&b'd') && window[3] >= b'8'
    };
    bytes.windows(4).any(is_start)
}
