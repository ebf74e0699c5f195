use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{VERSIONS, World, get, json, request, with_body};

#[tokio::test]
async fn a_path_that_is_not_served_is_a_404_envelope() {
    let world = World::start();
    for version in VERSIONS {
        let call = request("GET", "/mcp/other", &[("x-request-id", "r1")]);
        let response = world.send(version, call).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = json(response).await;
        assert_eq!(
            (&body["code"], &body["request_id"]),
            (&"NOT_FOUND".into(), &"r1".into())
        );
        assert_eq!(body["success"], false);
    }
}

#[tokio::test]
async fn a_method_that_is_not_served_is_a_405_with_allow() {
    let world = World::start();
    let response = world
        .send(Version::HTTP_11, request("DELETE", "/healthz", &[]))
        .await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
    assert_eq!(json(response).await["code"], "METHOD_NOT_ALLOWED");
    let modern = [("mcp-protocol-version", "2026-07-28")];
    for (method, headers, allow) in [
        ("PUT", &[][..], "GET, POST, DELETE, OPTIONS"),
        ("GET", &modern, "POST, OPTIONS"),
        ("DELETE", &modern, "POST, OPTIONS"),
    ] {
        let response = world
            .send(Version::HTTP_11, request(method, "/mcp", headers))
            .await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], allow);
        assert_eq!(json(response).await["jsonrpc"], "2.0");
    }
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_bytes() {
    let world = World::start();
    for version in VERSIONS {
        let whole = world.send(version, get("/healthz")).await;
        let head = world.send(version, request("HEAD", "/healthz", &[])).await;
        let lengths = [&whole, &head].map(|response| response.headers()["content-length"].clone());
        assert_eq!(lengths[0], lengths[1]);
        let bytes = head
            .into_body()
            .collect()
            .await
            .expect("no error")
            .to_bytes();
        assert!(bytes.is_empty(), "{version:?}: {bytes:?}");
    }
}

#[tokio::test]
async fn options_names_the_methods() {
    let world = World::start();
    let response = world
        .send(Version::HTTP_11, request("OPTIONS", "/mcp", &[]))
        .await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "GET, POST, DELETE, OPTIONS");
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_in_the_words_of_its_route() {
    let world = World::with(|config| config.max_body_size = 1_000);
    for version in VERSIONS {
        let large = Bytes::from(vec![b' '; 1_001]);
        let response = world
            .send(version, with_body("POST", "/mcp", &[], large))
            .await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(code_of_rpc(response).await, "PAYLOAD_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_a_413_too() {
    let world = World::with(|config| config.max_body_size = 1_000);
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    let chunk = format!("1f4\r\n{}\r\n", " ".repeat(500)).repeat(3);
    let head = "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        accept: application/json, text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    raw.write_all(format!("{head}{chunk}").as_bytes())
        .await
        .expect("it reads");
    let mut answer = vec![0; 12];
    raw.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_a_504() {
    let world = World::with(|config| config.timeouts.smoke = Duration::from_millis(50));
    for version in VERSIONS {
        let response = world.send(version, get("/mcp/sse?delay_ms=60000")).await;
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(!response.headers().contains_key("x-accel-buffering"));
        assert_eq!(json(response).await["code"], "TIMEOUT");
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_a_504_in_json_rpc() {
    let world = World::with(|config| config.timeouts.mcp = Duration::from_millis(50));
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    let head = "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        accept: application/json, text/event-stream\r\ncontent-length: 9\r\n\r\n{";
    raw.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    raw.read_to_string(&mut answer)
        .await
        .expect("an answer, then the end");
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert!(answer.contains(r#""code":-32001"#), "{answer}");
}

#[tokio::test]
async fn a_websocket_is_refused_with_a_reason() {
    let world = World::start();
    for (path, shape) in [
        ("/mcp", "jsonrpc"),
        ("/mcp/sse", "success"),
        ("/ws", "success"),
    ] {
        let headers = [("connection", "Upgrade"), ("upgrade", "websocket")];
        let response = world
            .send(Version::HTTP_11, request("GET", path, &headers))
            .await;
        assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED, "{path}");
        let body = json(response).await;
        assert!(body.get(shape).is_some(), "{path}: {body}");
        assert!(
            body.to_string().contains("WebSockets are not served"),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_extended_connect_ends_its_own_stream_only() {
    let world = World::start();
    let stream = TcpStream::connect(world.address).await.expect("it listens");
    let (mut sender, connection) = h2_client(stream).await;
    tokio::spawn(connection);
    let mut connect = request("CONNECT", "/ws", &[]);
    connect
        .extensions_mut()
        .insert(hyper::ext::Protocol::from_static("websocket"));
    let refused = sender.send_request(connect).await;
    assert!(
        !refused.is_ok_and(|response| response.status().is_success()),
        "a tunnel was opened"
    );
    let alive = sender
        .send_request(get("/healthz"))
        .await
        .expect("the connection lives");
    assert_eq!(alive.status(), StatusCode::OK);
}

async fn h2_client(
    stream: TcpStream,
) -> (
    hyper::client::conn::http2::SendRequest<http_body_util::Full<Bytes>>,
    impl Future<Output = hyper::Result<()>>,
) {
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("HTTP/2 by prior knowledge")
}

async fn code_of_rpc(response: Response<hyper::body::Incoming>) -> Value {
    json(response).await["error"]["data"]["code"].clone()
}
