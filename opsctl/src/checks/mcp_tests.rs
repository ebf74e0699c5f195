use serde_json::json;

use super::*;
use crate::checks::Status;

fn server(name: &str, call: Option<(&str, Value)>) -> ServerAim {
    ServerAim {
        name: name.to_owned(),
        call: call.map(|(tool, arguments)| (tool.to_owned(), arguments)),
    }
}

fn tool(name: &str, reads_only: bool, required: &[&str]) -> Value {
    json!({"name": name, "annotations": {"readOnlyHint": reads_only}, "inputSchema": {"required": required}})
}

fn called(outcome: Outcome) -> Verdict {
    judge_called(&[Called {
        tool: "git__git_log".into(),
        era: Era::Legacy,
        outcome,
    }])
}

#[test]
fn the_call_of_the_spec_is_made_under_the_name_that_clients_use() {
    let servers = [
        server("git", Some(("git_log", json!({"n": 1})))),
        server("time", None),
    ];
    let tools = [
        tool("git__git_log", false, &["repo"]),
        tool("time__now", true, &[]),
    ];
    let calls = choose(&servers, &tools, &[]);
    assert_eq!(calls.chosen[0].tool, "git__git_log");
    assert_eq!(calls.chosen[0].arguments["n"], 1);
    assert_eq!(calls.chosen[1].tool, "time__now");
}

#[test]
fn a_plain_name_is_found_too() {
    let servers = [server("git", Some(("git_log", json!({}))))];
    let calls = choose(&servers, &[tool("git_log", false, &[])], &[]);
    assert_eq!(calls.chosen[0].tool, "git_log");
}

#[test]
fn a_tool_that_may_write_or_needs_arguments_is_never_called_unasked() {
    let servers = [server("db", None)];
    let tools = [
        tool("db__drop", false, &[]),
        tool("db__read", true, &["table"]),
    ];
    let calls = choose(&servers, &tools, &[]);
    assert!(calls.chosen.is_empty());
    let verdict = judge_servers(&Ok(tools.to_vec()), &calls, &[]);
    assert_eq!(verdict.status, Status::Skip);
    assert!(verdict.detail.contains("server `db`") && verdict.detail.contains("`check_tool`"));
}

#[test]
fn a_failed_server_fails_the_check_and_is_named_beside_the_others() {
    let servers = [server("doomed", None), server("time", None)];
    let tools = [tool("time__now", true, &[])];
    let calls = choose(
        &servers,
        &tools,
        &[("doomed".into(), "no such database".into())],
    );
    let verdict = judge_servers(
        &Ok(tools.to_vec()),
        &calls,
        &[(Version::Http1, Verdict::pass("fine"))],
    );
    assert_eq!(verdict.status, Status::Fail);
    assert!(
        verdict
            .detail
            .starts_with("server `doomed` failed: no such database; "),
        "{}",
        verdict.detail
    );
}

#[test]
fn a_tool_that_is_not_listed_fails() {
    let servers = [server("git", Some(("git_lgo", json!({}))))];
    let calls = choose(&servers, &[tool("git__git_log", true, &[])], &[]);
    assert_eq!(calls.failed, ["server `git` lists no tool `git_lgo`"]);
}

#[test]
fn an_empty_list_of_tools_fails() {
    let verdict = judge_servers(&Ok(Vec::new()), &Calls::default(), &[]);
    assert_eq!(verdict.status, Status::Fail);
}

#[test]
fn an_error_in_the_result_is_a_failure_like_an_error_of_the_protocol() {
    assert_eq!(
        called(Ok(json!({"content": [{"type": "text", "text": "x"}]}))).status,
        Status::Pass
    );
    let error = json!({"isError": true, "content": [{"text": "no repository\nsecond line"}]});
    let verdict = called(Ok(error));
    assert_eq!(verdict.status, Status::Fail);
    assert!(
        verdict.detail.ends_with("no repository"),
        "{}",
        verdict.detail
    );
    assert_eq!(called(Err("error -32602: x".into())).status, Status::Fail);
    assert_eq!(called(Ok(json!({}))).status, Status::Fail);
}

#[test]
fn both_eras_have_to_name_their_revision() {
    assert_eq!(
        judge_discover(&Ok(json!({"supportedVersions": ["2026-07-28"]}))).status,
        Status::Pass
    );
    assert_eq!(
        judge_discover(&Ok(json!({"supportedVersions": ["2025-11-25"]}))).status,
        Status::Fail
    );
    let greeting = |version: &str| json!({"protocolVersion": version, "serverInfo": {"name": "x"}});
    assert_eq!(
        judge_initialize(&Ok(greeting("2025-11-25"))).status,
        Status::Pass
    );
    assert_eq!(
        judge_initialize(&Ok(greeting("2024-11-05"))).status,
        Status::Fail
    );
    assert_eq!(
        judge_initialize(&Ok(json!({"protocolVersion": "2025-11-25"}))).status,
        Status::Fail
    );
}

#[test]
fn a_legacy_request_has_nothing_that_only_the_modern_revision_has() {
    let arguments = Map::from_iter([("a".to_owned(), json!(1))]);
    let modern = mcp::tools_call("/mcp", 7, "t", arguments);
    let session = session(None);
    let legacy = session.call(&modern).expect("a request");
    let body: Value = serde_json::from_slice(&legacy.body).expect("JSON");
    assert_eq!(body["params"], json!({"name": "t", "arguments": {"a": 1}}));
    assert_eq!(body["id"], 7);
    assert!(legacy.headers.get("mcp-method").is_none());
    assert_eq!(legacy.headers["mcp-protocol-version"], mcp::LEGACY);
}

fn session(id: Option<&str>) -> Session<'_> {
    Session {
        path: "/mcp",
        revision: mcp::LEGACY,
        id,
    }
}

#[test]
fn a_legacy_client_says_that_it_is_initialized_in_its_session() {
    let told = session(Some("s-1")).initialized().expect("a request");
    let body: Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(
        body,
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
    );
    assert_eq!(told.headers["mcp-session-id"], "s-1");
    assert_eq!(told.headers["mcp-protocol-version"], mcp::LEGACY);
}
