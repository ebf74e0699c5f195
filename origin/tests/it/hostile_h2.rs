//! Hostile clients that speak HTTP/2: what is theirs alone is in `hostile`, here are the ways that only HTTP/2 has.

use std::time::Duration;

use http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::frames::{
    ends, get, more_head, open_head, ping, preface, reset, settings, write_all_or_end,
};
use crate::support::{PATIENCE, World};
use crate::victim::Victim;

const WINDOW: u32 = 65_535;
const ENDLESS: &str = "/mcp/sse?interval_ms=10&count=3600";

/// The numbers of the first `count` streams of a client.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|index| 2 * index + 1)
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("in time")
}

#[tokio::test]
async fn streams_that_are_reset_as_soon_as_they_begin_leave_nothing() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    stream.write_all(&preface(WINDOW)).await.expect("it reads");
    let storm = streams(50_000).map(|id| [get(id, ENDLESS), reset(id)].concat());
    within(write_all_or_end(&mut stream, storm)).await;
    victim.assert_serving().await;
    // It is closed: what is left of the flood has nobody to be read by.
    within(ends(&mut stream)).await;
    victim.assert_recovered().await;
}

#[tokio::test]
async fn requests_that_are_given_up_one_after_the_other_are_a_flood_too() {
    let world = World::start();
    let mut stream = TcpStream::connect(world.address).await.expect("it listens");
    stream.write_all(&preface(WINDOW)).await.expect("it reads");
    // Never two at a time: none of them waits to be accepted when it is reset.
    for id in streams(5_000) {
        if stream.write_all(&get(id, ENDLESS)).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
        if stream.write_all(&reset(id)).await.is_err() {
            break;
        }
    }
    within(ends(&mut stream)).await;
    world.wait_for_streams(0).await;
    assert_eq!(world.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn settings_without_end_are_acknowledged_or_cut() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    stream.write_all(&preface(WINDOW)).await.expect("it reads");
    let many = settings().repeat(1_000);
    // The acknowledgements are not read.
    let flood = async { while stream.write_all(&many).await.is_ok() {} };
    within(flood).await;
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_reader_of_one_byte_at_a_time_disturbs_nobody() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    stream.write_all(&preface(1)).await.expect("it reads");
    write_all_or_end(&mut stream, streams(100).map(|id| get(id, ENDLESS))).await;
    victim.assert_serving().await;
    drop(stream);
    victim.assert_recovered().await;
}

#[tokio::test]
async fn no_connection_has_more_streams_than_it_was_told() {
    let world = World::start();
    let mut stream = TcpStream::connect(world.address).await.expect("it listens");
    stream.write_all(&preface(WINDOW)).await.expect("it reads");
    let many = streams(500).map(|id| get(id, "/mcp/sse?interval_ms=60000"));
    within(write_all_or_end(&mut stream, many)).await;
    world.wait_for_streams(100).await;
    stream.shutdown().await.expect("it is open");
    let (resets, _) = within(ends(&mut stream)).await;
    assert!(resets.iter().all(|(_, reason)| *reason == REFUSED_STREAM));
    assert!(!resets.is_empty(), "the others were refused");
    world.wait_for_streams(0).await;
}

#[tokio::test]
async fn streams_without_any_window_are_reset_and_their_memory_comes_back() {
    let victim = Victim::start("").await;
    let mut connections = Vec::new();
    for _ in 0..20 {
        let mut stream = victim.connect().await;
        stream.write_all(&preface(0)).await.expect("it reads");
        write_all_or_end(&mut stream, streams(100).map(|id| get(id, ENDLESS))).await;
        connections.push(stream);
    }
    for stream in &mut connections {
        let (resets, _) = within(ends(stream)).await;
        assert_eq!(resets.len(), 100, "each, once: {resets:?}");
        assert!(resets.iter().all(|(_, reason)| *reason == CANCEL));
    }
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_however_it_comes() {
    let victim = Victim::start("").await;
    for pause in [Duration::ZERO, Duration::from_millis(100)] {
        let mut stream = victim.connect().await;
        stream.write_all(&preface(WINDOW)).await.expect("it reads");
        stream
            .write_all(&open_head(1, "/healthz"))
            .await
            .expect("it reads");
        let endless = async {
            while stream.write_all(&more_head(1)).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        };
        within(endless).await;
    }
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_client_that_pings_and_does_not_read_the_answers_is_cut() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    stream.write_all(&preface(WINDOW)).await.expect("it reads");
    let pings = ping().repeat(1_000);
    let flood = async { while stream.write_all(&pings).await.is_ok() {} };
    within(flood).await;
    victim.assert_recovered().await;
}

/// RFC 9113 section 7.
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
