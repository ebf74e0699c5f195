//! `subscriptions/listen` of 2026-07-28.

use mcp::catalog::Source;
use mcp::listen::Listen;
use mcp::{Catalog, Decision, Kind, Naming, Offers};
use serde_json::{Value, json};

use crate::world::{World, offers, refusal};

fn ask(id: &str, notifications: &str) -> Decision {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"subscriptions/listen","params":{{"_meta":{{{}}},"notifications":{notifications}}}}}"#,
        World::CLAIM
    );
    let headers = mcp::headers::Headers {
        protocol_version: mcp::headers::Field::One("2026-07-28"),
        method: mcp::headers::Field::One("subscriptions/listen"),
        ..mcp::headers::Headers::default()
    };
    World::modern().send(headers, body.as_bytes())
}

fn listen(notifications: &str) -> Listen {
    let Decision::Listen(listen) = ask("5", notifications) else {
        panic!("{notifications}")
    };
    *listen
}

const ALL: &str = r#"{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":true,"resourceSubscriptions":["u:1","v:2"],"taskIds":["s__7","zz"],"other":true}"#;

fn message(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let id = &value["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
    assert_eq!(id, &json!(5), "{text}");
    value
}

#[test]
fn what_is_honoured_is_acknowledged_first() {
    let first = message(&listen(ALL).acknowledgement());
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    let honoured = json!({
        "toolsListChanged": true,
        "resourcesListChanged": true,
        "resourceSubscriptions": ["u:1", "v:2"],
        "taskIds": ["s__7"],
    });
    assert_eq!(first["params"]["notifications"], honoured);
}

#[test]
fn the_id_keeps_its_type_and_stands_in_the_end_too() {
    let Decision::Listen(listen) = ask("\"5\"", "{}") else {
        panic!()
    };
    assert!(listen.acknowledgement().contains(r#"subscriptionId":"5""#));
    let end: Value = serde_json::from_str(&listen.end()).unwrap();
    assert_eq!(
        (&end["id"], &end["result"]["resultType"]),
        (&json!("5"), &json!("complete"))
    );
}

#[test]
fn a_filter_that_is_none_is_refused() {
    for filter in ["7", r#"{"taskIds":7}"#, r#"{"resourceSubscriptions":[1]}"#] {
        assert_eq!(
            refusal(ask("5", filter)),
            (400, -32602, json!(5)),
            "{filter}"
        );
    }
    let many = vec!["\"u:\""; 1_001].join(",");
    let filter = format!(r#"{{"resourceSubscriptions":[{many}]}}"#);
    assert_eq!(refusal(ask("5", &filter)).1, -32602);
}

#[test]
fn only_the_lists_that_were_asked_for_are_told_of() {
    let build = |offers: &Offers| {
        let source = Source {
            server: "s",
            offers,
            private: false,
        };
        Catalog::build(Naming::Prefixed, &[source])
    };
    let old = build(&offers());
    let listen = listen(ALL);
    for (kind, expected) in [
        (Kind::Tools, Some("notifications/tools/list_changed")),
        (Kind::Prompts, None),
        (
            Kind::Templates,
            Some("notifications/resources/list_changed"),
        ),
    ] {
        let new = build(&offers().with(kind, Vec::new()));
        let told = listen.changed(&old, &new);
        let told: Vec<Value> = told.iter().map(|text| message(text)).collect();
        let methods: Vec<_> = told.iter().map(|told| told["method"].as_str()).collect();
        assert_eq!(methods, Vec::from_iter(expected.map(Some)), "{kind:?}");
    }
    assert!(listen.changed(&old, &old).is_empty());
}

#[test]
fn a_resource_is_told_of_with_the_servers_own_bytes() {
    let listen = listen(ALL);
    let told = listen.updated("s", r#"{"uri":"v:2", "x":1.0,"_meta":{"k":1}}"#);
    let told = told.expect("it was asked for");
    assert!(
        told.contains(r#""uri":"v:2", "x":1.0"#) && told.contains(r#""k":1"#),
        "{told}"
    );
    message(&told);
    assert_eq!(listen.updated("s", r#"{"uri":"u:2"}"#), None);
    assert_eq!(listen.updated("other", r#"{"uri":"u:1"}"#), None);
}

#[test]
fn a_task_is_asked_for_at_its_server_and_told_of_by_its_public_id() {
    let listen = listen(ALL);
    let asks = listen.asks();
    assert_eq!(asks.len(), 1);
    assert!(asks[0].params.contains(r#""taskIds":["7"]"#) && asks[0].params.contains(World::CLAIM));
    let params = r#"{"taskId":"7","_meta":{"io.modelcontextprotocol/subscriptionId":1}}"#;
    let told = listen.task("s", "notifications/tasks", params);
    assert_eq!(
        message(&told.expect("it was asked for"))["params"]["taskId"],
        "s__7"
    );
    assert_eq!(
        listen.task("s", "notifications/tasks", r#"{"taskId":"8"}"#),
        None
    );
    assert_eq!(listen.task("s", "notifications/other", params), None);
}
