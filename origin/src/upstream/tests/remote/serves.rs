//! What a remote server is sent, and what comes back.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_session_is_opened_used_and_ended() {
    let far = Far::start(|_, _| Reply::Well).await;
    let upstreams = reached(&far, "").await;
    assert_eq!(echo(&upstreams).await.unwrap(), json!({"n": 1}));
    upstreams.shutdown().await;
    for method in ["tools/call", "tools/list", "GET", "DELETE"] {
        let seen = until(&far, method, 1).await.remove(0);
        assert_eq!(seen.header("mcp-session-id"), "session-0", "{method}");
        assert_eq!(
            seen.header("mcp-protocol-version"),
            "2025-11-25",
            "{method}"
        );
    }
    assert_eq!(far.seen("initialize")[0].header("mcp-session-id"), "");
    assert_eq!(far.seen("notifications/initialized").len(), 1);
}

#[tokio::test]
async fn a_server_is_sent_the_operators_headers_and_of_the_client_its_id_and_trace() {
    let far = Far::start(|_, _| Reply::Well).await;
    let upstreams = reached(&far, "headers = { X-Team = \"blue\" }").await;
    let mut client = http::HeaderMap::new();
    for name in ["traceparent", "authorization", "cookie"] {
        client.insert(name, http::HeaderValue::from_static("00-a-b-01"));
    }
    let call = Call {
        trace: Trace::of(&client),
        ..asked("echo")
    };
    upstreams.call("a", call).await.unwrap();
    let seen = far.seen("tools/call").remove(0);
    let mut names: Vec<&str> = seen.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let own = ["accept", "content-length", "content-type", "host"];
    let mcp = ["mcp-protocol-version", "mcp-session-id"];
    let others = ["traceparent", "user-agent", "x-request-id", "x-team"];
    assert_eq!(names, [&own[..], &mcp, &others].concat());
    assert_eq!(seen.header("x-request-id"), "r-1");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn an_answer_may_come_as_a_stream_with_what_belongs_to_it_before() {
    let far = Far::start(calls(|seen, _| {
        let progress =
            json!({"progressToken": seen.body["params"]["_meta"]["progressToken"], "progress": 1});
        let note =
            json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": progress});
        Reply::Silent(vec![
            ": hello\n\n".to_owned(),
            event("", &note),
            event("", &seen.answer(&json!("done"))),
        ])
    }))
    .await;
    let upstreams = reached(&far, "").await;
    let call = Call {
        params: r#"{"name":"echo","_meta":{"progressToken":"mine"}}"#.into(),
        ..asked("echo")
    };
    let mut exchange = upstreams.begin("a", call).unwrap();
    let crate::upstream::Heard::Note(note) = exchange.next().await else {
        panic!("no progress")
    };
    assert!(note.params.unwrap().contains("\"mine\""));
    assert_eq!(&*exchange.answer().await.unwrap(), "\"done\"");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn what_belongs_to_no_request_comes_on_a_stream_that_is_come_back_to() {
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    let far = Far::start(move |seen, before| match (seen.method(), before) {
        ("GET", 0) => Reply::Events(vec![event("a-1", &changed)]),
        ("GET", _) => Reply::Silent(vec![event("a-2", &changed)]),
        _ => Reply::Well,
    })
    .await;
    let upstreams = reached(&far, "").await;
    let streams = until(&far, "GET", 2).await;
    assert_eq!(streams[0].header("last-event-id"), "");
    assert_eq!(streams[1].header("last-event-id"), "a-1");
    until(&far, "tools/list", 3).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_at_the_server() {
    let far = Far::start(calls(|_, _| Reply::Silent(vec![": working\n\n".into()]))).await;
    let upstreams = reached(&far, "").await;
    let hurried = timeout(Duration::from_millis(300), echo(&upstreams)).await;
    assert!(hurried.is_err());
    let told = until(&far, "notifications/cancelled", 1).await.remove(0);
    let call = far.seen("tools/call").remove(0);
    assert_eq!(told.body["params"]["requestId"], call.body["id"]);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn each_session_of_a_private_server_has_one_of_its_own_there() {
    let far = Far::start(|_, _| Reply::Well).await;
    let upstreams = reached(&far, "process = \"per-session\"").await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let private = private::private(&upstreams).unwrap().0;
        private.way().begin(asked("echo")).answer().await.unwrap();
        let seen = far.seen("tools/call");
        sessions.push(seen.last().unwrap().header("mcp-session-id").to_owned());
        drop(private);
    }
    assert_ne!(sessions[0], sessions[1]);
    let ended = until(&far, "DELETE", 2).await;
    assert!(
        ended
            .iter()
            .any(|seen| seen.header("mcp-session-id") == sessions[0])
    );
    upstreams.shutdown().await;
}
