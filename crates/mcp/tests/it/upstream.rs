//! The machine that talks to a server, against a server written by hand.

use std::sync::Arc;

use mcp::upstream::{Call, Caller, Event, Greeting, Probe, Told, Upstream};
use mcp::{Era, Kind, Level, Revision};
use serde_json::{Value, json};

/// The next line for the server.
pub(crate) fn sent(machine: &mut Upstream) -> Value {
    let line = machine.poll_outgoing().expect("a line");
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).unwrap()
}

pub(crate) fn answer(machine: &mut Upstream, id: &Value, result: &str) {
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    ));
}

const GREETING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s"},"instructions":"do"}"#;

fn call(machine: &mut Upstream, ticket: u64, params: &str) -> bool {
    ask(machine, ticket, params, &Caller::Own)
}

pub(crate) fn ask(machine: &mut Upstream, ticket: u64, params: &str, caller: &Caller) -> bool {
    machine.call(Call {
        ticket,
        method: "tools/call",
        params,
        caller,
    })
}

/// A machine for a server that is likely to be of an older revision.
fn machine() -> Upstream {
    Upstream::shared("origin", "0.1.0", Probe::of(Era::Legacy), Told::Nothing)
}

/// Who wants log messages of any level.
pub(crate) fn curious() -> Caller {
    Caller::Modern(Level::parse("debug"))
}

/// A machine past its handshake, with one tool.
fn ready() -> Upstream {
    let mut machine = machine();
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
    let mut machine = machine();
    let opening = sent(&mut machine);
    assert_eq!(
        (&opening["method"], &opening["params"]["protocolVersion"]),
        (&json!("initialize"), &json!("2025-11-25"))
    );
    assert!(machine.poll_outgoing().is_none() && !call(&mut machine, 1, "{}"));
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
    let Some(Event::Ready(hello)) = machine.poll_event() else {
        panic!("not ready")
    };
    assert_eq!(hello.protocol_version, "2025-11-25");
    assert_eq!(hello.server_info.as_deref(), Some(r#"{"name":"s"}"#));
    assert_eq!(hello.offers.instructions.as_deref(), Some("do"));
    let tools = [r#"{"name":"a", "x":1.0}"#, r#"{"name":"b"}"#].map(Box::from);
    assert_eq!(hello.offers.list(Kind::Tools), tools);
}

#[test]
fn answers_find_their_calls_in_any_order() {
    let mut machine = ready();
    assert!(call(&mut machine, 10, r#"{"name":"a"}"#) && call(&mut machine, 20, r#"{"name":"b"}"#));
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
    call(&mut machine, 10, "{}");
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
        Some(Event::Listed {
            kind: Kind::Tools,
            list: vec![r#"{"name":"b"}"#.into()].into()
        })
    );
    assert!(machine.poll_outgoing().is_none());
}

#[test]
fn equal_progress_tokens_of_two_callers_are_kept_apart() {
    let mut machine = ready();
    for ticket in [10, 20] {
        call(
            &mut machine,
            ticket,
            r#"{"_meta":{"progressToken":"t", "y":2}}"#,
        );
    }
    let (_, second) = (sent(&mut machine), sent(&mut machine));
    let token = &second["params"]["_meta"]["progressToken"];
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progress":1.0,"progressToken":{token}}}}}"#
    ));
    let params = r#"{"progress":1.0,"progressToken":"t"}"#.to_owned();
    assert_eq!(
        machine.poll_event(),
        Some(Event::Note {
            ticket: 20,
            method: "notifications/progress".to_owned(),
            params: Some(params)
        })
    );
}

#[test]
fn a_server_that_refuses_or_speaks_something_else_has_failed() {
    for outcome in [
        r#""error":{"code":-32022}"#,
        r#""result":{"protocolVersion":"1999-01-01"}"#,
        r#""result":7"#,
    ] {
        let mut machine = machine();
        sent(&mut machine);
        machine.receive(&format!(r#"{{"jsonrpc":"2.0","id":1,{outcome}}}"#));
        let other = sent(&mut machine);
        assert_eq!(other["method"], "server/discover");
        assert_eq!(machine.poll_event(), None);
        machine.receive(r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601}}"#);
        assert!(
            matches!(machine.poll_event(), Some(Event::Failed(_))),
            "{outcome}"
        );
        assert!(!machine.is_ready());
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    let mut machine = machine();
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
    let mut machine = machine();
    let opening = sent(&mut machine);
    answer(
        &mut machine,
        &opening["id"],
        r#"{"protocolVersion":"2024-11-05","capabilities":{}}"#,
    );
    assert_eq!(sent(&mut machine)["method"], "notifications/initialized");
    let Some(Event::Ready(hello)) = machine.poll_event() else {
        panic!("not ready")
    };
    assert!(hello.offers.list(Kind::Tools).is_empty());
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

/// A machine that has greeted a server of these capabilities, and the requests that it made then, by method.
fn greeted(capabilities: &str) -> (Upstream, Vec<Value>) {
    let mut machine = machine();
    let opening = sent(&mut machine);
    let greeting = format!(r#"{{"protocolVersion":"2025-11-25","capabilities":{capabilities}}}"#);
    answer(&mut machine, &opening["id"], &greeting);
    let mut requests = Vec::new();
    while let Some(line) = machine.poll_outgoing() {
        requests.push(serde_json::from_str(&line).unwrap());
    }
    (machine, requests)
}

#[test]
fn every_list_that_a_server_declares_is_read() {
    let (mut machine, requests) = greeted(r#"{"prompts":{},"resources":{"subscribe":true}}"#);
    let methods: Vec<_> = requests
        .iter()
        .map(|request| request["method"].clone())
        .collect();
    let lists = ["prompts/list", "resources/list", "resources/templates/list"];
    assert_eq!(methods[1..], lists.map(|list| json!(list)));
    answer(
        &mut machine,
        &requests[1]["id"],
        r#"{"prompts":[{"name":"p"}]}"#,
    );
    answer(
        &mut machine,
        &requests[2]["id"],
        r#"{"resources":[{"uri":"u:"}]}"#,
    );
    assert!(!machine.is_ready());
    let refused = format!(
        r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32601,"message":"no templates"}}}}"#,
        requests[3]["id"]
    );
    machine.receive(&refused);
    assert!(machine.is_ready());
    let ready = std::iter::from_fn(|| machine.poll_event()).find_map(|event| match event {
        Event::Ready(hello) => Some(hello),
        _ => None,
    });
    let offers = ready.expect("it is ready").offers;
    assert_eq!(offers.list(Kind::Prompts).len(), 1);
    assert!(offers.list(Kind::Templates).is_empty() && offers.capabilities.subscribe);
}

const LOG: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info", "data":1.0}}"#;

#[test]
fn a_log_message_of_an_old_server_goes_to_the_one_caller_that_can_have_caused_it() {
    let mut machine = ready();
    assert!(ask(&mut machine, 10, "{}", &curious()));
    machine.receive(LOG);
    let told = matches!(machine.poll_event(), Some(Event::Note { ticket: 10, params: Some(params), .. })
        if params == r#"{"level":"info", "data":1.0}"#);
    assert!(told);
}

#[test]
fn a_log_message_that_two_may_have_caused_goes_to_nobody() {
    for other in [curious(), Caller::Own, Caller::Modern(None)] {
        let mut machine = ready();
        assert!(ask(&mut machine, 10, "{}", &curious()) && ask(&mut machine, 20, "{}", &other));
        machine.receive(LOG);
        assert!(matches!(machine.poll_event(), Some(Event::Ignored(_))));
    }
}

#[test]
fn an_old_server_that_logs_is_asked_for_the_least_level_that_anybody_wants() {
    let (mut machine, _) = greeted(r#"{"logging":{}}"#);
    for (ticket, level, asked) in [
        (1, "error", true),
        (2, "warning", true),
        (3, "critical", false),
    ] {
        let caller = Caller::Modern(Level::parse(level));
        assert!(ask(&mut machine, ticket, "{}", &caller));
        if asked {
            assert_eq!(sent(&mut machine)["params"], json!({ "level": level }));
        }
        assert_eq!(sent(&mut machine)["method"], "tools/call");
    }
    let caller = Caller::Session(Arc::new(greeting()), None);
    assert!(ask(&mut machine, 20, "{}", &caller));
    assert_eq!(sent(&mut machine)["method"], "tools/call");
}

fn greeting() -> Greeting {
    Greeting {
        revision: Revision::V2025_06_18,
        capabilities: r#"{"sampling":{}, "x":1.0}"#.into(),
        client_info: r#"{"name":"c"}"#.into(),
    }
}

/// A relay past its handshake.
fn relay() -> Upstream {
    let mut machine = Upstream::relay(&greeting(), Probe::of(Era::Legacy));
    let opening = machine.poll_outgoing().expect("a line");
    let own = r#""params":{"protocolVersion":"2025-06-18","capabilities":{"sampling":{}, "x":1.0},"clientInfo":{"name":"c"}}"#;
    assert!(opening.contains(own), "{opening}");
    answer(&mut machine, &json!(1), GREETING);
    assert_eq!(sent(&mut machine)["method"], "notifications/initialized");
    assert!(machine.poll_outgoing().is_none());
    assert!(matches!(machine.poll_event(), Some(Event::Ready(_))));
    machine
}

#[test]
fn a_relay_passes_questions_and_answers_byte_for_byte() {
    let mut machine = relay();
    machine.receive(r#"{"jsonrpc":"2.0","id":"\u0061","method":"sampling/createMessage","params":{"n":1.50, "m":[]}}"#);
    let Some(Event::Asked { id, method, params }) = machine.poll_event() else {
        panic!("not asked")
    };
    assert_eq!(
        (id.as_json(), method.as_str()),
        (r#""\u0061""#, "sampling/createMessage")
    );
    assert_eq!(params.as_deref(), Some(r#"{"n":1.50, "m":[]}"#));
    machine.respond(&id, Ok(r#"{"role" :"x"}"#));
    let line = r#"{"jsonrpc":"2.0","id":"\u0061","result":{"role" :"x"}}"#;
    assert_eq!(machine.poll_outgoing().as_deref(), Some(line));
    machine.respond(&id, Err(r#"{"code":-1}"#));
    assert!(
        machine
            .poll_outgoing()
            .is_some_and(|line| line.contains(r#""error":{"code":-1}"#))
    );
}

#[test]
fn a_relay_passes_what_the_server_and_the_client_tell() {
    let mut machine = relay();
    machine.receive(LOG);
    let notice = Event::Notice {
        method: "notifications/message".to_owned(),
        params: Some(r#"{"level":"info", "data":1.0}"#.to_owned()),
    };
    assert_eq!(machine.poll_event(), Some(notice));
    machine.tell("notifications/roots/list_changed", None);
    let told = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    assert_eq!(machine.poll_outgoing().as_deref(), Some(told));
}

#[test]
fn a_relay_reads_a_list_when_it_changes() {
    let mut machine = relay();
    machine.receive(r#"{"jsonrpc":"2.0","method":"notifications/resources/list_changed"}"#);
    let (resources, templates) = (sent(&mut machine), sent(&mut machine));
    assert_eq!(templates["method"], "resources/templates/list");
    answer(
        &mut machine,
        &resources["id"],
        r#"{"resources":[{"uri":"u"}]}"#,
    );
    let list = vec![r#"{"uri":"u"}"#.into()].into();
    let kind = Kind::Resources;
    assert_eq!(machine.poll_event(), Some(Event::Listed { kind, list }));
}

#[test]
fn a_notification_of_a_listen_request_finds_it() {
    let mut machine = ready();
    assert!(call(&mut machine, 10, "{}"));
    let id = sent(&mut machine)["id"].clone();
    let params =
        format!(r#"{{"taskId":"t","_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}"#);
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{params}}}"#
    ));
    let note = Event::Note {
        ticket: 10,
        method: "notifications/tasks".to_owned(),
        params: Some(params),
    };
    assert_eq!(machine.poll_event(), Some(note));
}

#[test]
fn a_server_ends_a_listen_request_and_no_other_by_cancelling_it() {
    let mut machine = ready();
    let listen = Call {
        ticket: 10,
        method: "subscriptions/listen",
        params: "{}",
        caller: &Caller::Own,
    };
    assert!(machine.call(listen) && call(&mut machine, 20, "{}"));
    let (listen, other) = (sent(&mut machine), sent(&mut machine));
    let cancel = |id: &Value| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
        )
    };
    machine.receive(&cancel(&other["id"]));
    assert!(matches!(machine.poll_event(), Some(Event::Ignored(_))));
    machine.receive(&cancel(&listen["id"]));
    let ended = machine.poll_event();
    assert!(matches!(
        ended,
        Some(Event::Answer {
            ticket: 10,
            outcome: Ok(_)
        })
    ));
    assert_eq!(machine.in_flight(), 1);
}

#[test]
fn the_part_of_an_answer_that_is_too_long_fails_its_call_and_no_other() {
    let mut machine = ready();
    assert!(call(&mut machine, 10, "{}") && call(&mut machine, 20, "{}"));
    let (first, _) = (sent(&mut machine), sent(&mut machine));
    let part = format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"x":"yyy"#,
        first["id"]
    );
    machine.receive_part(&part, "too long");
    let Some(Event::Answer { ticket, outcome }) = machine.poll_event() else {
        panic!("no answer")
    };
    assert_eq!(ticket, 10);
    assert!(outcome.unwrap_err().contains("too long"));
    machine.receive_part(r#"{"result":{"x":"yyy"#, "too long");
    assert!(matches!(machine.poll_event(), Some(Event::Ignored(_))));
    assert_eq!(machine.in_flight(), 1);
}
