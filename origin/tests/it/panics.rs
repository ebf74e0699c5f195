use std::sync::atomic::{AtomicBool, Ordering};

use http::{StatusCode, Version};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use origin::clock::Clock;
use tokio::net::TcpStream;

use crate::support::{World, get, json};

/// A clock that panics once when a test has armed it: the one part below an endpoint that a test can replace.
fn world(wall: fn() -> Timestamp) -> World {
    let clock = Clock {
        wall,
        ..Clock::system()
    };
    World::with_clock(clock, |_| {})
}

#[tokio::test]
async fn a_panic_is_a_500_of_one_request() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    let world = world(|| {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "a bug, for the test");
        Timestamp::now()
    });
    ARMED.store(true, Ordering::SeqCst);
    let response = world.send(Version::HTTP_2, get("/nothing")).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("x-request-id"));
    let body = json(response).await;
    assert_eq!(body["code"], "INTERNAL_ERROR");
    assert!(
        !body.to_string().contains("a bug"),
        "the client sees no internals"
    );
    assert_eq!(world.get("/nothing").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_panic_in_a_stream_leaves_the_connection_to_the_others() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    let world = world(|| {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "a bug, for the test");
        Timestamp::now()
    });
    let stream = TcpStream::connect(world.address).await.expect("it listens");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2 by prior knowledge");
    tokio::spawn(connection);
    ARMED.store(true, Ordering::SeqCst);
    let broken = sender.send_request(get("/mcp/sse")).await.expect("a head");
    assert!(
        broken.into_body().collect().await.is_err(),
        "the stream is reset"
    );
    let next = sender
        .send_request(get("/healthz"))
        .await
        .expect("the connection lives");
    assert_eq!(next.status(), StatusCode::OK);
    world.wait_for_streams(0).await;
}
