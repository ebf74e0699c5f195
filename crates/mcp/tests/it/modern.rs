//! Requests of 2026-07-28.

use mcp::forward::Forward;
use mcp::headers::{Field, Headers};
use mcp::{Decision, Level, Seal};
use serde_json::{Value, json};

use crate::world::{NOW, World, answered, refusal, sealing};

/// `params` with the claim and these members.
fn params(members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    format!(r#"{{"_meta":{{{}}}{comma}{members}}}"#, World::CLAIM)
}

fn called(decision: Decision) -> Forward {
    let Decision::Call(forward) = decision else {
        panic!("{decision:?}")
    };
    *forward
}

fn result(forward: &Forward, seal: &Seal, result: &str) -> Value {
    let world = World::new();
    let answer = forward.answer(&world.service, Ok(result), sealing(seal));
    assert_eq!(answer.status, 200);
    let mut body: Value = serde_json::from_str(&answer.body).unwrap();
    body["result"].take()
}

#[test]
fn a_client_discovers_and_lists() {
    let world = World::modern();
    let (status, body) = answered(world.ask("server/discover", "", &params("")));
    let result = &body["result"];
    assert_eq!((status, &body["id"]), (200, &json!("q")));
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    let capabilities = &result["capabilities"];
    assert!(capabilities["extensions"]["io.modelcontextprotocol/tasks"].is_object());
    assert_eq!(capabilities["resources"]["subscribe"], true);
    for (method, key) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let (_, body) = answered(world.ask(method, "", &params("")));
        let result = &body["result"];
        assert_eq!(result[key].as_array().map(Vec::len), Some(1), "{method}");
        assert_eq!(result["resultType"], "complete");
        assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
    }
}

#[test]
fn a_request_goes_to_the_server_of_its_tool_under_that_servers_name() {
    let body = |name: &str| {
        let meta = World::CLAIM;
        format!(r#"{{"arguments":{{"n":1.0}}, "name":"{name}","_meta":{{{meta},"x":1}}}}"#)
    };
    let forward = called(World::new().ask("tools/call", "s__t", &body("s__t")));
    assert_eq!(forward.server.as_ref(), "s");
    assert_eq!(forward.params, body("t"));
    let result = result(&forward, &Seal::new([7; 32]), r#"{"content":[]}"#);
    assert_eq!(result["resultType"], "complete");
    assert_eq!(forward.level, None);
}

#[test]
fn a_client_that_names_a_level_wants_log_messages_and_a_wrong_level_is_refused() {
    let ask = |level: &str| {
        let params = format!(
            r#"{{"name":"s__t","_meta":{{{},"io.modelcontextprotocol/logLevel":{level}}}}}"#,
            World::CLAIM
        );
        World::modern().ask("tools/call", "s__t", &params)
    };
    assert_eq!(called(ask("\"info\"")).level, Level::parse("info"));
    for wrong in ["\"loud\"", "7", "null"] {
        assert_eq!(refusal(ask(wrong)), (400, -32602, json!("q")), "{wrong}");
    }
    let silent = World::modern().ask("tools/call", "s__t", &params(r#""name":"s__t""#));
    assert_eq!(called(silent).level, None);
}

#[test]
fn the_checks_come_in_their_order() {
    let world = World::new();
    let wrong = Headers {
        protocol_version: Field::One("2026-07-28"),
        ..Headers::default()
    };
    let claim = format!("\"_meta\":{{{}}}", World::CLAIM);
    let lacking = claim.replace("clientCapabilities", "other");
    let old = claim.replace("2026-07-28", "1999-01-01");
    let body = |claim: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":"q","method":"nope","params":{{{claim}}}}}"#)
    };
    let send = |headers, claim: &str| refusal(world.send(headers, body(claim).as_bytes()));
    assert_eq!(send(wrong, &lacking), (400, -32602, json!("q")));
    assert_eq!(send(wrong, &old), (400, -32020, json!("q")));
    let agreeing = Headers {
        protocol_version: Field::One("1999-01-01"),
        method: Field::One("nope"),
        ..Headers::default()
    };
    assert_eq!(send(agreeing, &old), (400, -32022, json!("q")));
    let unknown = world.ask("nope", "", &params(""));
    assert_eq!(refusal(unknown), (404, -32601, json!("q")));
}

#[test]
fn a_refused_version_is_told_what_is_served() {
    let old = params("").replace("2026-07-28", "2025-11-25");
    let headers = Headers {
        protocol_version: Field::One("2025-11-25"),
        method: Field::One("ping"),
        ..Headers::default()
    };
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{old}}}"#);
    let (_, body) = answered(World::new().send(headers, body.as_bytes()));
    assert_eq!(
        body["error"]["data"],
        json!({"supported":["2026-07-28"],"requested":"2025-11-25"})
    );
}

#[test]
fn methods_of_the_older_revisions_are_unknown() {
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "tasks/list",
    ] {
        let refused = refusal(World::modern().ask(method, "", &params("")));
        assert_eq!(refused, (404, -32601, json!("q")), "{method}");
    }
}

#[test]
fn a_modern_header_without_a_claim_is_refused_by_name() {
    let (status, body) = answered(World::new().ask("tools/list", "", "{}"));
    let error = &body["error"];
    assert_eq!((status, &error["code"]), (400, &json!(-32602)));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("io.modelcontextprotocol/protocolVersion"));
}

#[test]
fn a_name_in_the_header_that_differs_is_refused() {
    let world = World::new();
    let body = params(r#""name":"s__t""#);
    for name in ["s__other", ""] {
        let refused = refusal(world.ask("tools/call", name, &body));
        assert_eq!(refused, (400, -32020, json!("q")), "{name}");
    }
    let encoded = world.ask("tools/call", "=?base64?c19fdA==?=", &body);
    assert!(matches!(encoded, Decision::Call(_)));
}

#[test]
fn a_parameter_in_a_header_that_differs_is_refused() {
    let world = World::new();
    let body = params(r#""name":"s__t","arguments":{"r":"eu"}"#);
    let ask =
        |parameters: &[(&str, Field<'_>)]| world.ask_with("tools/call", "s__t", &body, parameters);
    assert!(matches!(
        ask(&[("region", Field::One("eu"))]),
        Decision::Call(_)
    ));
    for wrong in [Field::One("us"), Field::Bad, Field::Absent] {
        assert_eq!(refusal(ask(&[("region", wrong)])).1, -32020, "{wrong:?}");
    }
}

#[test]
fn an_unknown_tool_and_one_of_an_absent_server_are_told_apart() {
    let world = World::new();
    for (name, status, code) in [("nope", 400, -32602), ("gone__x", 200, -32000)] {
        let body = params(&format!(r#""name":"{name}""#));
        let refused = refusal(world.ask("tools/call", name, &body));
        assert_eq!(refused, (status, code, json!("q")), "{name}");
    }
}

#[test]
fn a_resource_that_nobody_has_is_refused_with_its_uri() {
    let world = World::new();
    let forward = called(world.ask("resources/read", "x:", &params(r#""uri":"x:""#)));
    // The only server with resources is asked, and says so itself.
    let error = r#"{"message":"gone","code":-32602,"data":{"uri":"x:"}}"#;
    let answer = forward.answer(&world.service, Err(error), sealing(&world.seal));
    assert_eq!(answer.status, 400);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(body["error"]["code"], -32602);
    assert_eq!(body["error"]["data"]["uri"], "x:");
}

#[test]
fn a_resource_says_for_how_long_it_is_good_where_its_server_does_not() {
    let world = World::new();
    let read = |members: &str| {
        let body = params(&format!(r#""uri":"u:1"{members}"#));
        called(world.ask("resources/read", "u:1", &body))
    };
    let first = result(&read(""), &world.seal, r#"{"contents":[]}"#);
    assert_eq!(
        (&first["ttlMs"], &first["cacheScope"]),
        (&json!(0), &json!("private"))
    );
    let own = result(&read(""), &world.seal, r#"{"contents":[],"ttlMs":5}"#);
    assert_eq!(
        (&own["ttlMs"], &own["cacheScope"]),
        (&json!(5), &json!("private"))
    );
    let round = result(
        &read(r#","inputResponses":{}"#),
        &world.seal,
        r#"{"contents":[]}"#,
    );
    assert_eq!(round["ttlMs"], Value::Null);
}

/// The sealed state of a first round of `s__t` with these arguments.
fn state(world: &World, arguments: &str) -> String {
    let body = params(&format!(r#""name":"s__t","arguments":{arguments}"#));
    let forward = called(world.ask("tools/call", "s__t", &body));
    let asked =
        r#"{"resultType":"input_required","requestState":"own \"state\"","inputRequests":{}}"#;
    let result = result(&forward, &world.seal, asked);
    result["requestState"].as_str().expect("a state").to_owned()
}

fn second_round(world: &World, arguments: &str, state: &str) -> Decision {
    let body = params(&format!(
        r#""name":"s__t","arguments":{arguments},"requestState":"{state}","inputResponses":{{}}"#
    ));
    world.ask("tools/call", "s__t", &body)
}

#[test]
fn a_state_goes_back_to_its_server_as_that_server_wrote_it() {
    let world = World::modern();
    let state = state(&world, "{\"r\":null}");
    assert!(!state.contains("own"));
    let forward = called(second_round(&world, "{ \"r\":null }", &state));
    assert!(
        forward.params.contains(r#""requestState":"own \"state\"""#),
        "{}",
        forward.params
    );
}

#[test]
fn a_state_of_another_request_caller_or_time_is_refused() {
    let mut world = World::modern();
    let state = state(&world, "{}");
    let refused = (400, -32602, json!("q"));
    assert_eq!(refusal(second_round(&world, r#"{"a":1}"#, &state)), refused);
    assert_eq!(
        refusal(second_round(&world, "{}", &format!("{state}AAAA"))),
        refused
    );
    assert_eq!(refusal(second_round(&world, "{}", "own")), refused);
    world.principal = "somebody else";
    assert_eq!(refusal(second_round(&world, "{}", &state)), refused);
    world.principal = "";
    assert!(matches!(
        second_round(&world, "{}", &state),
        Decision::Call(_)
    ));
    world.now = NOW + mcp::seal::LIFETIME * 2;
    assert_eq!(refusal(second_round(&world, "{}", &state)), refused);
}

#[test]
fn a_task_is_known_by_its_server() {
    let world = World::modern();
    let forward = called(world.ask("tools/call", "s__t", &params(r#""name":"s__t""#)));
    let created = result(
        &forward,
        &world.seal,
        r#"{"resultType":"task","taskId":"7"}"#,
    );
    assert_eq!(created["taskId"], "s__7");
    for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
        let body = params(r#""taskId":"s__7""#);
        let forward = called(world.ask(method, "s__7", &body));
        assert!(forward.params.contains(r#""taskId":"7""#));
    }
    let unknown = world.ask("tasks/get", "x__7", &params(r#""taskId":"x__7""#));
    assert_eq!(refusal(unknown), (400, -32602, json!("q")));
}

#[test]
fn tasks_are_unknown_where_no_server_knows_them() {
    let refused = World::new().ask("tasks/get", "s__7", &params(r#""taskId":"s__7""#));
    assert_eq!(refusal(refused), (404, -32601, json!("q")));
}

#[test]
fn errors_of_a_server_have_the_status_of_their_code() {
    let world = World::modern();
    let forward = called(world.ask("tools/call", "s__t", &params(r#""name":"s__t""#)));
    for (code, status) in [
        (-32021, 400),
        (-32602, 400),
        (-32601, 404),
        (-32603, 200),
        (5, 200),
    ] {
        let error = format!(r#"{{"code":{code},"message":"m","data":{{"x":1.0}}}}"#);
        let answer = forward.answer(&world.service, Err(&error), sealing(&world.seal));
        assert_eq!(answer.status, status, "{code}");
        assert!(answer.body.contains(&error));
    }
}

#[test]
fn notifications_are_accepted_and_come_to_nothing() {
    let headers = Headers {
        protocol_version: Field::One("2026-07-28"),
        ..Headers::default()
    };
    let body = br#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#;
    assert!(matches!(
        World::new().send(headers, body),
        Decision::Accepted
    ));
}
