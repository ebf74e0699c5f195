//! Calls of clients with a session.

use super::*;

#[tokio::test]
async fn a_tool_is_called_through_all_paths() {
    let app = app("");
    for (path, tool) in [
        ("/mcp", "hostile__echo"),
        ("/mcp/", "hostile__echo"),
        (ONE, "echo"),
    ] {
        let client = Client::open(&app, path).await;
        let body = client.ask(&call(tool)).await;
        assert_eq!(body, json!({"jsonrpc":"2.0","id":"c","result":[1.0]}));
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn errors_of_calls_are_json_rpc_errors_with_their_ids() {
    let app = app_with("", |config| {
        config.sessions.answer_wait = PATIENCE;
    });
    let client = Client::open(&app, ONE).await;
    for (tool, code, word) in [
        ("hang", -32001, json!("TIMEOUT")),
        ("refuse", -7, Value::Null),
        ("die", -32000, json!("SERVICE_UNAVAILABLE")),
    ] {
        let body = client.ask(&call(tool)).await;
        assert_eq!(body["id"], "c");
        assert_eq!(
            (&body["error"]["code"], &body["error"]["data"]["code"]),
            (&json!(code), &word),
            "{tool}"
        );
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_is_late_or_not_alone_comes_as_a_stream() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let mut events = Events::of(client.post(&call("slow")).await);
    let first = events.next().await.expect("the priming event");
    assert!(
        first.id.ends_with("-0") && first.data.is_null(),
        "{first:?}"
    );
    assert_eq!(events.message().await["result"], "slow");
    assert_eq!(events.next().await, None);
    let progress = call("progress").replace("[1.0]", r#"{},"_meta":{"progressToken":7}"#);
    let mut events = Events::of(client.post(&progress).await);
    for step in [1, 2] {
        let params = json!({"progressToken":7,"progress":step});
        assert_eq!(events.message().await["params"], params);
    }
    assert_eq!(events.message().await["result"], "done");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn older_revisions_get_no_empty_event() {
    let app = app_with("", hasty);
    let client = Client::with(&app, ONE, "2025-06-18").await;
    let mut events = Events::of(client.post(&call("slow")).await);
    let retry = events.next().await.expect("the first event");
    assert_eq!(retry.id, "");
    assert_eq!(events.message().await["result"], "slow");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_client_gets_the_kind_of_answer_that_it_takes() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let with = |accept| client.request(Method::POST, &[("accept", accept)], &call("slow"));
    let (head, body) = answer(&app, with("application/json")).await;
    assert_eq!(head.headers()[CONTENT_TYPE], "application/json");
    assert_eq!(body["result"], "slow");
    let echo = client.request(
        Method::POST,
        &[("accept", "text/event-stream")],
        &call("echo"),
    );
    let mut events = Events::of(sent(&app, echo).await);
    assert_eq!(events.message().await["result"], json!([1.0]));
    let refused = sent(&app, with("text/html")).await.status();
    assert_eq!(refused, StatusCode::NOT_ACCEPTABLE);
    let page = client.request(Method::GET, &[(ACCEPT.as_str(), "text/html")], "");
    assert_eq!(sent(&app, page).await.status(), StatusCode::NOT_ACCEPTABLE);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_client_that_leaves_has_not_cancelled_and_one_that_cancels_has() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let mut events = Events::of(client.post(&call("hang")).await);
    events.next().await.expect("the priming event");
    drop(events);
    let count = client.ask(&call("cancelled").replace("\"c\"", "2")).await;
    assert_eq!(count["result"], 0);
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}"#;
    assert_eq!(
        client.status(Method::POST, cancel).await,
        StatusCode::ACCEPTED
    );
    let again = client.ask(&call("cancelled").replace("\"c\"", "3")).await;
    assert_eq!(again["result"], 1);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_id_that_is_in_flight_is_not_used_again() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let _held = client.post(&call("hang")).await;
    let refused = client.ask(&call("echo")).await;
    assert_eq!(refused["error"]["code"], -32600);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_answered_as_one_where_the_revision_has_it() {
    let app = app("");
    let batch = format!(
        r#"[{},{{"jsonrpc":"2.0","method":"notifications/initialized"}},{{"jsonrpc":"2.0","id":2,"method":"ping"}},7]"#,
        call("echo")
    );
    let old = Client::with(&app, ONE, "2025-03-26").await;
    let answers = old.ask(&batch).await;
    let mut ids: Vec<Value> = answers
        .as_array()
        .expect("a batch")
        .iter()
        .map(|answer| answer["id"].clone())
        .collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, [json!("c"), json!(2), Value::Null]);
    let told = r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#;
    assert_eq!(old.status(Method::POST, told).await, StatusCode::ACCEPTED);
    let new = Client::open(&app, ONE).await;
    assert_eq!(
        new.status(Method::POST, &batch).await,
        StatusCode::BAD_REQUEST
    );
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_asks_its_session_and_gets_the_answer() {
    let app = app_with("", private);
    let client = Client::open(&app, ONE).await;
    let mut events = Events::of(client.post(&call("ask")).await);
    let asked = events.message().await;
    assert_eq!(asked["method"], "sampling/createMessage");
    let response = |id: &Value| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"x":1}}}}"#);
    let wrong = client.status(Method::POST, &response(&json!(99))).await;
    assert_eq!(wrong, StatusCode::BAD_REQUEST);
    let right = client.status(Method::POST, &response(&asked["id"])).await;
    assert_eq!(right, StatusCode::ACCEPTED);
    assert_eq!(events.message().await["result"], json!({"x":1}));
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_shared_server_that_asks_all_the_same_is_refused() {
    let app = app("");
    let client = Client::open(&app, ONE).await;
    // The server passes on the answer that it got: an error has no result.
    assert_eq!(client.ask(&call("ask")).await["result"], Value::Null);
    app.upstreams.shutdown().await;
}
