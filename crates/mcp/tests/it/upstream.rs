//! The machine that talks to a server, against a server written by hand.

use mcp::upstream::{Event, Hello, Upstream};
use serde_json::{Value, json};

/// The next line for the server.
fn sent(machine: &mut Upstream) -> Value {
    let line = machine.poll_outgoing().expect("a line");
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).unwrap()
}

fn answer(machine: &mut Upstream, id: &Value, result: &str) {
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    ));
}

const GREETING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s"},"instructions":"do"}"#;

/// A machine past its handshake, with one tool.
fn ready() -> Upstream {
    let mut machine = Upstream::new("origin", "0.1.0");
    let opening = sent(&mut machine);
    answer(&mut machine, &opening["id"], GREETING);
    assert_eq!(sent(&mut machine)["method"], "notifications/initialized");
    let list = sent(&mut machine);
    answer(&mut machine, &list["id"], r#"{"tools":[{"name":"a"}]}"#);
    assert!(matches!(machine.poll_event(), Some(Event::Ready(_))));
    machine
}

#[test]
fn the_handshake_comes_first_then_all_pages_of_tools() {
    let mut machine = Upstream::new("origin", "0.1.0");
    let opening = sent(&mut machine);
    assert_eq!(
        (&opening["method"], &opening["params"]["protocolVersion"]),
        (&json!("initialize"), &json!("2025-11-25"))
    );
    assert!(machine.poll_outgoing().is_none() && !machine.call(1, "{}"));
    answer(&mut machine, &opening["id"], GREETING);
    sent(&mut machine);
    let first = sent(&mut machine);
    answer(
        &mut machine,
        &first["id"],
        r#"{"tools":[{"name":"a", "x":1.0}],"nextCursor":"2"}"#,
    );
    let second = sent(&mut machine);
    assert_eq!(second["params"]["cursor"], "2");
    answer(&mut machine, &second["id"], r#"{"tools":[{"name":"b"}]}"#);
    let hello = Hello {
        protocol_version: "2025-11-25".into(),
        server_info: Some(r#"{"name":"s"}"#.into()),
        instructions: Some("do".into()),
        tools: vec![r#"{"name":"a", "x":1.0}"#.into(), r#"{"name":"b"}"#.into()],
    };
    assert_eq!(machine.poll_event(), Some(Event::Ready(hello)));
}

#[test]
fn answers_find_their_calls_in_any_order() {
    let mut machine = ready();
    assert!(machine.call(10, r#"{"name":"a"}"#) && machine.call(20, r#"{"name":"b"}"#));
    let (first, second) = (sent(&mut machine), sent(&mut machine));
    answer(&mut machine, &second["id"], "\"two\"");
    answer(&mut machine, &first["id"], "\"one\"");
    let outcome = |text: &str| Ok(text.into());
    assert_eq!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 20,
            outcome: outcome("\"two\"")
        })
    );
    assert_eq!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome: outcome("\"one\"")
        })
    );
    assert_eq!(machine.in_flight(), 0);
}

#[test]
fn a_cancelled_call_is_told_to_the_server_and_its_late_answer_dropped() {
    let mut machine = ready();
    machine.call(10, "{}");
    let call = sent(&mut machine);
    machine.cancel(10, "gone");
    let notice = sent(&mut machine);
    assert_eq!(
        (&notice["method"], &notice["params"]["requestId"]),
        (&json!("notifications/cancelled"), &call["id"])
    );
    answer(&mut machine, &call["id"], "1");
    assert_eq!(machine.poll_event(), None);
}

#[test]
fn requests_of_the_server_are_answered_ping_well_and_others_not() {
    let mut machine = ready();
    machine.receive(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#);
    assert_eq!(
        sent(&mut machine),
        json!({"jsonrpc":"2.0","id":"p","result":{}})
    );
    machine.receive(r#"{"jsonrpc":"2.0","id":3,"method":"sampling/createMessage","params":{}}"#);
    let refused = sent(&mut machine);
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(3), &json!(-32601))
    );
}

#[test]
fn changed_tools_are_listed_again_once_for_many_notices() {
    let mut machine = ready();
    for _ in 0..5 {
        machine.receive(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    }
    let list = sent(&mut machine);
    answer(&mut machine, &list["id"], r#"{"tools":[]}"#);
    let again = sent(&mut machine);
    assert_eq!(machine.poll_event(), None);
    answer(&mut machine, &again["id"], r#"{"tools":[{"name":"b"}]}"#);
    assert_eq!(
        machine.poll_event(),
        Some(Event::Tools(vec![r#"{"name":"b"}"#.into()]))
    );
    assert!(machine.poll_outgoing().is_none());
}

#[test]
fn equal_progress_tokens_of_two_callers_are_kept_apart() {
    let mut machine = ready();
    for ticket in [10, 20] {
        machine.call(ticket, r#"{"_meta":{"progressToken":"t", "y":2}}"#);
    }
    let (_, second) = (sent(&mut machine), sent(&mut machine));
    let token = &second["params"]["_meta"]["progressToken"];
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{token}}}}}"#
    ));
    let params = r#"{"progress":1.0,"progressToken":"t"}"#.to_owned();
    assert_eq!(
        machine.poll_event(),
        Some(Event::Progress { ticket: 20, params })
    );
}

#[test]
fn a_server_that_refuses_or_speaks_something_else_has_failed() {
    for outcome in [
        r#""error":{"code":-32022}"#,
        r#""result":{"protocolVersion":"1999-01-01"}"#,
        r#""result":7"#,
    ] {
        let mut machine = Upstream::new("origin", "0.1.0");
        sent(&mut machine);
        machine.receive(&format!(r#"{{"jsonrpc":"2.0","id":1,{outcome}}}"#));
        assert!(
            matches!(machine.poll_event(), Some(Event::Failed(_))),
            "{outcome}"
        );
        assert!(!machine.is_ready());
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    let mut machine = Upstream::new("origin", "0.1.0");
    let opening = sent(&mut machine);
    answer(&mut machine, &opening["id"], GREETING);
    sent(&mut machine);
    while let Some(line) = machine.poll_outgoing() {
        let request: Value = serde_json::from_str(&line).unwrap();
        answer(
            &mut machine,
            &request["id"],
            r#"{"tools":[],"nextCursor":"x"}"#,
        );
    }
    assert!(
        matches!(machine.poll_event(), Some(Event::Failed(reason)) if reason.contains("no end"))
    );
}

#[test]
fn a_server_without_tools_is_ready_without_asking_for_them() {
    let mut machine = Upstream::new("origin", "0.1.0");
    let opening = sent(&mut machine);
    answer(
        &mut machine,
        &opening["id"],
        r#"{"protocolVersion":"2024-11-05","capabilities":{}}"#,
    );
    assert_eq!(sent(&mut machine)["method"], "notifications/initialized");
    assert!(matches!(machine.poll_event(), Some(Event::Ready(hello)) if hello.tools.is_empty()));
}

#[test]
fn garbage_is_named_and_ignored() {
    let mut machine = ready();
    for line in [
        "Starting…",
        "[]",
        r#"{"jsonrpc":"2.0","id":999,"result":1}"#,
    ] {
        machine.receive(line);
        assert!(
            matches!(machine.poll_event(), Some(Event::Ignored(_))),
            "{line}"
        );
    }
    assert!(machine.is_ready());
}
