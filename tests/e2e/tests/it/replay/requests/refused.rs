//! Errors of each kind: every one is JSON-RPC, and the same over every version.

use http::Method;
use probe::Ask;
use probe::mcp::{LEGACY, discover, legacy, modern, tools_call};
use serde_json::json;

use super::{object, with, without};
use crate::replay::transcript::Script;

/// What each is answered with.
pub(crate) const STATUSES: &[(&str, u16)] = &[
    ("method that is not there", 404),
    ("tool that is not there", 400),
    ("resource that is not there", 400),
    ("header of another version", 400),
    ("header of another method", 400),
    ("no header for the method", 400),
    ("name of another tool", 400),
    ("name in broken base64", 400),
    ("version that is not there", 400),
    ("no meta", 400),
    ("capability that was not declared", 400),
    ("request state of nobody", 400),
    ("truncated", 400),
    ("not UTF-8", 400),
    ("nested too deep", 400),
    ("member twice", 400),
    ("id that is an object", 400),
    ("batch", 400),
    ("not called JSON", 415),
    ("legacy without a session", 400),
    ("delete without a session", 400),
    ("put", 405),
    ("foreign page", 403),
    ("foreign host", 421),
];

pub(crate) async fn play(script: &mut Script) {
    headers_and_body(script).await;
    meaning(script).await;
    syntax(script).await;
    outside(script).await;
}

async fn headers_and_body(script: &mut Script) {
    let call = || tools_call("/mcp", 7, "test_simple_text", object(json!({})));
    let unknown = modern("/mcp", 7, "no/such", object(json!({})));
    script.ask("method that is not there", unknown).await;
    let tool = tools_call("/mcp", 7, "no_such_tool", object(json!({})));
    script.ask("tool that is not there", tool).await;
    let resource = modern(
        "/mcp",
        7,
        "resources/read",
        object(json!({"uri": "test://none"})),
    );
    script.ask("resource that is not there", resource).await;
    let version = with(call(), "mcp-protocol-version", LEGACY);
    script.ask("header of another version", version).await;
    let method = with(call(), "mcp-method", "tools/list");
    script.ask("header of another method", method).await;
    script
        .ask("no header for the method", without(call(), "mcp-method"))
        .await;
    let name = with(call(), "mcp-name", "test_image_content");
    script.ask("name of another tool", name).await;
    let base64 = with(call(), "mcp-name", "=?base64?dGVzdA=?=");
    script.ask("name in broken base64", base64).await;
}

async fn meaning(script: &mut Script) {
    let future = replaced(discover("/mcp", 7), "2026-07-28", "2099-01-01");
    let future = with(future, "mcp-protocol-version", "2099-01-01");
    script.ask("version that is not there", future).await;
    let mut bare = discover("/mcp", 7);
    bare.body = r#"{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{}}"#.into();
    script.ask("no meta", bare).await;
    let capability = tools_call("/mcp", 7, "test_missing_capability", object(json!({})));
    script
        .ask("capability that was not declared", capability)
        .await;
    let state = json!({
        "name": "test_input_required_result_request_state",
        "arguments": {},
        "requestState": "bm9ib2R5",
        "inputResponses": {"confirm": {"action": "accept", "content": {"ok": true}}},
    });
    let state = modern("/mcp", 7, "tools/call", object(state));
    script.ask("request state of nobody", state).await;
}

async fn syntax(script: &mut Script) {
    let body = |text: &[u8]| {
        let mut ask = discover("/mcp", 7);
        ask.body = text.to_vec().into();
        ask
    };
    script
        .ask("truncated", body(br#"{"jsonrpc":"2.0","id":7,"meth"#))
        .await;
    script
        .ask(
            "not UTF-8",
            body(b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"x\"}"),
        )
        .await;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{}{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    script.ask("nested too deep", body(deep.as_bytes())).await;
    let twice = br#"{"jsonrpc":"2.0","id":7,"id":8,"method":"server/discover"}"#;
    script.ask("member twice", body(twice)).await;
    let id = br#"{"jsonrpc":"2.0","id":{},"method":"server/discover"}"#;
    script.ask("id that is an object", body(id)).await;
    let batch = br#"[{"jsonrpc":"2.0","id":7,"method":"server/discover"}]"#;
    script.ask("batch", body(batch)).await;
    let text = with(discover("/mcp", 7), "content-type", "text/plain");
    script.ask("not called JSON", text).await;
}

async fn outside(script: &mut Script) {
    let alone = legacy("/mcp", LEGACY, Some(7), "tools/list", None);
    script.ask("legacy without a session", alone).await;
    let mut delete = with(Ask::get("/mcp"), "mcp-protocol-version", LEGACY);
    delete.method = Method::DELETE;
    script.ask("delete without a session", delete).await;
    let mut put = discover("/mcp", 7);
    put.method = Method::PUT;
    script.ask("put", put).await;
    let page = with(discover("/mcp", 7), "origin", "https://evil.example");
    script.ask("foreign page", page).await;
    let host = with(discover("/mcp", 7), "host", "evil.example");
    script.ask("foreign host", host).await;
}

/// The request with a word of its body replaced.
fn replaced(mut ask: Ask, find: &str, replace: &str) -> Ask {
    let text = String::from_utf8_lossy(&ask.body).replace(find, replace);
    ask.body = text.into_bytes().into();
    ask
}
