//! What strangers send.

use mcp::headers::{Field, Headers};
use mcp::{Decision, sse};
use serde_json::{Value, json};

use crate::world::{World, refusal};

fn sent(body: &[u8]) -> (u16, i64, Value) {
    refusal(World::new().send(Headers::default(), body))
}

#[test]
fn what_is_no_message_has_a_code_and_a_null_id() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{deep}}}"#);
    for (body, code) in [
        (&b"{"[..], -32700),
        (br#"{"jsonrpc":"2.0","id":1,"method":"tools/li"#, -32700),
        (b"\xff\xfe", -32700),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\",\"method\":\"m\"}",
            -32700,
        ),
        (b"", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (deep.as_bytes(), -32600),
        (
            br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
            -32600,
        ),
        (
            br#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"x"}"#,
            -32600,
        ),
    ] {
        assert_eq!(sent(body), (400, code, Value::Null), "{:?}", body.get(..40));
    }
}

#[test]
fn ids_of_every_kind_come_back_or_are_refused() {
    for id in ["null", "1.5", "1e3", "true", "[]", "{}"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        assert_eq!(sent(body.as_bytes()), (400, -32600, Value::Null), "{id}");
    }
    for id in [
        "0",
        "-1",
        "\"\"",
        "123456789012345678901234567890",
        r#""\ud800""#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let Decision::Session(post) = World::new().post(&body) else {
            panic!("{id}")
        };
        let answer = post.without_session().expect("a ping").body;
        assert!(answer.contains(&format!(r#""id":{id},"#)), "{answer}");
    }
}

#[test]
fn a_large_batch_is_refused_whatever_is_in_it() {
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let batch = |count| format!("[{}]", vec![ping; count].join(","));
    assert_eq!(sent(batch(10_000).as_bytes()), (400, -32600, Value::Null));
    assert_eq!(sent(b"[[[[[[").1, -32700);
    let fits = World::new().post(&batch(100));
    assert!(matches!(fits, Decision::Session(post) if post.answers() == 100));
}

#[test]
fn a_body_that_is_not_called_json_is_refused() {
    let world = World::new();
    let inbound = mcp::Inbound {
        headers: Headers::default(),
        body: b"{}",
        catalog: &world.catalog,
        service: &world.service,
        seal: &world.seal,
        now: world.now,
        principal: "",
    };
    assert_eq!(refusal(mcp::decide(&inbound)), (415, -32600, Value::Null));
}

#[test]
fn nothing_is_smuggled_in_a_name() {
    let world = World::new();
    let params = format!(r#"{{"_meta":{{{}}},"name":"s__t"}}"#, World::CLAIM);
    for name in [
        "s__t, s__other",
        "s__t;x",
        "S__T",
        "=?base64?c19fdA?=",
        "=?base64?c19fdA==",
        "=?base64?c19fb3RoZXI=?=",
        "=?base64?/w==?=",
        "=?base64?c19fdAo=?=",
    ] {
        let refused = refusal(world.ask("tools/call", name, &params));
        assert_eq!(refused, (400, -32020, json!("q")), "{name}");
    }
    for bytes in [&b"s__t\r\nx: y"[..], b"s__t\0", b"s__\xc3\xb6"] {
        assert_eq!(Field::of([bytes]), Field::Bad);
    }
    assert_eq!(Field::of([&b"s__t"[..], b"s__t"]), Field::Bad);
}

#[test]
fn a_member_of_params_that_stands_twice_is_refused() {
    let body = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"s__t","n\u0061me":"x"}}"#;
    assert_eq!(sent(body), (400, -32602, json!(7)));
    let twice = format!(r#"{{"_meta":{{{0},{0}}},"name":"s__t"}}"#, World::CLAIM);
    let refused = refusal(World::new().ask("tools/call", "s__t", &twice));
    assert_eq!(refused, (400, -32602, json!("q")));
}

#[test]
fn an_event_id_of_somebody_else_is_none() {
    for id in [
        "",
        "x",
        "1",
        "1-",
        "-1",
        "1-1-1",
        "1- 1",
        "9".repeat(40).as_str(),
    ] {
        assert_eq!(sse::read_id(id), None, "{id}");
    }
}
