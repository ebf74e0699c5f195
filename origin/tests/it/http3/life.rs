//! Handshakes, restarts and the way out.

use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quinn::TransportConfig;

use super::Quic;
use super::floods::unknown_version;
use super::raw::{End, Raw, frame, get, way};
use crate::support::{PATIENCE, until};

const NO_ERROR: u64 = 0x100;

/// What the origin's control stream says until its end.
async fn control(raw: &Raw) -> Vec<u8> {
    let mut stream = raw
        .connection
        .accept_uni()
        .await
        .expect("its control stream");
    let mut said = Vec::new();
    while let Ok(Some(chunk)) = stream.read_chunk(usize::MAX, true).await {
        said.extend_from_slice(&chunk.bytes);
    }
    said
}

#[tokio::test]
async fn a_drain_says_goodbye_ends_streams_and_closes_without_an_error() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let (mut send, receive) = raw.open(&get("/mcp/sse?interval_ms=60000")).await;
    send.finish().expect("open");
    quic.world.wait_for_streams(1).await;
    quic.world.stop.graceful.cancel();
    let (said, stream, end) = tokio::join!(control(&raw), raw.outcome(receive), raw.end());
    assert_eq!(stream, End::Answer(200), "the stream has its proper end");
    assert_eq!(end, End::Closed(NO_ERROR));
    // SETTINGS with the limit of a field section, GOAWAY with the largest id, GOAWAY with the next one.
    let first = [7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc];
    let expected = [&[0, 4, 5, 6, 0x80, 1, 0, 0][..], &first, &[7, 1, 4]].concat();
    assert_eq!(said, expected);
}

#[tokio::test]
async fn an_answer_that_is_lost_on_its_way_is_sent_again_before_the_origin_ends() {
    let quic = Quic::start();
    let way = way(&quic).await;
    let raw = Raw::connect_at(&quic, way.address, TransportConfig::default()).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    way.loses.store(true, Ordering::Relaxed);
    let (mut send, receive) = raw.open(&get("/healthz")).await;
    send.finish().expect("open");
    quic.world.stop.graceful.cancel();
    // Twice as long as a drain takes that waits for nothing.
    tokio::time::sleep(Duration::from_millis(600)).await;
    way.loses.store(false, Ordering::Relaxed);
    assert_eq!(raw.outcome(receive).await, End::Answer(200));
    assert_eq!(raw.end().await, End::Closed(NO_ERROR));
}

#[tokio::test]
async fn a_request_behind_the_last_goodbye_may_be_sent_again() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    // A request whose body is held back keeps the connection.
    let head = super::raw::with(
        &[("content-type", "application/json")],
        "POST",
        "/call-tool",
    );
    let (mut held, receive) = raw.open(&head).await;
    until("the request", async || {
        raw.exchange(&get("/healthz")).await == End::Answer(200)
    })
    .await;
    quic.world.stop.graceful.cancel();
    until("the last goodbye", async || {
        raw.exchange(&get("/healthz")).await == End::Reset(0x10b)
    })
    .await;
    held.write_all(&frame(0, b"{}")).await.expect("it is read");
    held.finish().expect("open");
    let (answer, end) = tokio::join!(raw.outcome(receive), raw.end());
    assert!(matches!(answer, End::Answer(_)), "{answer:?}");
    assert_eq!(end, End::Closed(NO_ERROR));
}

#[tokio::test]
async fn a_client_that_comes_during_the_drain_is_refused_at_once() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let (_held, _receive) = raw.open(&[1, 0x40]).await;
    quic.world.stop.graceful.cancel();
    until("a refusal", async || {
        let refused = raw.connect_again(&quic).await;
        matches!(refused, Err(quinn::ConnectionError::ConnectionClosed(_)))
    })
    .await;
}

#[tokio::test]
async fn a_client_that_moves_keeps_its_stream() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let (_send, mut receive) = raw.open(&get("/mcp/sse?interval_ms=20&count=1000")).await;
    let mut read = async || {
        let read = tokio::time::timeout(PATIENCE, receive.read_chunk(usize::MAX, true));
        read.await
            .expect("in time")
            .expect("no error")
            .expect("it goes on")
    };
    read().await;
    // The system deals ports out to the shards: some of these are not the one's that has the connection.
    for _ in 0..8 {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        raw.endpoint.rebind(socket).expect("another port");
        for _ in 0..5 {
            read().await;
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_address_where_that_is_asked_for() {
    let quic = Quic::with(|config| config.quic.retry_above = 0);
    let raw = Raw::connect(&quic).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused() {
    let quic = Quic::with(|config| config.quic.max_connections = 1);
    let raw = Raw::connect(&quic).await;
    assert!(raw.connect_again(&quic).await.is_err());
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let quic = Quic::with(|config| config.keep_alive_timeout = Duration::from_millis(200));
    let raw = Raw::connect_with(&quic, super::raw::lively()).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    assert_eq!(raw.end().await, End::Closed(NO_ERROR));
}

#[tokio::test]
async fn an_unknown_version_is_negotiated_and_noise_is_not_answered() {
    let quic = Quic::start();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    socket
        .connect(quic.world.quic.expect("HTTP/3"))
        .await
        .expect("an address");
    let mut answer = [0; 2048];
    for noise in [&[0; 1200][..], &[0x40; 30], &[0xff; 7], &[]] {
        socket.send(noise).await.expect("sent");
    }
    socket.send(&unknown_version(1200)).await.expect("sent");
    let read = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await;
    let length = read.expect("in time").expect("an answer");
    assert_eq!(
        answer[1..5],
        [0; 4],
        "version negotiation (RFC 9000 section 17.2.1)"
    );
    assert!(length < 1200, "{length}: less than was sent");
    let raw = Raw::connect(&quic).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}
