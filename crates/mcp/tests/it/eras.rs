//! The machine that talks to a server, and the era of that server.

use std::sync::Arc;

use mcp::upstream::{Call, Caller, Event, Greeting, Hello, Probe, Told, Upstream};
use mcp::{Caching, Era, Kind, Level, List, Revision};
use serde_json::{Value, json};

use crate::upstream::{answer, ask, curious, sent};

const DISCOVERED: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"resources":{"subscribe":true},"extensions":{"x/y":{}}},"instructions":"do","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m"}}}"#;
const GREETING: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#;

fn shared(probe: Probe) -> Upstream {
    Upstream::shared("origin", "0.1.0", probe, Told::Nothing)
}

fn refuse(machine: &mut Upstream, id: &Value, code: i64) {
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"no"}}}}"#
    ));
}

fn hello(machine: &mut Upstream) -> Hello {
    match machine.poll_event() {
        Some(Event::Ready(hello)) => hello,
        other => panic!("not ready: {other:?}"),
    }
}

/// All that was sent, by method.
fn all_sent(machine: &mut Upstream) -> Vec<(String, Value)> {
    std::iter::from_fn(|| machine.poll_outgoing())
        .map(|line| serde_json::from_str(&line).unwrap())
        .map(|message: Value| {
            (
                message["method"].as_str().unwrap_or_default().into(),
                message,
            )
        })
        .collect()
}

fn notify(machine: &mut Upstream, method: &str, id: &Value, params: &str) {
    let comma = if params.is_empty() { "" } else { "," };
    machine.receive(&format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    ));
}

/// A server of 2026-07-28 alone, past its lists; the id of the listen request.
fn modern() -> (Upstream, Value) {
    let mut machine = shared(Probe::of(Era::Modern));
    let question = sent(&mut machine);
    answer(&mut machine, &question["id"], DISCOVERED);
    let mut listen = Value::Null;
    for (method, message) in all_sent(&mut machine) {
        let id = &message["id"];
        match method.as_str() {
            "subscriptions/listen" => listen = id.clone(),
            "tools/list" => answer(&mut machine, id, r#"{"tools":[{"name":"a"}]}"#),
            "resources/list" => answer(&mut machine, id, r#"{"resources":[]}"#),
            _ => answer(&mut machine, id, r#"{"resourceTemplates":[]}"#),
        }
    }
    acknowledge(&mut machine, &listen, "");
    assert_eq!(hello(&mut machine).offers.list(Kind::Tools).len(), 1);
    (machine, listen)
}

fn acknowledge(machine: &mut Upstream, listen: &Value, uris: &str) {
    let params = format!(r#""notifications":{{"resourceSubscriptions":[{uris}]}}"#);
    notify(
        machine,
        "notifications/subscriptions/acknowledged",
        listen,
        &params,
    );
}

#[test]
fn a_modern_server_is_met_and_asked_for_its_lists_in_its_own_era() {
    let mut machine = shared(Probe::of(Era::Modern));
    let question = sent(&mut machine);
    assert_eq!(question["method"], "server/discover");
    answer(&mut machine, &question["id"], DISCOVERED);
    let requests = all_sent(&mut machine);
    for (_, request) in &requests {
        let claim = &request["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
        assert_eq!(*claim, "2026-07-28", "{request}");
    }
    let methods: Vec<&str> = requests.iter().map(|(method, _)| method.as_str()).collect();
    let expected = [
        "subscriptions/listen",
        "tools/list",
        "resources/list",
        "resources/templates/list",
    ];
    assert_eq!(methods, expected);
    let wanted = json!({ "toolsListChanged": true, "resourcesListChanged": true });
    assert_eq!(requests[0].1["params"]["notifications"], wanted);
}

#[test]
fn what_a_modern_server_says_of_itself_is_kept() {
    let mut machine = shared(Probe::of(Era::Modern));
    let question = sent(&mut machine);
    let plain = DISCOVERED.replace(r#""tools":{},"resources":{"subscribe":true},"#, "");
    answer(&mut machine, &question["id"], &plain);
    let hello = hello(&mut machine);
    assert_eq!(hello.protocol_version, "2026-07-28");
    assert_eq!(hello.server_info.as_deref(), Some(r#"{"name":"m"}"#));
    assert_eq!(
        (hello.offers.era, hello.offers.instructions.as_deref()),
        (Era::Modern, Some("do"))
    );
    assert!(hello.offers.capabilities.has_extension("x/y"));
    assert_eq!(machine.era(), Some(Era::Modern));
}

#[test]
fn on_a_pipe_both_questions_go_out_and_one_good_answer_is_enough() {
    for silent in [true, false] {
        let mut machine = shared(Probe::PIPE);
        let (discover, initialize) = (sent(&mut machine), sent(&mut machine));
        if !silent {
            refuse(&mut machine, &discover["id"], -32601);
        }
        answer(&mut machine, &initialize["id"], GREETING);
        assert_eq!(hello(&mut machine).offers.era, Era::Legacy);
        // One that answers late in the other era as well is kept to the first.
        answer(&mut machine, &discover["id"], DISCOVERED);
        assert_eq!(
            (machine.era(), machine.poll_event()),
            (Some(Era::Legacy), None)
        );
    }
}

#[test]
fn a_process_that_pins_its_era_by_the_first_message_is_met_in_it() {
    let mut machine = shared(Probe::PIPE);
    let (discover, initialize) = (sent(&mut machine), sent(&mut machine));
    answer(
        &mut machine,
        &discover["id"],
        &DISCOVERED.replace("\"tools\":{},", ""),
    );
    refuse(&mut machine, &initialize["id"], -32022);
    assert_eq!(machine.era(), Some(Era::Modern));
}

#[test]
fn a_server_that_refuses_the_likely_era_is_asked_for_the_other() {
    for (first, other, good) in [
        (Era::Legacy, "server/discover", DISCOVERED),
        (Era::Modern, "initialize", GREETING),
    ] {
        let mut machine = shared(Probe::of(first));
        let question = sent(&mut machine);
        assert!(machine.poll_outgoing().is_none());
        refuse(&mut machine, &question["id"], -32022);
        let question = sent(&mut machine);
        assert_eq!(question["method"], other);
        answer(&mut machine, &question["id"], good);
        assert!(machine.era().is_some_and(|era| era != first));
    }
}

#[test]
fn one_that_refuses_both_has_failed_with_both_reasons() {
    let mut machine = shared(Probe::PIPE);
    for _ in 0..2 {
        let question = sent(&mut machine);
        refuse(&mut machine, &question["id"], -32601);
    }
    let failed = machine.poll_event();
    assert!(matches!(failed, Some(Event::Failed(why))
        if why.contains("initialize") && why.contains("server/discover")));
    assert!(!machine.is_ready() && machine.poll_outgoing().is_none());
}

fn session(level: Option<&str>) -> Caller {
    let greeting = Greeting {
        revision: Revision::V2025_11_25,
        capabilities: r#"{"elicitation":{}}"#.into(),
        client_info: r#"{"name":"c"}"#.into(),
    };
    Caller::Session(Arc::new(greeting), level.and_then(Level::parse))
}

#[test]
fn a_call_of_a_session_goes_to_a_modern_server_and_its_answer_comes_back_as_of_old() {
    let (mut machine, _) = modern();
    assert!(ask(&mut machine, 10, r#"{"name":"a"}"#, &session(None)));
    let call = sent(&mut machine);
    let claimed = &call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    assert_eq!(*claimed, json!({ "elicitation": {} }));
    answer(
        &mut machine,
        &call["id"],
        r#"{"resultType":"complete","content":[]}"#,
    );
    let outcome = Ok(r#"{"content":[]}"#.into());
    assert_eq!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome
        })
    );
}

#[test]
fn a_modern_caller_passes_through_a_modern_server_byte_for_byte() {
    let (mut machine, _) = modern();
    let params = r#"{"name":"a", "_meta":{"x":1.50}}"#;
    assert!(ask(&mut machine, 10, params, &Caller::Modern(None)));
    let line = machine.poll_outgoing().expect("a line");
    assert!(line.contains(params), "{line}");
    let id = serde_json::from_str::<Value>(&line).unwrap()["id"].clone();
    let result = r#"{"resultType":"input_required", "requestState":"s"}"#;
    answer(&mut machine, &id, result);
    let outcome = Ok(result.into());
    assert_eq!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome
        })
    );
}

#[test]
fn a_log_message_of_a_modern_server_goes_to_the_one_who_asked_for_some() {
    let (mut machine, _) = modern();
    for (ticket, caller) in [
        (10, curious()),
        (20, session(None)),
        (30, Caller::Modern(None)),
    ] {
        assert!(ask(&mut machine, ticket, "{}", &caller));
    }
    machine
        .receive(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}"#);
    assert!(matches!(
        machine.poll_event(),
        Some(Event::Note { ticket: 10, .. })
    ));
    assert!(ask(&mut machine, 40, "{}", &session(Some("error"))));
    machine
        .receive(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info"}}"#);
    assert!(matches!(machine.poll_event(), Some(Event::Ignored(_))));
}

#[test]
fn what_2026_has_no_word_for_never_reaches_a_modern_server() {
    let (mut machine, _) = modern();
    machine.tell("notifications/roots/list_changed", None);
    machine.call(Call {
        ticket: 10,
        method: "logging/setLevel",
        params: r#"{"level":"info"}"#,
        caller: &session(None),
    });
    assert!(machine.poll_outgoing().is_none());
    let outcome = Ok("{}".into());
    assert_eq!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome
        })
    );
    machine.receive(r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#);
    assert_eq!(sent(&mut machine)["error"]["code"], -32601);
}

#[test]
fn a_changed_list_of_a_modern_server_is_read_again() {
    let (mut machine, listen) = modern();
    notify(
        &mut machine,
        "notifications/tools/list_changed",
        &listen,
        "",
    );
    let list = sent(&mut machine);
    let told = r#"{"tools":[],"ttlMs":5,"cacheScope":"public"}"#;
    answer(&mut machine, &list["id"], told);
    let caching = Some(Caching {
        ttl_ms: 5,
        private: false,
    });
    let (kind, items) = (Kind::Tools, Vec::new());
    let list = List { items, caching };
    assert_eq!(machine.poll_event(), Some(Event::Listed { kind, list }));
}

fn subscribe(machine: &mut Upstream, ticket: u64, method: &str, uri: &str) {
    let params = format!(r#"{{"uri":"{uri}"}}"#);
    let caller = &Caller::Own;
    assert!(machine.call(Call {
        ticket,
        method,
        params: &params,
        caller
    }));
}

#[test]
fn a_resource_is_watched_at_a_modern_server_by_a_new_listen_request_in_place_of_the_old() {
    let (mut machine, old) = modern();
    subscribe(&mut machine, 10, "resources/subscribe", "u");
    subscribe(&mut machine, 20, "resources/subscribe", "v");
    let first = sent(&mut machine);
    assert_eq!(
        first["params"]["notifications"]["resourceSubscriptions"],
        json!(["u"])
    );
    assert!(machine.poll_outgoing().is_none());
    acknowledge(&mut machine, &first["id"], r#""u""#);
    let (taken, second) = (sent(&mut machine), sent(&mut machine));
    assert_eq!(taken["params"]["requestId"], old);
    assert_eq!(
        second["params"]["notifications"]["resourceSubscriptions"],
        json!(["u", "v"])
    );
    assert!(matches!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome: Ok(_)
        })
    ));
    acknowledge(&mut machine, &second["id"], r#""u""#);
    assert!(matches!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 20,
            outcome: Err(_)
        })
    ));
    notify(
        &mut machine,
        "notifications/resources/updated",
        &second["id"],
        r#""uri":"u""#,
    );
    let params = Some(r#"{"uri":"u"}"#.to_owned());
    let method = "notifications/resources/updated".to_owned();
    assert_eq!(machine.poll_event(), Some(Event::Notice { method, params }));
}

#[test]
fn a_resource_that_nobody_watches_is_not_asked_for_any_more() {
    let (mut machine, _) = modern();
    subscribe(&mut machine, 10, "resources/subscribe", "u");
    let listen = sent(&mut machine);
    acknowledge(&mut machine, &listen["id"], r#""u""#);
    all_sent(&mut machine);
    subscribe(&mut machine, 20, "resources/unsubscribe", "u");
    let listen = sent(&mut machine);
    assert!(
        listen["params"]["notifications"]
            .get("resourceSubscriptions")
            .is_none()
    );
}

#[test]
fn a_listen_request_that_ends_is_made_again_when_the_driver_says_so_and_the_lists_are_read() {
    let (mut machine, listen) = modern();
    answer(&mut machine, &listen, r#"{"resultType":"complete"}"#);
    assert_eq!(machine.poll_event(), Some(Event::Silent));
    assert!(machine.poll_outgoing().is_none());
    machine.listen();
    let again = sent(&mut machine);
    acknowledge(&mut machine, &again["id"], "");
    let methods: Vec<String> = all_sent(&mut machine)
        .into_iter()
        .map(|(method, _)| method)
        .collect();
    assert_eq!(
        methods,
        ["tools/list", "resources/list", "resources/templates/list"]
    );
}

#[test]
fn a_server_that_does_not_know_how_to_tell_is_not_asked_twice() {
    let (mut machine, _) = modern();
    subscribe(&mut machine, 10, "resources/subscribe", "u");
    let listen = sent(&mut machine);
    refuse(&mut machine, &listen["id"], -32601);
    assert!(matches!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 10,
            outcome: Err(_)
        })
    ));
    subscribe(&mut machine, 20, "resources/subscribe", "u");
    assert!(matches!(
        machine.poll_event(),
        Some(Event::Answer {
            ticket: 20,
            outcome: Err(_)
        })
    ));
    machine.listen();
    assert!(machine.poll_outgoing().is_none());
}

#[test]
fn a_relay_for_a_modern_server_says_who_its_client_is_in_each_request() {
    let Caller::Session(greeting, _) = session(None) else {
        unreachable!()
    };
    let mut machine = Upstream::relay(&greeting, Probe::of(Era::Legacy));
    let initialize = sent(&mut machine);
    refuse(&mut machine, &initialize["id"], -32022);
    let discover = sent(&mut machine);
    answer(&mut machine, &discover["id"], DISCOVERED);
    assert!(machine.is_ready() && machine.poll_outgoing().is_none());
    assert!(ask(&mut machine, 10, "{}", &Caller::Own));
    let info = &sent(&mut machine)["params"]["_meta"]["io.modelcontextprotocol/clientInfo"];
    assert_eq!(*info, json!({ "name": "c" }));
}

#[test]
fn lists_are_read_as_one_who_answers_all_questions() {
    let mut machine = shared(Probe::PIPE);
    let (discover, initialize) = (sent(&mut machine), sent(&mut machine));
    let claimed = &discover["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
    for capability in ["sampling", "elicitation", "roots"] {
        assert!(claimed[capability].is_object(), "{claimed}");
    }
    // an old server that serves all clients by one process could not say whom it asks
    assert_eq!(initialize["params"]["capabilities"], json!({}));
}

#[test]
fn an_old_server_with_processes_for_its_clients_is_told_what_they_answer() {
    let probe = Probe::of(Era::Legacy);
    let mut machine = Upstream::shared("origin", "0.1.0", probe, Told::Everything);
    let opening = sent(&mut machine);
    let told = &opening["params"]["capabilities"];
    assert!(told["elicitation"]["url"].is_object() && told["roots"].is_object());
    answer(&mut machine, &opening["id"], GREETING);
    assert_eq!(sent(&mut machine)["method"], "notifications/initialized");
    let ask = |machine: &mut Upstream, method: &str| {
        machine.receive(&format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"{method}"}}"#
        ));
        sent(machine)
    };
    let roots = ask(&mut machine, "roots/list");
    assert_eq!(roots["result"], json!({"roots": []}));
    let refused = ask(&mut machine, "elicitation/create");
    let why = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(why.contains("does not declare"), "{refused}");
}
