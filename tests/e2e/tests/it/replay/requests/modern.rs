//! 2026-07-28: every method, with an answer as JSON and as a stream.

use probe::mcp::{discover, modern, tools_call, tools_list};
use serde_json::{Value, json};

use super::{object, with};
use crate::replay::transcript::Script;

/// What each is answered with.
pub(crate) const STATUSES: &[(&str, u16)] = &[
    ("discover", 200),
    ("tools", 200),
    ("prompts", 200),
    ("resources", 200),
    ("templates", 200),
    ("call", 200),
    ("call with progress", 200),
    ("call that fails", 200),
    ("call with its parameters in headers", 200),
    ("resource", 200),
    ("binary resource", 200),
    ("template", 200),
    ("prompt", 200),
    ("completion", 200),
    ("call that asks", 200),
    ("listen", 200),
    ("notification", 202),
];

pub(crate) async fn play(script: &mut Script) {
    let ask = |method: &str, params: Value| modern("/mcp", 7, method, object(params));
    let call = |tool: &str, arguments: Value| tools_call("/mcp", 7, tool, object(arguments));
    script.ask("discover", discover("/mcp", 7)).await;
    script.ask("tools", tools_list("/mcp", 7, None)).await;
    script.ask("prompts", ask("prompts/list", json!({}))).await;
    script
        .ask("resources", ask("resources/list", json!({})))
        .await;
    let templates = ask("resources/templates/list", json!({}));
    script.ask("templates", templates).await;
    // one kind of answer alone is asked for: which of the two comes may not hang on how busy the machine is
    let text = with(
        call("test_simple_text", json!({})),
        "accept",
        "application/json",
    );
    script.ask("call", text).await;
    script.ask("call with progress", with_progress()).await;
    let fails = with(
        call("test_error_handling", json!({})),
        "accept",
        "application/json",
    );
    script.ask("call that fails", fails).await;
    script
        .ask("call with its parameters in headers", with_parameters())
        .await;
    let resource = ask("resources/read", json!({"uri": "test://static-text"}));
    script.ask("resource", json_only(resource)).await;
    let binary = ask("resources/read", json!({"uri": "test://static-binary"}));
    script.ask("binary resource", json_only(binary)).await;
    let template = ask("resources/read", json!({"uri": "test://template/7/data"}));
    script.ask("template", json_only(template)).await;
    let words = json!({"arg1": "one", "arg2": "zwö"});
    let prompt = json!({"name": "test_prompt_with_arguments", "arguments": words});
    script
        .ask("prompt", json_only(ask("prompts/get", prompt)))
        .await;
    let completion = json!({
        "ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
        "argument": {"name": "arg1", "value": "par"},
    });
    script
        .ask(
            "completion",
            json_only(ask("completion/complete", completion)),
        )
        .await;
    script.ask("call that asks", asking()).await;
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    script
        .open("listen", ask("subscriptions/listen", wanted), 1)
        .await;
    let mut notification = ask("notifications/cancelled", json!({"requestId": 99}));
    let body =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}});
    notification.body = body.to_string().into();
    script.ask("notification", notification).await;
}

fn json_only(ask: probe::Ask) -> probe::Ask {
    with(ask, "accept", "application/json")
}

/// A call whose answer is a stream, because it speaks before it ends.
fn with_progress() -> probe::Ask {
    changed("test_tool_with_progress", |meta| {
        meta["progressToken"] = json!("p");
    })
}

fn asking() -> probe::Ask {
    json_only(changed("test_input_required_result_elicitation", |meta| {
        meta["io.modelcontextprotocol/clientCapabilities"] = json!({"elicitation": {}});
    }))
}

/// A call with something changed in its `_meta`.
fn changed(tool: &str, change: impl Fn(&mut Value)) -> probe::Ask {
    let mut ask = tools_call("/mcp", 7, tool, object(json!({})));
    let mut body: Value = serde_json::from_slice(&ask.body).expect("our own JSON");
    change(&mut body["params"]["_meta"]);
    ask.body = body.to_string().into();
    ask
}

fn with_parameters() -> probe::Ask {
    let arguments = json!({"region": "größe", "priority": 42, "urgent": true});
    let ask = tools_call("/mcp", 7, "test_header_params", object(arguments));
    let ask = with(ask, "mcp-param-region", "=?base64?Z3LDtsOfZQ==?=");
    let ask = with(ask, "mcp-param-priority", "42");
    json_only(with(ask, "mcp-param-urgent", "true"))
}
