use std::time::Duration;

use http::{HeaderMap, StatusCode, Version};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::support::{HeldCall, PATIENCE, VERSIONS, World, chunk, get, request, send_on, until};

fn accel(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-accel-buffering")?.to_str().ok()
}

fn data(event: &str) -> Value {
    let line = event.lines().find_map(|line| line.strip_prefix("data: "));
    serde_json::from_str(line.expect("a data line")).expect("JSON")
}

#[tokio::test]
async fn streams_carry_the_streaming_headers_and_others_do_not() {
    let world = World::start();
    for version in VERSIONS {
        for path in ["/mcp/sse?count=1", "/mcp/stream-demo"] {
            let response = world.send(version, get(path)).await;
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            assert_eq!(accel(response.headers()), Some("no"), "{version:?} {path}");
            assert_eq!(response.headers()["cache-control"], "no-cache");
        }
        for path in ["/healthz", "/nothing"] {
            let response = world.send(version, get(path)).await;
            assert_eq!(accel(response.headers()), None, "{version:?} {path}");
        }
    }
}

#[tokio::test]
async fn ticks_come_one_by_one() {
    let world = World::start();
    for version in VERSIONS {
        let response = world
            .send(version, get("/mcp/sse?interval_ms=60&count=3"))
            .await;
        let mut body = response.into_body();
        let mut sent = Vec::new();
        for sequence in 0..3 {
            let event = chunk(&mut body).await.expect("a tick");
            assert!(event.starts_with("event: tick\ndata: "), "{event}");
            assert_eq!(
                event.matches("event:").count(),
                1,
                "more than one at a time"
            );
            assert_eq!(data(&event)["seq"], sequence);
            sent.push(data(&event)["sent_us"].as_i64().expect("a number"));
        }
        assert_eq!(chunk(&mut body).await, None);
        assert!(sent.is_sorted_by(|a, b| b - a >= 59_000), "{sent:?}");
    }
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let world = World::with(|config| config.stream_keep_alive = Duration::from_millis(64));
    for version in VERSIONS {
        let response = world.send(version, get("/mcp/sse?interval_ms=60000")).await;
        let mut body = response.into_body();
        assert!(
            chunk(&mut body)
                .await
                .expect("a tick")
                .starts_with("event: tick")
        );
        for _ in 0..3 {
            assert_eq!(chunk(&mut body).await.as_deref(), Some(": keep-alive\n\n"));
        }
    }
}

#[tokio::test]
async fn tokens_come_as_lines_or_as_events() {
    let world = World::start();
    let headers = [("accept", "application/x-ndjson")];
    let call = request("GET", "/mcp/stream-demo?interval_ms=1", &headers);
    let response = world.send(Version::HTTP_11, call).await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    assert_eq!(accel(response.headers()), Some("no"));
    let lines = whole(response).await;
    let indexes: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["index"].clone())
        .collect();
    let events = whole(world.get("/mcp/stream-demo?interval_ms=1").await).await;
    assert_eq!(events.matches("event: token").count(), indexes.len());
    assert!(
        events
            .trim_end()
            .ends_with(&format!("data: {{\"tokens\":{}}}", indexes.len()))
    );
    assert!(indexes.iter().enumerate().all(|(at, index)| *index == at));
}

async fn whole(response: http::Response<hyper::body::Incoming>) -> String {
    let mut body = response.into_body();
    let mut text = String::new();
    while let Some(part) = chunk(&mut body).await {
        text += &part;
    }
    text
}

#[tokio::test]
async fn a_stream_is_listed_until_its_client_goes() {
    let world = World::with(|config| config.stream_keep_alive = Duration::from_millis(200));
    for version in VERSIONS {
        let call = request(
            "GET",
            "/mcp/sse?interval_ms=60000",
            &[("x-request-id", "mine")],
        );
        let mut response = world.send(version, call).await;
        chunk(response.body_mut()).await.expect("a tick");
        let listed = world.admin("/streams").await;
        assert_eq!(listed["open"], 1);
        assert_eq!(listed["streams"][0]["request_id"], "mine");
        assert_eq!(listed["streams"][0]["route"], "sse");
        assert!(listed["streams"][0]["age_ms"].is_u64());
        drop(response);
        world.wait_for_streams(0).await;
    }
}

#[tokio::test]
async fn a_head_request_opens_no_stream() {
    let world = World::start();
    for version in VERSIONS {
        let response = world.send(version, request("HEAD", "/mcp/sse", &[])).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(accel(response.headers()), Some("no"));
        world.wait_for_streams(0).await;
    }
}

#[tokio::test]
async fn a_shutdown_ends_streams_in_words_and_at_once() {
    for version in VERSIONS {
        let mut world = World::start();
        let response = world.send(version, get("/mcp/sse?interval_ms=60000")).await;
        let mut body = response.into_body();
        chunk(&mut body).await.expect("a tick");
        world.stop.graceful.cancel();
        let last = chunk(&mut body).await.expect("the last words");
        assert!(last.starts_with("event: end\n"), "{last}");
        assert_eq!(chunk(&mut body).await, None);
        let ended = tokio::time::timeout(PATIENCE, &mut world.running).await;
        ended
            .expect("drained before `graceful_timeout`")
            .expect("no panic")
            .expect("no error");
        assert!(!world.socket.exists() && !world.admin.exists());
    }
}

#[tokio::test]
async fn a_call_in_flight_is_answered_during_the_drain() {
    let world = World::start();
    let stream = UnixStream::connect(&world.socket)
        .await
        .expect("it listens");
    let mut call = HeldCall::begin(stream).await;
    world.stop.graceful.cancel();
    until("a closed listener", async || !world.socket.exists()).await;
    let answer = call.finish().await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_was_just_made_gets_its_first_answer_during_the_drain() {
    let world = World::start();
    let mut stream = UnixStream::connect(&world.socket)
        .await
        .expect("it listens");
    // Accepted for certain: connections are taken in their order.
    world.get("/healthz").await;
    let second = UnixStream::connect(&world.socket)
        .await
        .expect("it listens");
    send_on(second, Version::HTTP_11, get("/healthz")).await;
    world.stop.graceful.cancel();
    until("a closed listener", async || !world.socket.exists()).await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("it is open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("in peace");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
