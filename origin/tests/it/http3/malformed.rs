//! Requests, frames and instructions that RFC 9114 and RFC 9204 forbid, and those near them that are allowed.

use super::Quic;
use super::cases::{self, Case, Cost, Stream};
use super::raw::{End, Raw, frame, get, headers, varint, with};
use super::wire::{section, sound};

impl From<Cost> for End {
    fn from(cost: Cost) -> Self {
        match cost {
            Cost::Stream(code) => Self::Reset(code),
            Cost::Connection(code) => Self::Closed(code),
        }
    }
}

/// Does it, which may be the end of the connection.
async fn commit(raw: &Raw, case: &Case) -> End {
    let bytes = case.bytes();
    match case.stream {
        Stream::Request => {
            let end = raw.exchange(&bytes).await;
            // The answer to what stood before the fault may be faster than the fault.
            match case.cost {
                Cost::Stream(_) => end,
                Cost::Connection(_) => raw.end().await,
            }
        }
        Stream::Uni(_) => raw.uni(&bytes, false).await,
        Stream::UniThatEnds(_) => raw.uni(&bytes, true).await,
        Stream::TwoUni(_) => {
            let mut stays = raw.connection.open_uni().await.expect("a stream");
            stays.write_all(&bytes).await.expect("room");
            raw.uni(&bytes, false).await
        }
    }
}

#[tokio::test]
async fn a_malformed_message_costs_its_own_stream() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    for case in cases::messages() {
        let end = commit(&raw, &case).await;
        assert_eq!(end, case.cost.into(), "{}", case.what);
    }
    let sound = raw.exchange(&get("/healthz")).await;
    assert_eq!(sound, End::Answer(200), "the connection goes on");
}

#[tokio::test]
async fn what_is_allowed_is_answered() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let field = |name, value| with(&[(name, value)], "GET", "/healthz");
    let data = |text: &str| frame(0, text.as_bytes());
    let [method, scheme, _, path] = sound("GET", "/healthz");
    let reserved = frame(0x21, b"nothing");
    for (what, bytes) in [
        ("te: trailers", field("te", "trailers")),
        ("host beside :authority", field("host", "Origin.test")),
        (
            "host in its place",
            headers(&[method, scheme, path, ("host", "origin.test")]),
        ),
        (
            "a reserved frame",
            [reserved.clone(), get("/healthz"), reserved].concat(),
        ),
        ("an empty DATA", [get("/healthz"), data("")].concat()),
        (
            "a body of the right length",
            [field("content-length", "2"), data("a"), data("b")].concat(),
        ),
        (
            "trailers",
            [get("/healthz"), data("x"), headers(&[("a", "b")])].concat(),
        ),
    ] {
        assert_eq!(raw.exchange(&bytes).await, End::Answer(200), "{what}");
    }
}

async fn each_costs_its_connection(cases: Vec<Case>) {
    let quic = Quic::start();
    for case in cases {
        let raw = Raw::connect(&quic).await;
        let end = commit(&raw, &case).await;
        assert_eq!(end, case.cost.into(), "{} {:?}", case.what, case.stream);
    }
}

#[tokio::test]
async fn a_forbidden_frame_costs_the_connection() {
    each_costs_its_connection(cases::frames()).await;
}

#[tokio::test]
async fn a_forbidden_word_on_another_stream_costs_the_connection() {
    each_costs_its_connection(cases::streams()).await;
}

#[tokio::test]
async fn a_critical_stream_is_there_once_and_to_the_end() {
    each_costs_its_connection(cases::critical()).await;
}

#[tokio::test]
async fn what_nobody_knows_is_passed_over() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let control = [
        vec![0],
        frame(4, &[]),
        frame(0x21, &[7; 3000]),
        frame(13, &varint(0)),
        frame(13, &varint(0)),
    ];
    for bytes in [
        control.concat(),
        vec![2, 0x20],
        vec![3, 0x44],
        vec![0x21, 1, 2],
    ] {
        let mut stream = raw.connection.open_uni().await.expect("a stream");
        stream.write_all(&bytes).await.expect("room");
        // A stream that goes on would end as a dropped one.
        std::mem::forget(stream);
    }
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    let plain = section(&sound("GET", "/healthz"));
    assert_eq!(raw.exchange(&frame(1, &plain)).await, End::Answer(200));
}
