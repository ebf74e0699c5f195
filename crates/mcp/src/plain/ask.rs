//! What a client sends.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::jsonrpc::MAX_DEPTH;
use crate::raw::{self, Object};

/// What a client asks: `{"tool", "arguments"?, "request_id"?}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The public name of the tool.
    pub tool: Cow<'a, str>,
    /// The arguments: one JSON object, spelled as it was sent; `{}` when there were none.
    pub arguments: &'a str,
    /// The client's id of the request.
    pub request_id: Option<Cow<'a, str>>,
}

/// Why a body is no [`Ask`].
#[derive(Debug, thiserror::Error)]
pub enum NotAnAsk {
    /// There is none.
    #[error("the body is empty: it has to be `{{\"tool\": \"NAME\", \"arguments\": {{…}}}}`")]
    Empty,
    /// It is not UTF-8, which JSON is (RFC 8259 section 8.1).
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// It is not one JSON value.
    #[error("the body is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// It is deeper than [`MAX_DEPTH`].
    #[error("arrays and objects stand more than {MAX_DEPTH} deep in one another")]
    TooDeep,
    /// It is another kind of JSON.
    #[error("the body is no JSON object")]
    NotAnObject,
    /// Two readers could each believe another of the two.
    #[error("`{0}` stands twice in the body")]
    Twice(String),
    /// A member that means nothing here: most often a typing error.
    #[error("`{0}` is not known here: the members are `tool`, `arguments` and `request_id`")]
    Unknown(String),
    /// No tool is named.
    #[error("`tool` is missing")]
    NoTool,
    /// A member is of the wrong kind.
    #[error("`{key}` is not {expected}")]
    Kind {
        /// The member.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
}

impl<'a> Ask<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`NotAnAsk`]: what is wrong, for the person who wrote the request.
    pub fn read(body: &'a [u8]) -> Result<Self, NotAnAsk> {
        let text = std::str::from_utf8(body).map_err(|_| NotAnAsk::NotUtf8)?;
        if text.trim().is_empty() {
            return Err(NotAnAsk::Empty);
        }
        if raw::depth(body) > MAX_DEPTH {
            return Err(NotAnAsk::TooDeep);
        }
        let whole: &RawValue = serde_json::from_str(text).map_err(NotAnAsk::NotJson)?;
        let object = Object::read(whole.get()).ok_or(NotAnAsk::NotAnObject)?;
        if let Some(key) = object.duplicate() {
            return Err(NotAnAsk::Twice(key.to_owned()));
        }
        if let Some(member) = object
            .members()
            .find(|member| !KNOWN.contains(&member.key.as_ref()))
        {
            return Err(NotAnAsk::Unknown(
                member.key.chars().take(LONGEST_KEY).collect(),
            ));
        }
        let arguments = object.find("arguments").map_or("{}", |member| member.value);
        if !arguments.starts_with('{') {
            return Err(NotAnAsk::Kind {
                key: "arguments",
                expected: "an object",
            });
        }
        Ok(Self {
            tool: text_of(&object, "tool")?.ok_or(NotAnAsk::NoTool)?,
            arguments,
            request_id: text_of(&object, "request_id")?,
        })
    }
}

fn text_of<'a>(object: &Object<'a>, key: &'static str) -> Result<Option<Cow<'a, str>>, NotAnAsk> {
    let Some(member) = object.find(key) else {
        return Ok(None);
    };
    let expected = "a string";
    let text = raw::unquote(member.value).ok_or(NotAnAsk::Kind { key, expected })?;
    Ok(Some(text))
}

const KNOWN: [&str; 3] = ["tool", "arguments", "request_id"];

/// A line of an error has room for a name, not for a body.
const LONGEST_KEY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> String {
        Ask::read(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_asked_keeps_its_spelling() {
        let body = br#" {"arguments" : { "n":1.50e3,"big":123456789012345678901 }, "tool":"a\u0062","request_id":"r-1"} "#;
        let ask = Ask::read(body).unwrap();
        assert_eq!(
            ask.arguments,
            r#"{ "n":1.50e3,"big":123456789012345678901 }"#
        );
        assert_eq!(
            (ask.tool.as_ref(), ask.request_id.as_deref()),
            ("ab", Some("r-1"))
        );
        assert_eq!(Ask::read(br#"{"tool":"a"}"#).unwrap().arguments, "{}");
    }

    #[test]
    fn a_body_that_asks_nothing_is_told_why() {
        for (body, part) in [
            (" ", "empty"),
            ("{", "not JSON"),
            (r#"{"tool":"a"} x"#, "trailing"),
            ("[1]", "no JSON object"),
            ("{}", "`tool` is missing"),
            (r#"{"tool":7}"#, "`tool` is not a string"),
            (
                r#"{"tool":"a","arguments":[]}"#,
                "`arguments` is not an object",
            ),
            (
                r#"{"tool":"a","arguments":null}"#,
                "`arguments` is not an object",
            ),
            (
                r#"{"tool":"a","request_id":7}"#,
                "`request_id` is not a string",
            ),
            (r#"{"tool":"a","t\u006fol":"b"}"#, "`tool` stands twice"),
            (r#"{"tool":"a","args":{}}"#, "`args` is not known"),
        ] {
            let message = refused(body);
            assert!(message.contains(part), "{body}: {message}");
        }
        let deep = format!("{{\"tool\":\"a\",\"arguments\":{}", "[".repeat(1_000_000));
        assert!(refused(&deep).contains("deep"));
    }
}
