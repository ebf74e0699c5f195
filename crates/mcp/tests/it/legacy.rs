//! Requests of the revisions with sessions.

use mcp::headers::{Field, Headers};
use mcp::legacy::{Asked, Opening, Parcel, Post, Routed, route};
use mcp::{Decision, Revision};
use serde_json::{Value, json};

use crate::world::{World, refusal, sealing};

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#)
}

fn posted(body: &str) -> Post {
    let decision = World::new().post(body);
    let Decision::Session(post) = decision else {
        panic!("{decision:?}")
    };
    post
}

fn asked(method: &str, params: &str) -> Asked {
    let mut post = posted(&request(method, params));
    let Some(Parcel::Request(asked)) = post.parcels.pop() else {
        panic!("{method}")
    };
    asked
}

fn routed(method: &str, params: &str) -> Routed {
    let world = World::new();
    route(&asked(method, params), &world.catalog, &world.service)
}

/// The answer to a request that goes to no server.
fn answer(method: &str, params: &str) -> Value {
    let Routed::Answered(answer) = routed(method, params) else {
        panic!("{method} went to a server")
    };
    serde_json::from_str(&answer).unwrap()
}

fn opening(body: &str) -> Opening {
    let decision = World::new().post(body);
    let Decision::Open(opening) = decision else {
        panic!("{decision:?}")
    };
    opening
}

#[test]
fn a_handshake_opens_a_session_with_what_is_offered() {
    let params = r#"{"protocolVersion":"2025-06-18","capabilities":{"roots":{}, "x":1.0},"clientInfo":{"name":"c"}}"#;
    let opening = opening(&request("initialize", params));
    assert_eq!(opening.greeting.revision, Revision::V2025_06_18);
    assert_eq!(&*opening.greeting.capabilities, r#"{"roots":{}, "x":1.0}"#);
    let world = World::new();
    let answer = opening.answer(&world.service, &world.catalog);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let result = &body["result"];
    assert_eq!(result["protocolVersion"], "2025-06-18");
    for capability in ["tools", "prompts", "resources", "completions", "logging"] {
        assert!(
            result["capabilities"][capability].is_object(),
            "{capability}"
        );
    }
}

#[test]
fn a_handshake_without_a_version_is_refused() {
    let body = request("initialize", "{}");
    assert_eq!(refusal(World::new().post(&body)), (200, -32602, json!(7)));
}

#[test]
fn an_old_header_that_names_no_revision_is_refused() {
    let body = request("ping", "{}");
    let world = World::new();
    let version = |value| Headers {
        protocol_version: value,
        ..Headers::default()
    };
    for wrong in [Field::One("1999-01-01"), Field::Bad] {
        let refused = refusal(world.send(version(wrong), body.as_bytes()));
        assert_eq!(refused, (400, -32600, json!(7)));
    }
    let absent = world.send(version(Field::Absent), body.as_bytes());
    assert!(matches!(absent, Decision::Session(_)));
}

#[test]
fn lists_and_pings_are_answered_here() {
    let result = |method: &str| answer(method, "{}")["result"].clone();
    assert_eq!(result("ping"), json!({}));
    assert_eq!(result("tools/list")["tools"][0]["name"], "s__t");
    assert_eq!(result("prompts/list"), json!({"prompts":[{"name":"s__p"}]}));
    assert_eq!(
        result("resources/list"),
        json!({"resources":[{"uri":"u:1"}]})
    );
    let templates = json!({"resourceTemplates":[{"uriTemplate":"v:{x}"}]});
    assert_eq!(result("resources/templates/list"), templates);
}

#[test]
fn what_needs_a_server_goes_to_it_under_its_own_names() {
    for (method, params, own) in [
        ("tools/call", r#"{"name":"s__t"}"#, r#"{"name":"t"}"#),
        ("prompts/get", r#"{"name":"s__p"}"#, r#"{"name":"p"}"#),
        ("resources/read", r#"{"uri":"v:9"}"#, r#"{"uri":"v:9"}"#),
        (
            "completion/complete",
            r#"{"ref":{"name":"s__p"}}"#,
            r#"{"ref":{"name":"p"}}"#,
        ),
        (
            "completion/complete",
            r#"{"ref":{"uri":"v:{x}"}}"#,
            r#"{"ref":{"uri":"v:{x}"}}"#,
        ),
    ] {
        let Routed::Forward(forward) = routed(method, params) else {
            panic!("{method}")
        };
        assert_eq!(
            (forward.server.as_ref(), forward.method.as_ref()),
            ("s", method)
        );
        assert_eq!(forward.params, own);
    }
}

#[test]
fn subscriptions_and_levels_are_noted() {
    let params = r#"{"uri":"u:1"}"#;
    let watched = routed("resources/subscribe", params);
    assert!(matches!(watched, Routed::Watch { uri, on: true, .. } if uri == "u:1"));
    let unwatched = routed("resources/unsubscribe", params);
    assert!(matches!(unwatched, Routed::Watch { on: false, .. }));
    let level = routed("logging/setLevel", r#"{"level":"info"}"#);
    assert!(matches!(level, Routed::Level { .. }));
    let wrong = answer("logging/setLevel", r#"{"level":"loud"}"#);
    assert_eq!(wrong["error"]["code"], -32602);
}

#[test]
fn a_servers_answer_is_the_clients() {
    let Routed::Forward(forward) = routed("tools/call", r#"{"name":"s__t"}"#) else {
        panic!()
    };
    let world = World::new();
    let sealing = sealing(&world.seal);
    let answer = forward.answer(&world.service, Ok(r#"{"n":1.50, "content":[]}"#), sealing);
    let expected = r#"{"jsonrpc":"2.0","id":7,"result":{"n":1.50, "content":[]}}"#;
    assert_eq!(answer.body, expected);
    let answer = forward.answer(
        &world.service,
        Err(r#"{"code":-32602,"message":"m"}"#),
        sealing,
    );
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#""error":{"code":-32602"#));
}

#[test]
fn requests_that_go_nowhere_are_answered_with_their_reason() {
    for (method, params, code) in [
        ("nope", "{}", -32601),
        ("tools/call", "{}", -32602),
        ("tools/call", r#"{"name":7}"#, -32602),
        ("tools/call", r#"{"name":"s__nope"}"#, -32602),
        ("tools/call", r#"{"name":"gone__x"}"#, -32000),
        ("prompts/get", r#"{"name":"s__nope"}"#, -32602),
        ("resources/read", "{}", -32602),
        ("completion/complete", r#"{"ref":7}"#, -32602),
        ("tools/list", r#"{"cursor":"2"}"#, -32602),
    ] {
        let answer = answer(method, params);
        assert_eq!(answer["error"]["code"], code, "{method} {params}");
        assert_eq!(answer["id"], 7);
    }
}

#[test]
fn a_batch_holds_all_kinds_and_names_what_is_none() {
    let body = format!(
        r#"[{},{{"jsonrpc":"2.0","method":"n"}},{{"jsonrpc":"2.0","id":1,"result":{{}}}},7,{}]"#,
        request("ping", "{}"),
        request("initialize", "{}")
    );
    let post = posted(&body);
    assert!(post.batch && post.answers() == 3);
    let refused =
        |parcel: &Parcel| matches!(parcel, Parcel::Refused(text) if text.contains("-32600"));
    assert!(refused(&post.parcels[3]));
    let Parcel::Request(again) = &post.parcels[4] else {
        panic!()
    };
    let world = World::new();
    let answered = route(again, &world.catalog, &world.service);
    assert!(matches!(answered, Routed::Answered(text) if text.contains("-32600")));
}

#[test]
fn a_ping_alone_needs_no_session() {
    let ping = posted(&request("ping", "{}")).without_session();
    assert!(ping.is_some_and(|answer| answer.body.contains(r#""id":7,"result":{}"#)));
    assert!(
        posted(&request("tools/list", "{}"))
            .without_session()
            .is_none()
    );
    assert!(
        posted(&format!("[{}]", request("ping", "{}")))
            .without_session()
            .is_none()
    );
}
