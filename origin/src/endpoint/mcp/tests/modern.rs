//! Clients of 2026-07-28.

use super::*;

const CLAIM: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":"p"}"#;

fn ask(method: &str, name: &str, params: &str) -> Request<Body> {
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":"m","method":"{method}","params":{{{CLAIM}{params}}}}}"#);
    let mut headers = vec![
        JSON,
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", method),
    ];
    if !name.is_empty() {
        headers.push(("mcp-name", name));
    }
    request(Method::POST, ONE, &headers, &body)
}

fn tool(name: &str) -> Request<Body> {
    ask(
        "tools/call",
        name,
        &format!(r#","name":"{name}","arguments":[1.0]"#),
    )
}

async fn cancelled(app: &Arc<App>) -> Value {
    answer(app, tool("cancelled")).await.1["result"].clone()
}

#[tokio::test]
async fn an_answer_is_json_when_it_comes_soon_and_a_stream_without_ids_when_not() {
    let app = app_with("", hasty);
    let (head, body) = answer(&app, tool("echo")).await;
    assert_eq!(head.headers()[CONTENT_TYPE], "application/json");
    assert_eq!((&body["id"], &body["result"]), (&json!("m"), &json!([1.0])));
    assert!(!head.headers().contains_key("mcp-session-id"));
    let mut events = Events::of(sent(&app, tool("slow")).await);
    let event = events.next().await.expect("the answer");
    assert_eq!(
        (event.id.as_str(), &event.data["result"]),
        ("", &json!("slow"))
    );
    assert_eq!(events.next().await, None);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn progress_comes_on_the_stream_of_its_request() {
    let app = app("");
    let mut events = Events::of(sent(&app, tool("progress")).await);
    for step in [1, 2] {
        let params = json!({"progressToken":"p","progress":step});
        assert_eq!(events.message().await["params"], params);
    }
    assert_eq!(events.message().await["result"], "done");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_client_that_leaves_has_cancelled() {
    let app = app_with("", hasty);
    let events = Events::of(sent(&app, tool("hang")).await);
    drop(events);
    assert_eq!(cancelled(&app).await, 1);
    tokio::select! {
        biased;
        _ = sent(&app, tool("hang")) => panic!("answered"),
        () = tokio::task::yield_now() => {}
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_answered_on_its_stream() {
    let app = app_with("", hasty);
    let mut events = Events::of(sent(&app, tool("hang")).await);
    assert_eq!(events.message().await["error"]["code"], -32001);
    assert_eq!(events.next().await, None);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn one_who_listens_hears_first_what_is_honoured_then_what_changes_then_the_end() {
    let app = app("");
    let wanted = r#","notifications":{"toolsListChanged":true,"promptsListChanged":true}"#;
    let mut events = Events::of(sent(&app, ask("subscriptions/listen", "", wanted)).await);
    let first = events.message().await;
    let honoured = json!({"toolsListChanged":true});
    assert_eq!(first["params"]["notifications"], honoured);
    answer(&app, tool("grow")).await;
    let told = events.message().await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
    let meta = &told["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "m");
    app.streams.end_all();
    let end = events.message().await;
    assert_eq!(
        (&end["id"], &end["result"]["resultType"]),
        (&json!("m"), &json!("complete"))
    );
    assert_eq!(events.next().await, None);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_id_on_a_request_without_sessions_is_not_looked_at() {
    let app = app("");
    let mut request = tool("echo");
    let forged = HeaderValue::from_static("forged");
    request.headers_mut().insert("mcp-session-id", forged);
    assert_eq!(answer(&app, request).await.0.status(), StatusCode::OK);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn errors_before_a_stream_have_their_status() {
    let app = app("");
    for (request, status, code) in [
        (ask("nope", "", ""), StatusCode::NOT_FOUND, -32601),
        (tool("nope"), StatusCode::BAD_REQUEST, -32602),
        (
            ask("tools/call", "x", r#","name":"y""#),
            StatusCode::BAD_REQUEST,
            -32020,
        ),
        (tool("refuse"), StatusCode::OK, -7),
    ] {
        let (head, body) = answer(&app, request).await;
        assert_eq!(
            (head.status(), &body["error"]["code"]),
            (status, &json!(code))
        );
    }
    app.upstreams.shutdown().await;
}
