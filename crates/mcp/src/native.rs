//! A server that is no process: what it says of itself, and what it is asked.

use std::fmt::Write as _;

use crate::dispatch::method;
use crate::error::{Error, INVALID_PARAMS, METHOD_NOT_FOUND};
use crate::raw::{Object, quote};

/// One call of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The server's own name of the tool.
    pub tool: String,
    /// The arguments: one JSON object.
    pub arguments: String,
    /// The token for its progress, as raw JSON, where the caller wants to know of it.
    pub token: Option<String>,
}

/// Reads a request to a server that has tools and nothing else.
///
/// # Errors
/// What the server answers to anything else.
pub fn read(called: &str, params: &str) -> Result<Asked, Error> {
    if called != method::TOOLS_CALL {
        let message = format!("`{called}` is not served here");
        return Err(Error::new(METHOD_NOT_FOUND, message));
    }
    let broken = || Error::new(INVALID_PARAMS, "`params.name` is not a string");
    let params = Object::read(params).ok_or_else(broken)?;
    let tool = params
        .find("name")
        .and_then(|name| Some(name.text()?.into_owned()));
    let arguments = params.find("arguments").map_or("{}", |member| member.value);
    if !arguments.starts_with('{') {
        let message = "`params.arguments` is not an object";
        return Err(Error::new(INVALID_PARAMS, message));
    }
    let token = params.find("_meta").and_then(|meta| {
        let meta = Object::read(meta.value)?;
        Some(meta.find("progressToken")?.value.to_owned())
    });
    Ok(Asked {
        tool: tool.ok_or_else(broken)?,
        arguments: arguments.to_owned(),
        token,
    })
}

/// The notification of how far a call is: its method and its `params`.
pub fn progress(
    token: &str,
    (done, total): (f64, Option<f64>),
    message: Option<&str>,
) -> (String, String) {
    let mut params = format!("{{\"progressToken\":{token},\"progress\":{done}");
    // Writing to a string does not fail.
    if let Some(total) = total {
        let _ = write!(params, ",\"total\":{total}");
    }
    if let Some(message) = message {
        let _ = write!(params, ",\"message\":{}", quote(message));
    }
    params.push('}');
    (method::PROGRESS.to_owned(), params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_with_its_arguments_as_they_are() {
        let params = r#"{"name":"a","arguments":{"n": 1.0},"_meta":{"progressToken":"t"}}"#;
        let asked = read("tools/call", params).unwrap();
        assert_eq!(
            (asked.tool.as_str(), asked.arguments.as_str()),
            ("a", r#"{"n": 1.0}"#)
        );
        assert_eq!(asked.token.as_deref(), Some("\"t\""));
    }

    #[test]
    fn what_is_no_call_is_refused() {
        assert_eq!(
            read("resources/read", "{}").unwrap_err().code,
            METHOD_NOT_FOUND
        );
        assert_eq!(read("tools/call", "{}").unwrap_err().code, INVALID_PARAMS);
        assert_eq!(
            read("tools/call", r#"{"name":"a","arguments":[]}"#)
                .unwrap_err()
                .code,
            INVALID_PARAMS
        );
    }

    #[test]
    fn progress_names_its_token() {
        let (_, params) = progress("7", (1.5, Some(3.0)), Some("half"));
        assert_eq!(
            params,
            r#"{"progressToken":7,"progress":1.5,"total":3,"message":"half"}"#
        );
    }
}
