//! What a server's answer says, for a client that gets it in an envelope.

use crate::dispatch::method;
use crate::error::INVALID_PARAMS;
use crate::raw::{self, Member, Object};

/// How far a call is: `{"progress", "total"?, "message"?}` as the server sent it, without the token. `None` for a notification of
/// another kind.
pub fn progress(called: &str, params: Option<&str>) -> Option<String> {
    let params = Object::read(params.filter(|_| called == method::PROGRESS)?)?;
    Some(raw::one_line(&params.without(|key| key == "progressToken")).into_owned())
}

/// What a result says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The tool did what it was asked.
    Done,
    /// The tool says that it failed (`isError`), and why.
    Failed(String),
    /// The tool cannot go on without an answer from its caller (2026-07-28, multi round-trip requests).
    Asks,
    /// It is no result of a tool.
    Broken,
}

/// Reads how a call went from the `result` of its answer.
pub fn verdict(result: &str) -> Verdict {
    let Some(result) = Object::read(result) else {
        return Verdict::Broken;
    };
    let kind = result.find("resultType").and_then(Member::text);
    if kind.as_deref() == Some("input_required") {
        return Verdict::Asks;
    }
    if result
        .find("isError")
        .is_some_and(|member| member.value == "true")
    {
        let text = result
            .find("content")
            .and_then(|content| first_text(content.value));
        return Verdict::Failed(text.unwrap_or_else(|| "the tool failed".to_owned()));
    }
    Verdict::Done
}

fn first_text(content: &str) -> Option<String> {
    let blocks = raw::elements(content)?;
    let text = blocks.into_iter().find_map(|block| {
        let block = Object::read(block)?;
        Some(block.find("text")?.text()?.into_owned())
    })?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.chars().take(LONGEST_TEXT).collect())
}

/// The `error` of a server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it says, in a line.
    pub message: String,
    /// Whether it says that the arguments are wrong.
    pub of_arguments: bool,
}

/// Reads the `error` of a server's answer.
pub fn refusal(error: &str) -> Refusal {
    let object = Object::read(error);
    let member = |key| object.as_ref().and_then(|object| object.find(key));
    let code: i64 = member("code")
        .and_then(|member| member.value.parse().ok())
        .unwrap_or_default();
    let message = member("message").and_then(Member::text).unwrap_or_default();
    let message = message.chars().take(LONGEST_TEXT).collect();
    Refusal {
        message,
        of_arguments: code == INVALID_PARAMS,
    }
}

/// The whole text of a tool stands in its result; this is what fits into a line.
const LONGEST_TEXT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_how_the_call_went() {
        assert_eq!(verdict(r#"{"content":[]}"#), Verdict::Done);
        assert_eq!(verdict(r#"{"isError":false}"#), Verdict::Done);
        let failed =
            r#"{"content":[{"type":"image"},{"type":"text","text":" no disk "}],"isError":true}"#;
        assert_eq!(verdict(failed), Verdict::Failed("no disk".into()));
        assert_eq!(
            verdict(r#"{"isError":true}"#),
            Verdict::Failed("the tool failed".into())
        );
        assert_eq!(verdict(r#"{"resultType":"input_required"}"#), Verdict::Asks);
        assert_eq!(verdict("[1]"), Verdict::Broken);
    }

    #[test]
    fn progress_is_told_without_the_token() {
        let params = r#"{"progressToken":7,"progress":1.0,"total":2}"#;
        let told = progress("notifications/progress", Some(params));
        assert_eq!(told.as_deref(), Some(r#"{"progress":1.0,"total":2}"#));
        assert_eq!(progress("notifications/message", Some(params)), None);
    }

    #[test]
    fn wrong_arguments_are_told_from_other_errors() {
        let refused = refusal(r#"{"code":-32602,"message":"no such path"}"#);
        assert!(refused.of_arguments && refused.message == "no such path");
        assert!(!refusal(r#"{"code":-1}"#).of_arguments);
    }
}
