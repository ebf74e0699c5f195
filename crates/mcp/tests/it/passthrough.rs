//! What passes through keeps its bytes, whatever JSON it is.

use mcp::Decision;
use mcp::forward::Forward;
use mcp::jsonrpc::Id;
use mcp::legacy::{Parcel, Routed, route};
use mcp::session::Session;
use mcp::session::outbox::Next;
use mcp::upstream::{Call, Caller, Event, Greeting, Probe, Upstream};
use mcp::{Era, Revision, sse};
use proptest::prelude::*;

use crate::world::{World, sealing, service};

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

/// The request of a session that this body becomes, and the line that a server gets for it.
fn forwarded(method: &str, params: &str) -> (Forward, String) {
    let body = format!(r#"{{"id":1,"jsonrpc":"2.0","params":{params},"method":"{method}"}}"#);
    let world = World::new();
    let Decision::Session(mut post) = world.post(&body) else {
        panic!("{body}")
    };
    let Some(Parcel::Request(asked)) = post.parcels.pop() else {
        panic!("{body}")
    };
    let forward = match route(&asked, &world.catalog, &world.service) {
        Routed::Forward(forward) | Routed::Watch { forward, .. } => *forward,
        other => panic!("{other:?}"),
    };
    let line = line(&mut ready(), &forward, &Caller::Own);
    (forward, line)
}

fn line(machine: &mut Upstream, forward: &Forward, caller: &Caller) -> String {
    assert!(machine.call(Call {
        ticket: 1,
        method: &forward.method,
        params: &forward.params,
        caller,
    }));
    machine.poll_outgoing().expect("a line")
}

const DISCOVERED: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}"#;

const GREETED: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;

fn greeting() -> Greeting {
    Greeting {
        revision: Revision::V2025_11_25,
        capabilities: "{}".into(),
        client_info: "{}".into(),
    }
}

fn ready() -> Upstream {
    met(Era::Legacy, GREETED)
}

fn met(era: Era, answer: &str) -> Upstream {
    let mut machine = Upstream::relay(&greeting(), Probe::of(era));
    machine.receive(answer);
    while machine.poll_outgoing().is_some() {}
    while machine.poll_event().is_some() {}
    machine
}

fn expected(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":2,"method":"{method}","params":{params}}}"#)
}

proptest! {
    #[test]
    fn arguments_and_meta_reach_the_server_as_they_were_sent(arguments in json(), extra in json(), meta in json()) {
        let params = |name: &str| {
            format!(r#"{{"x":{extra}, "arguments" :{arguments},"name":"{name}","_meta":{{"progress":{meta}}}}}"#)
        };
        for (method, public, own) in [("tools/call", "s__t", "t"), ("prompts/get", "s__p", "p")] {
            let (_, line) = forwarded(method, &params(public));
            prop_assert_eq!(line, expected(method, &params(own)));
        }
    }

    #[test]
    fn resources_and_completions_reach_the_server_as_they_were_sent(extra in json(), argument in json()) {
        let params = format!(r#"{{"x":{extra}, "uri":"u:1" }}"#);
        for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
            let (_, line) = forwarded(method, &params);
            prop_assert_eq!(line, expected(method, &params));
        }
        let params = |name: &str| format!(r#"{{"ref": {{"name":"{name}", "x":{extra}}},"argument":{argument}}}"#);
        let (_, line) = forwarded("completion/complete", &params("s__p"));
        prop_assert_eq!(line, expected("completion/complete", &params("p")));
    }

    #[test]
    fn a_modern_request_reaches_a_modern_server_as_it_was_sent(arguments in json(), meta in json()) {
        let params = |name: &str| {
            format!(r#"{{"arguments":{arguments},"_meta":{{{},"y":{meta}}}, "name":"{name}"}}"#, World::CLAIM)
        };
        let world = World::modern();
        let Decision::Call(forward) = world.ask("tools/call", "s__t", &params("s__t")) else { panic!() };
        let line = line(&mut met(Era::Modern, DISCOVERED), &forward, &Caller::Modern(None));
        prop_assert_eq!(line, expected("tools/call", &params("t")));
    }

    #[test]
    fn results_reach_the_client_as_they_were_sent(result in json()) {
        let (forward, _) = forwarded("tools/call", r#"{"name":"s__t"}"#);
        let mut machine = ready();
        machine.call(Call { ticket: 9, method: "tools/call", params: "{}", caller: &Caller::Own });
        machine.receive(&format!(r#"{{"jsonrpc":"2.0","id":2,"result":{result}}}"#));
        let Some(Event::Answer { ticket: 9, outcome: Ok(text) }) = machine.poll_event() else { panic!("{result}") };
        prop_assert_eq!(text.as_ref(), result.trim());
        let seal = mcp::Seal::new([1; 32]);
        let body = forward.answer(&service(), Ok(&text), sealing(&seal)).body;
        prop_assert_eq!(body, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{text}}}"#));
    }

    #[test]
    fn a_servers_question_and_the_clients_answer_pass_as_they_were_sent(params in json(), answer in json()) {
        let mut machine = ready();
        let params = format!("{{\"p\":{params}}}");
        machine.receive(&format!(r#"{{"jsonrpc":"2.0","id":"q","method":"m","params":{params}}}"#));
        let Some(Event::Asked { id, method, params: Some(found) }) = machine.poll_event() else { panic!() };
        let mut session: Session<()> = Session::new(greeting().into());
        session.ask(&"s".into(), id.clone(), &method, Some(&found));
        let mut reader = session.outbox.read(0, None).expect("it is there");
        let asked = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#);
        prop_assert_eq!(session.outbox.next(&mut reader), Next::Message(1, asked.as_str().into()));
        prop_assert_eq!(sse::event(None, &asked), format!("data: {asked}\n\n"));
        prop_assert_eq!(taken_back(&mut machine, &id, &answer), format!(r#"{{"jsonrpc":"2.0","id":"q","result":{}}}"#, answer.trim()));
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
        let _ = mcp::jsonrpc::read_body(&body);
    }

    #[test]
    fn no_text_of_json_signs_makes_the_reader_panic(body in r#"[\[\]{}",:0-9a\\ ]{0,60}"#) {
        let _ = mcp::jsonrpc::read_body(body.as_bytes());
    }
}

/// What a server gets when its client posts this answer.
fn taken_back(machine: &mut Upstream, id: &Id, answer: &str) -> String {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{answer}}}"#);
    let Decision::Session(mut post) = World::new().post(&body) else {
        panic!("{body}")
    };
    let Some(Parcel::Response { outcome, .. }) = post.parcels.pop() else {
        panic!("{body}")
    };
    machine.respond(id, outcome.as_deref().map_err(AsRef::as_ref));
    machine.poll_outgoing().expect("a line")
}

#[test]
fn a_request_over_many_lines_is_one_line_for_the_server() {
    let params = "{\n  \"name\": \"s__t\",\r\n  \"arguments\": {\"text\": \"a\\nb\"}\n}";
    let (_, line) = forwarded("tools/call", params);
    assert!(!line.contains(['\n', '\r']));
    assert!(line.contains(r#"{"text": "a\nb"}"#));
}
