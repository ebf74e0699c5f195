//! `tool-api`: what the spec opens of the tools over plain HTTP is answered through the edge.

use deploy::Exposed;
use probe::{Ask, Version};
use serde_json::{Value, json};

use super::aim::Aim;
use super::ask::fetch;
use super::mcp::Call;
use super::verdict::{Verdict, sentence};

/// What was answered: what was asked, and the JSON or what came in its place.
pub(crate) type Seen = Vec<(Exposed, String, Result<Value, String>)>;

/// What the spec opens of it.
///
/// # Errors
/// Why there is nothing to ask.
pub(crate) fn opened(aim: &Aim) -> Result<Vec<Exposed>, &'static str> {
    let Some(all) = &aim.opened else {
        return Err("only the spec says what the edge opens");
    };
    let opened: Vec<_> = all
        .iter()
        .copied()
        .filter(|opened| WHOLE.contains(opened))
        .collect();
    if opened.is_empty() {
        return Err("the edge does not open it: see `expose` of `[edge]`");
    }
    Ok(opened)
}

/// Asks for all that is open, and calls what is known to be safe.
pub(crate) async fn gather(
    aim: &Aim,
    version: Version,
    opened: &[Exposed],
    calls: &[Call],
) -> Seen {
    let mut seen = Vec::new();
    for opened in opened {
        if *opened == Exposed::CallTool {
            for call in calls {
                let body = json!({"tool": call.tool, "arguments": call.arguments}).to_string();
                let answer = ask(aim, version, Ask::post(opened.path(), body)).await;
                seen.push((*opened, call.tool.clone(), answer));
            }
        } else {
            let answer = ask(aim, version, Ask::get(opened.path())).await;
            seen.push((*opened, opened.path().to_owned(), answer));
        }
    }
    seen
}

async fn ask(aim: &Aim, version: Version, ask: Ask) -> Result<Value, String> {
    let answer = fetch(&aim.edge, version, ask)
        .await
        .map_err(|error| sentence(&error))?;
    serde_json::from_slice(&answer.body).map_err(|error| {
        let status = answer.head.status.as_u16();
        format!("answered {status}, and no JSON: {error}")
    })
}

/// Passes when each of them answered what it is for.
pub(crate) fn judge(seen: &Seen) -> Verdict {
    let mut done = Vec::new();
    for (opened, asked, answer) in seen {
        let said = match answer {
            Err(error) => Err(error.clone()),
            Ok(answer) => judge_one(*opened, answer),
        };
        match said {
            Ok(said) => done.push(format!("`{asked}` {said}")),
            Err(fault) => return Verdict::fail(format!("`{asked}`: {fault}")),
        }
    }
    if done.is_empty() {
        return Verdict::skip(
            "no call is known to be safe: name one with `check_tool` and `check_arguments`",
        );
    }
    Verdict::pass(done.join(", "))
}

fn judge_one(opened: Exposed, answer: &Value) -> Result<String, String> {
    let error = || {
        answer["error"]
            .as_str()
            .map_or_else(|| "not what it should be".to_owned(), str::to_owned)
    };
    match opened {
        Exposed::Tools => match answer["tools"].as_array() {
            Some(tools) => Ok(format!("lists {} tools", tools.len())),
            None => Err(error()),
        },
        Exposed::CallTool if answer["success"] == true => Ok("was called".to_owned()),
        Exposed::OpenApi if answer["openapi"].is_string() => Ok("describes them".to_owned()),
        _ => Err(error()),
    }
}

const WHOLE: [Exposed; 3] = [Exposed::Tools, Exposed::CallTool, Exposed::OpenApi];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Status;

    fn judged(opened: Exposed, answer: Value) -> Verdict {
        judge(&vec![(opened, "x".to_owned(), Ok(answer))])
    }

    #[test]
    fn each_has_to_answer_what_it_is_for() {
        for (opened, good) in [
            (Exposed::Tools, json!({"tools": [{}]})),
            (Exposed::CallTool, json!({"success": true})),
            (Exposed::OpenApi, json!({"openapi": "3.1.0"})),
        ] {
            assert_eq!(judged(opened, good).status, Status::Pass, "{opened:?}");
            let refused = judged(opened, json!({"success": false, "error": "no such path"}));
            assert_eq!(
                (refused.status, refused.detail.as_str()),
                (Status::Fail, "`x`: no such path")
            );
        }
    }

    #[test]
    fn nothing_asked_is_no_pass() {
        assert_eq!(judge(&Vec::new()).status, Status::Skip);
    }
}
