use std::time::Duration;

use http::{StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{PATIENCE, VERSIONS, World, get, send_on};

#[tokio::test]
async fn both_versions_are_served_on_unix_sockets_too() {
    let world = World::start();
    for version in VERSIONS {
        let stream = UnixStream::connect(&world.socket)
            .await
            .expect("it listens");
        let response = send_on(stream, version, get("/healthz")).await;
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, version)
        );
    }
}

#[tokio::test]
async fn the_admin_socket_does_not_serve_mcp() {
    let world = World::start();
    let stream = UnixStream::connect(&world.admin).await.expect("it listens");
    let response = send_on(stream, Version::HTTP_11, get("/mcp/sse")).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.get("/streams").await.status(), StatusCode::NOT_FOUND);
}

/// Sends these bytes and waits for the origin to close the connection.
async fn closed_after(world: &World, bytes: &str) -> String {
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    raw.write_all(bytes.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, raw.read_to_string(&mut answer))
        .await
        .expect("it closes")
        .expect("in peace");
    answer
}

#[tokio::test]
async fn idle_connections_are_closed_by_whatever_they_sent_before() {
    let world = World::with(|config| config.keep_alive_timeout = Duration::from_millis(100));
    assert_eq!(closed_after(&world, "").await, "");
    let answer = closed_after(&world, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_idle_client_that_does_not_answer_the_goodbye_is_closed_too() {
    let world = World::with(|config| config.keep_alive_timeout = Duration::from_millis(100));
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    // RFC 9113: the preface (section 3.4), an empty SETTINGS frame and one GET / of authority `x`; then silence.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let headers = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x";
    raw.write_all(&[&preface[..], headers].concat())
        .await
        .expect("it reads");
    let mut frames = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, raw.read_to_end(&mut frames)).await;
    closed.expect("it closes").expect("in peace");
    assert!(!frames.is_empty(), "it said goodbye");
}

#[tokio::test]
async fn a_request_head_that_does_not_end_is_cut() {
    let world = World::with(|config| config.read_timeout = Duration::from_millis(100));
    assert_eq!(
        closed_after(&world, "GET /healthz HTTP/1.1\r\nhost:").await,
        ""
    );
}

#[tokio::test]
async fn a_stream_outlives_the_idle_timeout_of_its_connection() {
    let world = World::with(|config| config.keep_alive_timeout = Duration::from_millis(50));
    for version in VERSIONS {
        let response = world
            .send(version, get("/mcp/sse?interval_ms=150&count=3"))
            .await;
        let mut body = response.into_body();
        let mut ticks = 0;
        while crate::support::chunk(&mut body).await.is_some() {
            ticks += 1;
        }
        assert_eq!(ticks, 3, "{version:?}");
    }
}
