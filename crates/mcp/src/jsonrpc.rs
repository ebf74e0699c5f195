//! The JSON-RPC 2.0 envelope over borrowed text: the payload is found, not decoded.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::error::{Error, INVALID_REQUEST, PARSE_ERROR};
use crate::raw::{self, Object};

/// How deep arrays and objects of a message from a client may stand in one another: serde_json's own limit. Servers behind
/// the origin often read with a recursive parser, and must not be handed what overflows it.
pub const MAX_DEPTH: usize = 128;

/// The most messages of one batch. One POST may start as many calls as its batch has: with this, as many as an HTTP/2 connection
/// has streams by default here (RFC 9113 section 6.5.2 advises "no smaller than 100").
pub const MAX_BATCH: usize = 100;

/// The id of a request, spelled as it was sent: `1` and `"1"` are two ids, and a large number keeps all its digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Id(Box<str>);

impl Id {
    /// The id as JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Reads a string or an integer; MCP allows nothing else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (integer || text.starts_with('"')).then(|| Self(text.into()))
    }

    /// An id that counts.
    pub(crate) fn of(number: u64) -> Self {
        Self(number.to_string().into())
    }

    /// The number, when it is one that fits.
    pub(crate) fn number(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One message, whoever sent it.
#[derive(Debug)]
pub enum Message<'a> {
    /// A method with an id: wants an answer.
    Request(Request<'a>),
    /// A method without an id: wants none.
    Notification(Notification<'a>),
    /// An answer.
    Response(Response<'a>),
}

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its id, to be echoed.
    pub id: Id,
    /// The method's name, decoded.
    pub method: Cow<'a, str>,
    /// `params` as raw JSON; absent and `null` are the same.
    pub params: Option<&'a str>,
}

/// A notification.
#[derive(Debug)]
pub struct Notification<'a> {
    /// The method's name, decoded.
    pub method: Cow<'a, str>,
    /// `params` as raw JSON; absent and `null` are the same.
    pub params: Option<&'a str>,
}

/// An answer to a request.
#[derive(Debug)]
pub struct Response<'a> {
    /// The id of the request; `None` when the other side could not read it.
    pub id: Option<Id>,
    /// `result`, or else `error`, as raw JSON.
    pub outcome: Result<&'a str, &'a str>,
}

/// Why a body is not a message.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not UTF-8, or not JSON.
    #[error("the body is not JSON")]
    NotJson(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An array of messages where one is wanted, or an empty one.
    #[error("a batch has no place here: send one message a request")]
    Batch,
    /// A batch of more than [`MAX_BATCH`].
    #[error("a batch may have {MAX_BATCH} messages at most")]
    LargeBatch,
    /// Deeper than [`MAX_DEPTH`].
    #[error("arrays and objects stand more than {MAX_DEPTH} deep in one another")]
    TooDeep,
    /// JSON, but no message.
    #[error("{reason}")]
    Invalid {
        /// The id, where it could be read.
        id: Option<Id>,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Malformed {
    /// The id to be echoed.
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Invalid { id, .. } => id.as_ref(),
            _ => None,
        }
    }

    /// The error to answer with: −32700 or −32600.
    pub fn to_error(&self) -> Error {
        match self {
            Self::NotJson(cause) => Error::new(PARSE_ERROR, format!("{self}: {cause}")),
            _ => Error::new(INVALID_REQUEST, self.to_string()),
        }
    }
}

/// What one POST brings.
#[derive(Debug)]
pub enum Body<'a> {
    /// One message.
    One(Message<'a>),
    /// A batch, which 2025-03-26 has: what each of its members is. Never empty.
    Batch(Vec<Result<Message<'a>, Malformed>>),
}

/// Reads the body of a POST, with the limits that a stranger's messages need.
///
/// # Errors
/// [`Malformed`], with the id where one could be read.
pub fn read_body(body: &[u8]) -> Result<Body<'_>, Malformed> {
    let text = std::str::from_utf8(body).map_err(|error| Malformed::NotJson(error.into()))?;
    if raw::depth(body) > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    if !text.trim_start().starts_with('[') {
        return read(text).map(Body::One);
    }
    let whole: &RawValue =
        serde_json::from_str(text).map_err(|error| Malformed::NotJson(error.into()))?;
    let members = raw::elements(whole.get()).unwrap_or_default();
    match members.len() {
        0 => Err(Malformed::Batch),
        1..=MAX_BATCH => Ok(Body::Batch(members.into_iter().map(read).collect())),
        _ => Err(Malformed::LargeBatch),
    }
}

/// Reads one message from a client; a batch is none.
///
/// # Errors
/// [`Malformed`], with the id where one could be read.
pub fn read_request(body: &[u8]) -> Result<Message<'_>, Malformed> {
    match read_body(body)? {
        Body::One(message) => Ok(message),
        Body::Batch(_) => Err(Malformed::Batch),
    }
}

/// Reads one message.
///
/// # Errors
/// [`Malformed`], with the id where one could be read.
pub fn read(text: &str) -> Result<Message<'_>, Malformed> {
    let whole: &RawValue =
        serde_json::from_str(text).map_err(|error| Malformed::NotJson(error.into()))?;
    let Some(object) = Object::read(whole.get()) else {
        let invalid = Malformed::Invalid {
            id: None,
            reason: "a message is a JSON object",
        };
        return Err(if whole.get().starts_with('[') {
            Malformed::Batch
        } else {
            invalid
        });
    };
    if object.duplicate().is_some() {
        return Err(Malformed::Invalid {
            id: None,
            reason: "a member of the message stands twice",
        });
    }
    message(&object)
}

/// Tells what kind of message the members make. They are looked at one by one, so that `null` is told from absent.
fn message<'a>(object: &Object<'a>) -> Result<Message<'a>, Malformed> {
    let id = object
        .find("id")
        .map(|member| (Id::read(member.value), member.value));
    let known = id.as_ref().and_then(|(id, _)| id.clone());
    let invalid = |reason| {
        Err(Malformed::Invalid {
            id: known.clone(),
            reason,
        })
    };
    if object
        .find("jsonrpc")
        .is_none_or(|version| version.value != "\"2.0\"")
    {
        return invalid("`jsonrpc` is not \"2.0\"");
    }
    let value = |key| object.find(key).map(|member| member.value);
    let params = value("params").filter(|params| *params != "null");
    match (value("method"), value("result"), value("error")) {
        (Some(method), None, None) => {
            let Some(method) = raw::unquote(method) else {
                return invalid("`method` is not a string");
            };
            match id {
                None => Ok(Message::Notification(Notification { method, params })),
                Some((Some(id), _)) => Ok(Message::Request(Request { id, method, params })),
                Some((None, _)) => invalid("`id` is neither a string nor an integer"),
            }
        }
        (None, Some(result), None) if known.is_some() => Ok(Message::Response(Response {
            id: known,
            outcome: Ok(result),
        })),
        (None, None, Some(error))
            if known.is_some() || id.is_none_or(|(_, text)| text == "null") =>
        {
            Ok(Message::Response(Response {
                id: known,
                outcome: Err(error),
            }))
        }
        (None, None, None) => invalid("neither `method` nor `result` nor `error` is there"),
        (None, Some(_), None) | (None, None, Some(_)) => invalid("an answer has no id"),
        _ => invalid("a message is a request or an answer, not both"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (i64, Option<String>) {
        let error = read_request(body.as_bytes()).unwrap_err();
        (error.to_error().code, error.id().map(ToString::to_string))
    }

    #[test]
    fn a_request_is_found_with_its_payload_untouched() {
        let body = r#"{"params":{"b":1.0, "a":123456789012345678901},"method":"to\u006fls","id":"x","jsonrpc":"2.0"}"#;
        let Ok(Message::Request(request)) = read(body) else {
            panic!("no request")
        };
        assert_eq!(
            (request.id.as_json(), request.method.as_ref()),
            ("\"x\"", "tools")
        );
        assert_eq!(
            request.params,
            Some(r#"{"b":1.0, "a":123456789012345678901}"#)
        );
    }

    #[test]
    fn an_id_keeps_its_spelling() {
        for id in [
            "1",
            "-7",
            "\"1\"",
            "\"\\u0061\"",
            "123456789012345678901234567890",
            "\"\"",
        ] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            let Ok(Message::Request(request)) = read(&body) else {
                panic!("{id}")
            };
            assert_eq!(request.id.as_json(), id);
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        for id in ["null", "1.5", "1e3", "true", "[]", "{}"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#);
            assert_eq!(refused(&body), (INVALID_REQUEST, None), "{id}");
        }
    }

    #[test]
    fn what_is_not_json_is_a_parse_error() {
        for body in ["", "{", "{\"a\":}", "nul", "{} {}"] {
            assert_eq!(refused(body), (PARSE_ERROR, None), "{body}");
        }
        assert_eq!(
            read_request(b"\"\xff\"").unwrap_err().to_error().code,
            PARSE_ERROR
        );
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request_with_its_id() {
        let named = Some("3".to_owned());
        assert_eq!(
            refused(r#"{"jsonrpc":"1.0","id":3,"method":"m"}"#),
            (INVALID_REQUEST, named.clone())
        );
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":3}"#),
            (INVALID_REQUEST, named.clone())
        );
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":3,"method":"m","result":1}"#),
            (INVALID_REQUEST, named)
        );
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":3,"method":7}"#),
            (INVALID_REQUEST, Some("3".to_owned()))
        );
        assert_eq!(refused("7"), (INVALID_REQUEST, None));
    }

    #[test]
    fn a_member_that_stands_twice_is_refused() {
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#).0,
            INVALID_REQUEST
        );
        assert_eq!(
            refused(r#"{"jsonrpc":"2.0","id":1,"i\u0064":2,"method":"a"}"#).0,
            INVALID_REQUEST
        );
    }

    #[test]
    fn a_batch_is_read_up_to_its_limit() {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;
        let batch = |count: usize| format!("[{}]", vec![ping; count].join(","));
        let full = batch(MAX_BATCH);
        let Ok(Body::Batch(members)) = read_body(full.as_bytes()) else {
            panic!()
        };
        assert!(members.len() == MAX_BATCH && members.iter().all(Result::is_ok));
        for count in [0, MAX_BATCH + 1, 10_000] {
            let error = read_body(batch(count).as_bytes()).unwrap_err();
            assert_eq!(error.to_error().code, INVALID_REQUEST, "{count}");
        }
        assert!(matches!(read_body(b"[1,"), Err(Malformed::NotJson(_))));
    }

    #[test]
    fn batches_are_recognised_however_large() {
        assert_eq!(
            refused(" [{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}]").0,
            INVALID_REQUEST
        );
        assert_eq!(refused(&"[".repeat(1_000_000)).0, INVALID_REQUEST);
    }

    #[test]
    fn deep_nesting_is_refused_without_recursion() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert_eq!(refused(&deep).0, INVALID_REQUEST);
        assert!(read(&deep).is_ok());
    }

    #[test]
    fn answers_are_read_also_without_an_id() {
        let Ok(Message::Response(answer)) =
            read(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#)
        else {
            panic!()
        };
        assert!(answer.id.is_none() && answer.outcome.is_err());
        let Ok(Message::Response(answer)) = read(r#"{"jsonrpc":"2.0","id":4,"result":null}"#)
        else {
            panic!()
        };
        assert_eq!(answer.id.and_then(|id| id.number()), Some(4));
    }
}
