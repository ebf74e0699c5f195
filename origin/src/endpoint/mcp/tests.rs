//! The endpoint over a running server, without a socket.

use std::path::PathBuf;

use findings::Document;
use http_body_util::BodyExt;
use origin_config::Server;
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

/// An origin whose one server, `hostile`, runs `server.py` in one of its modes.
fn app(mode: &str) -> Arc<App> {
    let (config, _) = origin_config::load(Document::empty());
    let mut config = config.expect("the defaults are sound");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/upstream/tests/server.py");
    config.servers = vec![Server {
        name: "hostile".into(),
        command: ["python3", script, mode].map(Into::into).into(),
        working_directory: Some(PathBuf::from("/")),
        environment: std::collections::BTreeMap::new(),
        environment_pass: Vec::new(),
        start_timeout: Duration::from_secs(20),
        call_timeout: Duration::from_millis(500),
    }];
    App::start(config, std::env::vars_os().collect(), Clock::system())
}

fn post(path: &str, body: &str) -> Request<Body> {
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    request
        .body(body::full(body.to_owned()))
        .expect("a request")
}

async fn answer(app: &Arc<App>, request: Request<Body>) -> (Response<()>, Value) {
    let (head, body) = serve(Arc::clone(app), request).await.into_parts();
    let bytes = body.collect().await.expect("a body from memory").to_bytes();
    (
        Response::from_parts(head, ()),
        serde_json::from_slice(&bytes).unwrap_or_default(),
    )
}

fn call(tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{{"name":"{tool}","arguments":[1.0]}}}}"#
    )
}

#[tokio::test]
async fn a_tool_is_called_through_both_paths() {
    let app = app("");
    for (path, tool) in [
        ("/mcp", "hostile__echo"),
        ("/mcp/", "hostile__echo"),
        ("/servers/hostile/mcp", "echo"),
    ] {
        let (head, body) = answer(&app, post(path, &call(tool))).await;
        assert_eq!(
            (head.status(), body),
            (
                StatusCode::OK,
                json!({"jsonrpc":"2.0","id":"c","result":[1.0]})
            )
        );
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn errors_of_calls_are_json_rpc_errors_with_their_ids() {
    let app = app("");
    for (tool, code, word) in [
        ("hang", -32001, json!("TIMEOUT")),
        ("refuse", -7, Value::Null),
        ("die", -32000, json!("SERVICE_UNAVAILABLE")),
    ] {
        let (head, body) = answer(&app, post("/servers/hostile/mcp", &call(tool))).await;
        assert_eq!((head.status(), &body["id"]), (StatusCode::OK, &json!("c")));
        assert_eq!(
            (&body["error"]["code"], &body["error"]["data"]["code"]),
            (&json!(code), &word),
            "{tool}"
        );
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn only_post_is_served_and_allow_says_so() {
    let app = app("");
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let request = Request::builder()
            .method(method)
            .uri("/mcp")
            .body(body::empty())
            .expect("a request");
        let (head, body) = answer(&app, request).await;
        assert_eq!(
            (head.status(), &head.headers()[ALLOW]),
            (
                StatusCode::METHOD_NOT_ALLOWED,
                &HeaderValue::from_static("POST")
            )
        );
        assert_eq!(body["error"]["code"], -32600);
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_unknown_server_is_not_found_and_a_notification_accepted() {
    let app = app("");
    let (head, body) = answer(&app, post("/servers/nobody/mcp", &call("echo"))).await;
    assert_eq!(
        (head.status(), &body["id"]),
        (StatusCode::NOT_FOUND, &json!("c"))
    );
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let (head, body) = answer(&app, post("/mcp", initialized)).await;
    assert_eq!((head.status(), body), (StatusCode::ACCEPTED, Value::Null));
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn while_the_servers_start_the_answer_is_to_come_back() {
    let app = app("silent");
    let (head, body) = answer(&app, post("/mcp", &call("hostile__echo"))).await;
    assert_eq!(
        (head.status(), &head.headers()[RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &RETRY_SOON)
    );
    assert_eq!(
        (&body["id"], &body["error"]["data"]["code"]),
        (&json!("c"), &json!("SERVICE_UNAVAILABLE"))
    );
    app.upstreams.shutdown().await;
}
