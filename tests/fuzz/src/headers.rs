//! The headers that repeat what the body says.

use mcp::error::HEADER_MISMATCH;
use mcp::headers::{Claims, Field, Headers, agree, decode};
use mcp::{Error, reply};
use probe::mcp::header_value;
use serde_json::Value;

/// Five lines: the values of `MCP-Protocol-Version`, `Mcp-Method` and `Mcp-Name`, then the method and the name of a body.
///
/// # Panics
/// When headers that a client makes from a body are not found to agree with it, headers of another body are, a name has two
/// meanings, or a complaint does not survive its way to the client.
pub fn headers(bytes: &[u8]) {
    let mut lines = bytes.splitn(5, |byte| *byte == b'\n');
    let [version, method, name, body_method, body_name] =
        std::array::from_fn(|_| lines.next().unwrap_or_default());
    assert_eq!(Field::of([version, method]), Field::Bad);
    let (Ok(body_method), Ok(body_name)) = (
        std::str::from_utf8(body_method),
        std::str::from_utf8(body_name),
    ) else {
        return;
    };
    let claims = Claims {
        version: "2026-07-28",
        method: body_method,
        name: Some(Some(body_name)),
    };
    as_sent(&claims, version, method, name);
    as_a_client_makes_them(&claims, body_name);
}

/// Whatever was sent: what is found to agree says the same.
fn as_sent(claims: &Claims<'_>, version: &[u8], method: &[u8], name: &[u8]) {
    let headers = Headers {
        protocol_version: Field::of([version]),
        method: Field::of([method]),
        name: Field::of([name]),
        ..Headers::default()
    };
    match agree(&headers, claims) {
        Ok(()) => {
            assert_eq!(headers.protocol_version.value(), Some(claims.version));
            assert_eq!(headers.method.value(), Some(claims.method));
            let name = headers.name.value().expect("a name was claimed");
            assert_eq!(decode(name).as_deref(), claims.name.flatten());
        }
        Err(complaint) => {
            let error = Error::new(HEADER_MISMATCH, complaint.as_str());
            let answer = reply::error(None, &error);
            let answer: Value = serde_json::from_str(&answer).expect("an error is JSON");
            assert_eq!(answer["error"]["message"], complaint);
        }
    }
    if let Some(value) = headers.name.value() {
        meaning(value);
    }
}

/// The name of the body, written by the rules for clients, means that name and agrees.
fn as_a_client_makes_them(claims: &Claims<'_>, name: &str) {
    let value = header_value(name);
    let field = Field::of([value.as_bytes()]);
    let text = field.value().expect("a client sends visible ASCII");
    assert_eq!(decode(text).as_deref(), Some(name));
    let headers = |name| Headers {
        protocol_version: Field::One(claims.version),
        method: Field::One(claims.method),
        name,
        ..Headers::default()
    };
    assert_eq!(agree(&headers(field), claims), Ok(()));
    let other = format!("{name}x");
    let other = header_value(&other);
    assert!(agree(&headers(Field::of([other.as_bytes()])), claims).is_err());
}

/// A wrapped value has one spelling: its meaning, wrapped again, is that value; what is not wrapped means itself.
fn meaning(value: &str) {
    let wrapped = value.starts_with("=?base64?") && value.ends_with("?=") && value.len() >= 11;
    match decode(value) {
        None => assert!(wrapped, "{value:?} is meant literally"),
        Some(text) if !wrapped => assert_eq!(text, value),
        Some(text) => {
            // a client wraps only what needs it, so that the two spellings of a plain name are told apart here
            let again = header_value(&text);
            assert!(again == value || again == text.as_ref(), "{value:?}");
        }
    }
}
