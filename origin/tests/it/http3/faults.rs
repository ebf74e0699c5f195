//! Clients that leave, stall, flood and vanish.

use std::time::Duration;

use super::Quic;
use super::raw::{End, Raw, frame, get, headers, lively, varint, way, window, with};
use crate::support::until;

const NO_ERROR: u64 = 0x100;
const REQUEST_CANCELLED: u64 = 0x10c;
const EXCESSIVE_LOAD: u64 = 0x107;

/// A stream that says nothing for an hour.
fn silent() -> Vec<u8> {
    get("/mcp/sse?interval_ms=60000")
}

#[tokio::test]
async fn a_head_of_many_fields_is_refused_and_breaks_nothing() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let pairs: Vec<_> = (0..10_000).map(|_| ("a", "")).collect();
    let all: Vec<_> = [(":method", "GET")].into_iter().chain(pairs).collect();
    assert_eq!(raw.exchange(&headers(&all)).await, End::Answer(431));
    // The size is known before a byte of it has come.
    let (_send, receive) = raw.open(&[varint(1), varint(1 << 20)].concat()).await;
    assert_eq!(raw.outcome(receive).await, End::Answer(431));
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_map_of_fields_that_is_full_is_refused_too() {
    let quic = Quic::with(|config| config.quic.max_field_section_size = 16 << 20);
    let raw = Raw::connect(&quic).await;
    let names: Vec<_> = (0..40_000).map(|number| format!("a{number}")).collect();
    let fields = names.iter().map(|name| (name.as_str(), ""));
    let all: Vec<_> = [(":method", "GET")].into_iter().chain(fields).collect();
    assert_eq!(raw.exchange(&headers(&all)).await, End::Answer(431));
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_silent_stream_ends_when_its_client_does_not_want_it() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let (mut send, mut receive) = raw.open(&silent()).await;
    send.finish().expect("open");
    quic.world.wait_for_streams(1).await;
    receive.stop(0x10c_u32.into()).expect("open");
    quic.world.wait_for_streams(0).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_silent_stream_ends_with_its_connection() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let _streams = (raw.open(&silent()).await, raw.open(&silent()).await);
    quic.world.wait_for_streams(2).await;
    raw.connection.close(0x100_u32.into(), b"");
    quic.world.wait_for_streams(0).await;
}

#[tokio::test]
async fn a_client_that_vanished_is_gone_at_the_idle_timeout() {
    let quic = Quic::with(|config| config.quic.idle_timeout = Duration::from_secs(1));
    let way = way(&quic).await;
    let raw = Raw::connect_at(&quic, way.address, lively()).await;
    let streams = raw.open(&silent()).await;
    quic.world.wait_for_streams(1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(quic.world.admin("/streams").await["open"], 1, "it is there");
    way.keeping.abort();
    quic.world.wait_for_streams(0).await;
    drop(streams);
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_and_its_neighbours_go_on() {
    let quic = Quic::with(|config| config.timeouts.write_stall = Duration::from_millis(300));
    let raw = Raw::connect_with(&quic, window(100)).await;
    let (_send, unread) = raw.open(&get("/mcp/sse?interval_ms=10&count=1000")).await;
    quic.world.wait_for_streams(1).await;
    quic.world.wait_for_streams(0).await;
    assert_eq!(raw.outcome(unread).await, End::Reset(REQUEST_CANCELLED));
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_reader_of_a_few_bytes_at_a_time_gets_everything() {
    let quic = Quic::start();
    let raw = Raw::connect_with(&quic, window(16)).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn a_window_of_one_byte_disturbs_nobody() {
    let quic = Quic::start();
    let slow = Raw::connect_with(&quic, window(1)).await;
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(slow.open(&get("/mcp/sse?interval_ms=10&count=1000")).await);
    }
    let raw = Raw::connect(&quic).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    slow.connection.close(0x100_u32.into(), b"");
    quic.world.wait_for_streams(0).await;
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_stopped_without_an_error() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let head = with(&[("content-length", "10000000")], "POST", "/nowhere");
    let (mut send, receive) = raw
        .open(&[head, varint(0), varint(10_000_000)].concat())
        .await;
    let sending = async {
        while send.write_all(&[0; 16_384]).await.is_ok() {}
        send.stopped().await.expect("the connection is there")
    };
    let (stopped, answer) = tokio::join!(sending, raw.outcome(receive));
    assert_eq!(answer, End::Answer(404));
    assert_eq!(stopped.map(quinn::VarInt::into_inner), Some(NO_ERROR));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_not_waited_for() {
    let quic = Quic::with(|config| config.read_timeout = Duration::from_millis(200));
    let raw = Raw::connect(&quic).await;
    let (_send, receive) = raw.open(&[1, 0x40]).await;
    assert!(matches!(raw.outcome(receive).await, End::Reset(_)));
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

/// Opens requests and gives each of them up, until the origin has had enough or there were so many.
async fn give_up(raw: &Raw, requests: u32) {
    for _ in 0..requests {
        let Ok((mut send, mut receive)) = raw.connection.open_bi().await else {
            return;
        };
        // What fails here fails with the connection.
        let _ = send.write_all(&silent()).await;
        let _ = send.reset(0x10c_u32.into());
        let _ = receive.stop(0x10c_u32.into());
    }
}

#[tokio::test]
async fn requests_that_are_given_up_leave_nothing_behind() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    give_up(&raw, 900).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    quic.world.wait_for_streams(0).await;
}

#[tokio::test]
async fn a_client_that_does_nothing_but_give_requests_up_is_closed_for_it() {
    let quic = Quic::start();
    let (raw, other) = (Raw::connect(&quic).await, Raw::connect(&quic).await);
    let (storm, served) = tokio::join!(give_up(&raw, 1_000_000), async {
        let mut served = Vec::new();
        for _ in 0..5 {
            served.push(other.exchange(&get("/healthz")).await);
        }
        served
    });
    let () = storm;
    assert_eq!(raw.end().await, End::Closed(EXCESSIVE_LOAD));
    assert_eq!(served, [End::Answer(200); 5], "another client is served");
    quic.world.wait_for_streams(0).await;
}

#[tokio::test]
async fn a_client_that_takes_all_the_streams_and_sleeps_takes_them_from_nobody() {
    let quic = Quic::start();
    let sleeper = Raw::connect(&quic).await;
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(sleeper.open(&[1, 0x40]).await);
    }
    let raw = Raw::connect(&quic).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn streams_beyond_the_limit_wait_for_their_turn() {
    let quic = Quic::with(|config| config.quic.max_concurrent_streams = 3);
    let raw = Raw::connect(&quic).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(raw.open(&silent()).await);
    }
    quic.world.wait_for_streams(3).await;
    let fourth = tokio::time::timeout(Duration::from_millis(200), raw.connection.open_bi());
    assert!(fourth.await.is_err(), "there is no fourth");
    held.clear();
    until("room for another", async || {
        let open = tokio::time::timeout(Duration::from_millis(200), raw.connection.open_bi());
        open.await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_frames_without_meaning_ends_as_a_request_does() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let noise: Vec<u8> = (0..2_000).flat_map(|_| frame(0x21, b"noise")).collect();
    let request = [noise.clone(), get("/healthz"), noise].concat();
    assert_eq!(raw.exchange(&request).await, End::Answer(200));
}
