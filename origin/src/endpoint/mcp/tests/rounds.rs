//! Servers that ask, and clients of the other era.

use super::*;

/// A call of `ask` by a client of 2026-07-28 with these capabilities, and what it adds in a later round.
fn ask(capabilities: &str, more: &str) -> Request<Body> {
    let meta = format!(
        r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities}"#
    );
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"m","method":"tools/call","params":{{"name":"ask","_meta":{{{meta}}}{more}}}}}"#
    );
    let headers = [
        JSON,
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "ask"),
    ];
    request(Method::POST, ONE, &headers, &body)
}

const ABLE: &str = r#"{"sampling":{}}"#;

/// What a later round adds.
fn round(state: &Value, answers: &str) -> String {
    format!(r#","requestState":{state},"inputResponses":{answers}"#)
}

/// An origin with an old server that asks, and the state of a call that waits there.
async fn waiting() -> (Arc<App>, Value) {
    let app = app_with("", private);
    let (_, body) = answer(&app, ask(ABLE, "")).await;
    let result = &body["result"];
    let asked = json!({"1":{"method":"sampling/createMessage","params":{"n":1}}});
    assert_eq!(
        (&result["resultType"], &result["inputRequests"]),
        (&json!("input_required"), &asked),
        "{body}"
    );
    let state = result["requestState"].clone();
    (app, state)
}

#[tokio::test]
async fn an_old_server_asks_a_new_client_which_goes_on_with_the_same_call() {
    let (app, state) = waiting().await;
    let more = round(&state, r#"{"1":{"said":1.50},"2":{}}"#);
    let (head, body) = answer(&app, ask(ABLE, &more)).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(body["result"]["said"], json!(1.5), "{body}");
    // The process is free for the next call.
    let (_, again) = answer(&app, ask(ABLE, "")).await;
    assert_eq!(again["result"]["resultType"], "input_required");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_question_that_is_left_out_is_asked_again() {
    let (app, state) = waiting().await;
    let (_, body) = answer(&app, ask(ABLE, &round(&state, "{}"))).await;
    assert_eq!(body["result"]["resultType"], "input_required");
    let more = round(&body["result"]["requestState"], r#"{"1":{"x":1}}"#);
    let (_, body) = answer(&app, ask(ABLE, &more)).await;
    assert_eq!(body["result"]["x"], 1, "{body}");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_answer_counts_once_and_for_its_caller_only() {
    let (app, state) = waiting().await;
    let more = round(&state, r#"{"1":{"x":1}}"#);
    let mut foreign = ask(ABLE, &more);
    let other = http::HeaderValue::from_static("Bearer other");
    foreign
        .headers_mut()
        .insert(http::header::AUTHORIZATION, other);
    let malformed = ask(ABLE, &round(&state, r#"{"1":7}"#));
    for refused in [foreign, malformed] {
        let (head, body) = answer(&app, refused).await;
        assert_eq!(
            (head.status(), &body["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!(-32602))
        );
    }
    assert_eq!(
        answer(&app, ask(ABLE, &more)).await.0.status(),
        StatusCode::OK
    );
    let (head, body) = answer(&app, ask(ABLE, &more)).await;
    assert_eq!(
        (head.status(), &body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!(-32602))
    );
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_old_server_gets_an_error_for_what_the_client_cannot_answer() {
    let app = app_with("", private);
    // The server passes on the answer that it got: an error has no result.
    for capabilities in [r#"{"roots":{}}"#, "{}"] {
        let (_, body) = answer(&app, ask(capabilities, "")).await;
        assert_eq!(body["result"], Value::Null, "{body}");
    }
    app.upstreams.shutdown().await;
}

/// A new server, and an old client that can do this.
async fn old_client(capabilities: &str) -> (Arc<App>, Client) {
    let app = app("modern");
    let client = Client::able(&app, ONE, ("2025-11-25", capabilities)).await;
    (app, client)
}

#[tokio::test]
async fn a_new_server_asks_an_old_client_on_the_stream_of_its_call() {
    let (app, client) = old_client(ABLE).await;
    let mut events = Events::of(client.post(&call("ask")).await);
    let asked = events.message().await;
    assert_eq!(
        (&asked["method"], &asked["params"]),
        (&json!("sampling/createMessage"), &json!({"n":1}))
    );
    let response = format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{{"x":1}}}}"#,
        asked["id"]
    );
    assert_eq!(
        client.status(Method::POST, &response).await,
        StatusCode::ACCEPTED
    );
    let result = json!({"got":{"q":{"x":1}},"state":"s"});
    assert_eq!(events.message().await["result"], result);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn what_an_old_client_cannot_answer_fails_its_call_and_says_what_it_would_need() {
    let (app, client) = old_client("{}").await;
    let error = client.ask(&call("ask")).await["error"].clone();
    let needed = json!({"requiredCapabilities":{"sampling":{}}});
    assert_eq!((&error["code"], &error["data"]), (&json!(-32021), &needed));
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_old_client_that_refuses_gets_its_own_error_back() {
    let (app, client) = old_client(ABLE).await;
    let mut events = Events::of(client.post(&call("ask")).await);
    let asked = events.message().await;
    let response = format!(
        r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-1,"message":"no"}}}}"#,
        asked["id"]
    );
    client.post(&response).await;
    assert_eq!(events.message().await["error"]["code"], -1);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn the_answer_to_a_question_of_a_cancelled_call_comes_to_nothing() {
    let (app, client) = old_client(ABLE).await;
    let mut events = Events::of(client.post(&call("ask")).await);
    let asked = events.message().await;
    let cancel =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c"}}"#;
    client.post(cancel).await;
    assert_eq!(events.next().await, None);
    let response = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, asked["id"]);
    assert_eq!(
        client.status(Method::POST, &response).await,
        StatusCode::ACCEPTED
    );
    app.upstreams.shutdown().await;
}
