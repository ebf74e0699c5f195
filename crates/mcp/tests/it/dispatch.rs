//! What a POST is answered with.

use mcp::catalog::Source;
use mcp::headers::{Field, Headers};
use mcp::{Catalog, Decision, Inbound, Naming, Service, decide};
use serde_json::{Value, json};

const CLAIM: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"x":1}"#;

pub(crate) fn service() -> Service {
    Service {
        name: "origin".into(),
        version: "0.1.0".into(),
        instructions: None,
    }
}

fn catalog() -> Catalog {
    let git = [r#"{"name":"log"}"#.into()];
    let sources = [
        Source {
            server: "git",
            tools: &git,
        },
        Source {
            server: "time",
            tools: &[],
        },
    ];
    Catalog::build(Naming::Prefixed, &sources)
}

fn post(headers: Headers<'_>, body: &str) -> Decision {
    let headers = Headers {
        content_type: Field::One("application/json"),
        ..headers
    };
    let (catalog, service) = (catalog(), service());
    decide(&Inbound {
        headers,
        body: body.as_bytes(),
        catalog: &catalog,
        service: &service,
    })
}

fn answered(decision: Decision) -> (u16, Value) {
    let Decision::Respond(answer) = decision else {
        panic!("{decision:?}")
    };
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// Posts with headers that agree with 2026-07-28.
fn modern(method: &str, name: Field<'_>, params: &str) -> Decision {
    let body = format!(r#"{{"jsonrpc":"2.0","id":"q","method":"{method}","params":{{{params}}}}}"#);
    let version = Field::One("2026-07-28");
    post(
        Headers {
            protocol_version: version,
            method: Field::One(method),
            name,
            ..Headers::default()
        },
        &body,
    )
}

fn legacy(method: &str, params: &str) -> Decision {
    let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
    post(
        Headers {
            protocol_version: Field::One("2025-11-25"),
            ..Headers::default()
        },
        &body,
    )
}

/// Status, error code and id of a refusal.
fn refusal(decision: Decision) -> (u16, i64, Value) {
    let (status, body) = answered(decision);
    (
        status,
        body["error"]["code"].as_i64().unwrap(),
        body["id"].clone(),
    )
}

#[test]
fn a_modern_client_discovers_and_lists() {
    let (status, body) = answered(modern("server/discover", Field::Absent, CLAIM));
    assert_eq!(
        (status, &body["id"], &body["result"]["supportedVersions"]),
        (200, &json!("q"), &json!(["2026-07-28"]))
    );
    let (_, body) = answered(modern("tools/list", Field::Absent, CLAIM));
    assert_eq!(body["result"]["tools"], json!([{"name":"git__log"}]));
    assert_eq!(body["result"]["resultType"], "complete");
}

#[test]
fn a_legacy_client_shakes_hands_pings_and_lists() {
    let (_, body) = answered(legacy(
        "initialize",
        r#"{"protocolVersion":"2025-06-18","capabilities":{}}"#,
    ));
    assert_eq!(body["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(body["result"]["capabilities"], json!({"tools":{}}));
    assert_eq!(
        answered(legacy("ping", "{}")).1,
        json!({"jsonrpc":"2.0","id":7,"result":{}})
    );
    assert_eq!(
        answered(legacy("tools/list", "null")).1["result"],
        json!({"tools":[{"name":"git__log"}]})
    );
}

#[test]
fn a_modern_call_goes_to_its_server_without_the_clients_own_claims() {
    let params = format!(r#""arguments":{{"n":1.0}}, "name":"git__log",{CLAIM}"#);
    let Decision::Call(forward) = modern("tools/call", Field::One("git__log"), &params) else {
        panic!()
    };
    assert_eq!(forward.server.as_ref(), "git");
    assert_eq!(
        forward.params,
        r#"{"arguments":{"n":1.0}, "name":"log","_meta":{"x":1}}"#
    );
    let answer = forward.answer(&service(), Ok(r#"{"content":[]}"#));
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&body["id"], &body["result"]["resultType"]),
        (&json!("q"), &json!("complete"))
    );
}

#[test]
fn a_legacy_call_is_answered_with_the_servers_bytes() {
    let Decision::Call(forward) = legacy("tools/call", r#"{"name":"git__log"}"#) else {
        panic!()
    };
    let answer = forward.answer(&service(), Ok(r#"{"n":1.50, "content":[]}"#));
    assert_eq!(
        answer.body,
        r#"{"jsonrpc":"2.0","id":7,"result":{"n":1.50, "content":[]}}"#
    );
    let answer = forward.answer(&service(), Err(r#"{"code":-5,"message":"m"}"#));
    assert_eq!(
        (answer.status, answer.body.contains(r#""error":{"code":-5"#)),
        (200, true)
    );
}

#[test]
fn the_modern_checks_come_in_their_order() {
    let wrong = Headers {
        protocol_version: Field::One("2026-07-28"),
        ..Headers::default()
    };
    let lacking = CLAIM.replace("clientCapabilities", "other");
    let old = CLAIM.replace("2026-07-28", "1999-01-01");
    let body = |claim: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":"q","method":"nope","params":{{{claim}}}}}"#)
    };
    assert_eq!(
        refusal(post(wrong, &body(&lacking))),
        (400, -32602, json!("q"))
    );
    assert_eq!(refusal(post(wrong, &body(&old))), (400, -32020, json!("q")));
    let agreeing = Headers {
        protocol_version: Field::One("1999-01-01"),
        method: Field::One("nope"),
        ..Headers::default()
    };
    assert_eq!(
        refusal(post(agreeing, &body(&old))),
        (400, -32022, json!("q"))
    );
    assert_eq!(
        refusal(modern("nope", Field::Absent, CLAIM)),
        (404, -32601, json!("q"))
    );
}

#[test]
fn a_refused_version_is_told_what_is_served() {
    let old = CLAIM.replace("2026-07-28", "2025-11-25");
    let headers = Headers {
        protocol_version: Field::One("2025-11-25"),
        method: Field::One("ping"),
        ..Headers::default()
    };
    let (_, body) = answered(post(
        headers,
        &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{{old}}}}}"#),
    ));
    assert_eq!(
        body["error"]["data"],
        json!({"supported":["2026-07-28"],"requested":"2025-11-25"})
    );
}

#[test]
fn a_modern_claim_makes_initialize_an_unknown_method() {
    assert_eq!(
        refusal(modern("initialize", Field::Absent, CLAIM)),
        (404, -32601, json!("q"))
    );
}

#[test]
fn a_modern_header_without_a_claim_is_refused_by_name() {
    let (status, body) = answered(modern("tools/list", Field::Absent, ""));
    assert_eq!(
        (status, body["error"]["code"].as_i64()),
        (400, Some(-32602))
    );
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("io.modelcontextprotocol/protocolVersion")
    );
}

#[test]
fn a_name_in_the_header_that_differs_is_refused() {
    let params = format!(r#""name":"git__log",{CLAIM}"#);
    assert_eq!(
        refusal(modern("tools/call", Field::One("time__now"), &params)),
        (400, -32020, json!("q"))
    );
    assert_eq!(
        refusal(modern("tools/call", Field::Absent, &params)),
        (400, -32020, json!("q"))
    );
    let encoded = Field::One("=?base64?Z2l0X19sb2c=?=");
    assert!(matches!(
        modern("tools/call", encoded, &params),
        Decision::Call(_)
    ));
}

#[test]
fn a_member_of_params_that_stands_twice_is_refused() {
    assert_eq!(
        refusal(legacy(
            "tools/call",
            r#"{"name":"git__log","n\u0061me":"x"}"#
        )),
        (400, -32602, json!(7))
    );
}

#[test]
fn an_unknown_tool_and_one_of_an_absent_server_are_told_apart() {
    assert_eq!(
        refusal(legacy("tools/call", r#"{"name":"git__nope"}"#)),
        (200, -32602, json!(7))
    );
    assert_eq!(
        refusal(legacy("tools/call", r#"{"name":"time__now"}"#)),
        (200, -32000, json!(7))
    );
    let params = format!(r#""name":"nope",{CLAIM}"#);
    assert_eq!(
        refusal(modern("tools/call", Field::One("nope"), &params)),
        (400, -32602, json!("q"))
    );
}

#[test]
fn what_is_not_declared_is_an_unknown_method() {
    assert_eq!(
        refusal(legacy("prompts/list", "{}")),
        (200, -32601, json!(7))
    );
}

#[test]
fn an_old_header_that_names_no_revision_is_refused() {
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    let version = |value| Headers {
        protocol_version: value,
        ..Headers::default()
    };
    assert_eq!(
        refusal(post(version(Field::One("1999-01-01")), body)),
        (400, -32600, json!(7))
    );
    assert_eq!(
        refusal(post(version(Field::Bad), body)),
        (400, -32600, json!(7))
    );
    assert_eq!(answered(post(version(Field::Absent), body)).0, 200);
}

#[test]
fn notifications_and_responses_are_accepted() {
    for body in [
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        assert_eq!(post(Headers::default(), body), Decision::Accepted);
    }
}

#[test]
fn what_is_no_message_has_a_code_and_a_null_id() {
    assert_eq!(
        refusal(post(Headers::default(), "{")),
        (400, -32700, Value::Null)
    );
    assert_eq!(
        refusal(post(Headers::default(), "[]")),
        (400, -32600, Value::Null)
    );
    let (catalog, service) = (catalog(), service());
    let inbound = Inbound {
        headers: Headers::default(),
        body: b"{}",
        catalog: &catalog,
        service: &service,
    };
    assert_eq!(refusal(decide(&inbound)), (415, -32600, Value::Null));
}

#[test]
fn a_cursor_that_was_never_given_out_is_refused() {
    assert_eq!(
        refusal(legacy("tools/list", r#"{"cursor":"2"}"#)),
        (200, -32602, json!(7))
    );
}
