//! What passes through keeps its bytes, whatever JSON it is.

use mcp::catalog::Source;
use mcp::headers::{Field, Headers};
use mcp::upstream::{Event, Upstream};
use mcp::{Catalog, Decision, Inbound, Naming, decide};
use proptest::prelude::*;

use crate::dispatch::service;

/// JSON text as strange as the grammar allows: any spacing, any spelling of numbers and strings, any depth up to four.
fn json() -> impl Strategy<Value = String> {
    let number = "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,3})?";
    let string = r#""([a-zö\{\}\[\],: ]|\\["\\/bfnrt]|\\u[0-9a-f]{4}){0,8}""#;
    let scalar = prop_oneof![
        number,
        string,
        Just("null".to_owned()),
        Just("true".to_owned())
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let space = "[ \t]{0,2}";
        let element = (space, inner.clone(), space)
            .prop_map(|(before, value, after)| before + &value + &after);
        let member = (0_u32..1000, space, inner)
            .prop_map(|(key, space, value)| format!("\"k{key}\"{space}:{value}"));
        let array = prop::collection::vec(element, 0..4)
            .prop_map(|elements| format!("[{}]", elements.join(",")));
        let object = prop::collection::vec(member, 0..4)
            .prop_map(|members| format!("{{{}}}", members.join(" , ")));
        prop_oneof![array, object]
    })
}

/// The `params` line that a server gets for `tools/call` with this body of params.
fn forwarded(params: &str) -> (mcp::dispatch::Forward, String) {
    let tools = [r#"{"name":"t"}"#.into()];
    let catalog = Catalog::build(
        Naming::Prefixed,
        &[Source {
            server: "s",
            tools: &tools,
        }],
    );
    let body = format!(r#"{{"id":1,"jsonrpc":"2.0","params":{params},"method":"tools/call"}}"#);
    let headers = Headers {
        content_type: Field::One("application/json"),
        ..Headers::default()
    };
    let service = service();
    let inbound = Inbound {
        headers,
        body: body.as_bytes(),
        catalog: &catalog,
        service: &service,
    };
    let Decision::Call(forward) = decide(&inbound) else {
        panic!("{body}")
    };
    let mut machine = ready();
    assert!(machine.call(1, &forward.params));
    let line = machine.poll_outgoing().unwrap();
    (forward, line)
}

fn ready() -> Upstream {
    let mut machine = Upstream::new("o", "1");
    machine.receive(
        r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#,
    );
    while machine.poll_outgoing().is_some() {}
    while machine.poll_event().is_some() {}
    machine
}

proptest! {
    #[test]
    fn arguments_and_meta_reach_the_server_as_they_were_sent(arguments in json(), extra in json(), meta in json()) {
        let params = |name: &str| {
            format!(r#"{{"x":{extra}, "arguments" :{arguments},"name":"{name}","_meta":{{"progress":{meta}}}}}"#)
        };
        let (_, line) = forwarded(&params("s__t"));
        let expected = format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{}}}"#, params("t"));
        prop_assert_eq!(line, expected);
    }

    #[test]
    fn results_reach_the_client_as_they_were_sent(result in json()) {
        let (forward, _) = forwarded(r#"{"name":"s__t"}"#);
        let mut machine = ready();
        machine.call(9, "{}");
        machine.receive(&format!(r#"{{"jsonrpc":"2.0","id":2,"result":{result}}}"#));
        let Some(Event::Answer { ticket: 9, outcome: Ok(text) }) = machine.poll_event() else { panic!("{result}") };
        prop_assert_eq!(text.as_ref(), result.trim());
        let body = forward.answer(&service(), Ok(&text)).body;
        prop_assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{text}}}"#));
    }

    #[test]
    fn a_completed_result_stays_valid_and_holds_the_servers_bytes(members in json(), meta in json()) {
        let own = format!(r#""a":{members},"_meta":{{"k":{meta}}}"#);
        let completed = service().complete(&format!("{{{own}}}"));
        prop_assert!(serde_json::from_str::<&serde_json::value::RawValue>(&completed).is_ok());
        let has_all = completed.contains(&format!(r#""a":{members},"#)) && completed.contains(&format!(r#""k":{meta}"#));
        prop_assert!(has_all);
    }

    #[test]
    fn no_body_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = mcp::jsonrpc::read_request(&body);
    }

    #[test]
    fn no_text_of_json_signs_makes_the_reader_panic(body in r#"[\[\]{}",:0-9a\\ ]{0,60}"#) {
        let _ = mcp::jsonrpc::read_request(body.as_bytes());
    }
}

#[test]
fn a_request_over_many_lines_is_one_line_for_the_server() {
    let (_, line) =
        forwarded("{\n  \"name\": \"s__t\",\r\n  \"arguments\": {\"text\": \"a\\nb\"}\n}");
    assert!(!line.contains(['\n', '\r']));
    assert!(line.contains(r#"{"text": "a\nb"}"#));
}
