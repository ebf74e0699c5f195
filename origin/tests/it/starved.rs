//! Clients that stop reading: over HTTP/2 one stream at a time, by granting it no window.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{PATIENCE, World, chunk, get, request, until};

/// An HTTP/2 client that grants each stream a window of `window` bytes, and more only for what was read.
async fn client(world: &World, window: u32) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(world.address).await.expect("it listens");
    stream.set_nodelay(true).expect("it is open");
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream))
        .await
        .expect("HTTP/2 by prior knowledge");
    tokio::spawn(connection);
    sender
}

fn impatient() -> World {
    World::with(|config| config.timeouts.write_stall = Duration::from_millis(300))
}

async fn listed(world: &World, id: &str) -> bool {
    let listed = world.admin("/streams").await;
    let streams = listed["streams"].as_array().expect("a list");
    streams.iter().any(|stream| stream["request_id"] == id)
}

#[tokio::test]
async fn a_stream_without_a_window_is_reset_and_its_neighbour_goes_on() {
    let world = impatient();
    let mut sender = client(&world, 100).await;
    let mut ask = async |id: &str| {
        let call = request(
            "GET",
            "/mcp/sse?interval_ms=20&count=3600",
            &[("x-request-id", id)],
        );
        let response = sender.send_request(call).await.expect("a head");
        response.into_body()
    };
    let (mut starved, mut read) = (ask("starved").await, ask("read").await);
    let reading = tokio::spawn(async move { while chunk(&mut read).await.is_some() {} });
    until("the end of the starved stream", async || {
        !listed(&world, "starved").await
    })
    .await;
    assert!(listed(&world, "read").await, "its neighbour goes on");
    let ended = async {
        while starved.frame().await.transpose()?.is_some() {}
        Ok::<_, hyper::Error>(())
    };
    let ended = tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("it ends");
    assert!(ended.is_err(), "in a reset, not as if it were whole");
    reading.abort();
}

#[tokio::test]
async fn the_last_bytes_of_an_answer_are_not_kept_for_ever_either() {
    let world = impatient();
    let mut sender = client(&world, 4).await;
    let response = sender.send_request(get("/healthz")).await.expect("a head");
    // The connection idles in the meantime: nothing is read, and nothing tells that the stream was reset but its end.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let whole = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
    assert!(whole.expect("it ends").is_err());
    let alive = sender.send_request(get("/healthz")).await;
    let whole = alive
        .expect("the connection lives")
        .into_body()
        .collect()
        .await;
    assert_eq!(whole.expect("read in time").to_bytes().len(), 15);
}

#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let world = World::with(|config| config.timeouts.write_stall = Duration::from_secs(5));
    let mut sender = client(&world, 512).await;
    let call = get("/mcp/stream-demo?interval_ms=0");
    let mut body = sender.send_request(call).await.expect("a head").into_body();
    let mut text = String::new();
    while let Some(part) = chunk(&mut body).await {
        text += &part;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(text.ends_with("\"tokens\":68}\n\n"), "{text}");
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_over_http_1_too() {
    let world = impatient();
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    let head = b"GET /mcp/stream-demo?interval_ms=0 HTTP/1.1\r\nhost: x\r\n\r\n";
    // It reads nothing: the buffers of both sockets fill up, and nothing moves until the connection is cut.
    let writing = async { while raw.write_all(head).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, writing)
        .await
        .expect("it is cut");
    world.wait_for_streams(0).await;
}
