//! Requests, frames and instructions that RFC 9114 and RFC 9204 forbid, each with the code that they ask for.

use super::Quic;
use super::raw::{End, Raw, frame, get, headers, section, varint, with};

const FRAME_UNEXPECTED: u64 = 0x105;
const FRAME_ERROR: u64 = 0x106;
const EXCESSIVE_LOAD: u64 = 0x107;
const ID_ERROR: u64 = 0x108;
const SETTINGS_ERROR: u64 = 0x109;
const MISSING_SETTINGS: u64 = 0x10a;
const REQUEST_INCOMPLETE: u64 = 0x10d;
const MESSAGE_ERROR: u64 = 0x10e;
const STREAM_CREATION_ERROR: u64 = 0x103;
const CLOSED_CRITICAL_STREAM: u64 = 0x104;
const DECOMPRESSION_FAILED: u64 = 0x200;
const ENCODER_STREAM_ERROR: u64 = 0x201;
const DECODER_STREAM_ERROR: u64 = 0x202;

type Case = (&'static str, Vec<u8>);

fn data(text: &str) -> Vec<u8> {
    frame(0, text.as_bytes())
}

/// A GET with one more field.
fn field(name: &str, value: &str) -> Vec<u8> {
    with(&[(name, value)], "GET", "/healthz")
}

/// HEADERS of a GET whose pseudo-header fields are these.
fn pseudo(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(fields)
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "https");
const AUTHORITY: (&str, &str) = (":authority", "origin.test");
const PATH: (&str, &str) = (":path", "/healthz");

fn malformed_heads() -> Vec<Case> {
    let all = [METHOD, SCHEME, AUTHORITY, PATH];
    let more = |more: &[(&'static str, &'static str)]| pseudo(&[&all[..], more].concat());
    vec![
        ("two :method", more(&[METHOD])),
        ("two :scheme", more(&[SCHEME])),
        ("two :authority", more(&[AUTHORITY])),
        ("two :path", more(&[PATH])),
        (":status", more(&[(":status", "200")])),
        (":protocol", more(&[(":protocol", "websocket")])),
        ("an unknown one", more(&[(":x", "1")])),
        (
            "one behind a field",
            pseudo(&[METHOD, SCHEME, AUTHORITY, ("a", "b"), PATH]),
        ),
        ("no :method", pseudo(&[SCHEME, AUTHORITY, PATH])),
        ("no :scheme", pseudo(&[METHOD, AUTHORITY, PATH])),
        ("no :path", pseudo(&[METHOD, SCHEME, AUTHORITY])),
        ("no host", pseudo(&[METHOD, SCHEME, PATH])),
        (
            "an empty :path",
            pseudo(&[METHOD, SCHEME, AUTHORITY, (":path", "")]),
        ),
        (
            "a :path without a slash",
            pseudo(&[METHOD, SCHEME, AUTHORITY, (":path", "x")]),
        ),
        (
            "a fragment",
            pseudo(&[METHOD, SCHEME, AUTHORITY, (":path", "/#x")]),
        ),
        (
            "an empty :authority",
            pseudo(&[METHOD, SCHEME, PATH, (":authority", "")]),
        ),
        (
            "userinfo",
            pseudo(&[METHOD, SCHEME, PATH, (":authority", "a@origin.test")]),
        ),
        ("another host", field("host", "other.test")),
        (
            "an empty host",
            pseudo(&[METHOD, SCHEME, PATH, ("host", "")]),
        ),
        (
            "a method that is none",
            pseudo(&[(":method", "G T"), SCHEME, AUTHORITY, PATH]),
        ),
        (
            "CONNECT with a path",
            pseudo(&[(":method", "CONNECT"), AUTHORITY, PATH]),
        ),
        ("a name in capitals", field("X-Capital", "1")),
        ("a name with a space", field("a b", "1")),
        ("an empty name", field("", "1")),
        ("a value with a line break", field("a", "b\r\nc: d")),
        ("a value with NUL", field("a", "\0")),
        ("connection", field("connection", "close")),
        ("keep-alive", field("keep-alive", "timeout=5")),
        ("proxy-connection", field("proxy-connection", "close")),
        ("transfer-encoding", field("transfer-encoding", "chunked")),
        ("upgrade", field("upgrade", "websocket")),
        ("te", field("te", "gzip")),
    ]
}

fn malformed_bodies() -> Vec<Case> {
    let length = |method, length, body: &str| {
        let more = [
            ("content-length", length),
            ("content-type", "application/json"),
        ];
        [with(&more, method, "/call-tool"), data(body)].concat()
    };
    vec![
        ("GET with less than it says", length("GET", "5", "ab")),
        ("GET with more than it says", length("GET", "1", "ab")),
        (
            "GET with nothing of what it says",
            field("content-length", "5"),
        ),
        ("POST with less than it says", length("POST", "5", "{}")),
        ("POST with more than it says", length("POST", "1", "{}")),
        ("a length that is none", length("POST", "-2", "{}")),
        (
            "two lengths",
            with(
                &[("content-length", "1"), ("content-length", "2")],
                "GET",
                "/healthz",
            ),
        ),
        (
            "a pseudo-header field in trailers",
            [length("POST", "2", "{}"), headers(&[(":path", "/")])].concat(),
        ),
    ]
}

#[tokio::test]
async fn a_malformed_message_costs_its_own_stream() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    for (what, bytes) in malformed_heads().into_iter().chain(malformed_bodies()) {
        assert_eq!(
            raw.exchange(&bytes).await,
            End::Reset(MESSAGE_ERROR),
            "{what}"
        );
    }
    assert_eq!(
        raw.exchange(&[]).await,
        End::Reset(REQUEST_INCOMPLETE),
        "no request"
    );
    let sound = raw.exchange(&get("/healthz")).await;
    assert_eq!(sound, End::Answer(200), "the connection goes on");
}

#[tokio::test]
async fn what_is_allowed_is_answered() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let reserved = frame(0x21, b"nothing");
    for (what, bytes) in [
        ("te: trailers", field("te", "trailers")),
        ("host beside :authority", field("host", "Origin.test")),
        (
            "host in its place",
            pseudo(&[METHOD, SCHEME, PATH, ("host", "origin.test")]),
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

fn forbidden_frames() -> Vec<(&'static str, Vec<u8>, u64)> {
    let behind = |frame: Vec<u8>| [get("/healthz"), frame].concat();
    let trailers = || [get("/healthz"), data("x"), headers(&[("a", "b")])].concat();
    let cut = get("/healthz");
    vec![
        ("DATA first", data("x"), FRAME_UNEXPECTED),
        (
            "DATA behind trailers",
            [trailers(), data("x")].concat(),
            FRAME_UNEXPECTED,
        ),
        (
            "a third HEADERS",
            [trailers(), headers(&[("a", "b")])].concat(),
            FRAME_UNEXPECTED,
        ),
        ("CANCEL_PUSH", behind(frame(3, &[0])), FRAME_UNEXPECTED),
        ("SETTINGS", behind(frame(4, &[])), FRAME_UNEXPECTED),
        (
            "PUSH_PROMISE",
            behind(frame(5, &[0, 0, 0])),
            FRAME_UNEXPECTED,
        ),
        ("GOAWAY", behind(frame(7, &[0])), FRAME_UNEXPECTED),
        ("MAX_PUSH_ID", behind(frame(13, &[0])), FRAME_UNEXPECTED),
        ("PRIORITY of HTTP/2", frame(2, &[0]), FRAME_UNEXPECTED),
        ("PING of HTTP/2", frame(6, &[0]), FRAME_UNEXPECTED),
        (
            "a frame that is cut off",
            cut[..cut.len() - 1].to_vec(),
            FRAME_ERROR,
        ),
        ("a head that is cut off", behind(vec![0x80]), FRAME_ERROR),
        (
            "a table that is not there",
            frame(1, &[2, 0, 0x80]),
            DECOMPRESSION_FAILED,
        ),
        (
            "a base below nothing",
            frame(1, &[0, 0x81, 0xd1]),
            DECOMPRESSION_FAILED,
        ),
        (
            "an entry of no table",
            frame(1, &[0, 0, 0x80]),
            DECOMPRESSION_FAILED,
        ),
        (
            "a name of no table",
            frame(1, &[0, 0, 0x40, 0]),
            DECOMPRESSION_FAILED,
        ),
        (
            "an entry behind the base",
            frame(1, &[0, 0, 0x10]),
            DECOMPRESSION_FAILED,
        ),
        (
            "an index that is too large",
            frame(1, &[0, 0, 0xff, 0x24]),
            DECOMPRESSION_FAILED,
        ),
        (
            "a text that is cut off",
            frame(1, &[0, 0, 0x23, b'a']),
            DECOMPRESSION_FAILED,
        ),
        (
            "a code that is none",
            frame(1, &[0, 0, 0x29, 0, 0]),
            DECOMPRESSION_FAILED,
        ),
        ("no section", frame(1, &[]), DECOMPRESSION_FAILED),
    ]
}

#[tokio::test]
async fn a_forbidden_frame_costs_the_connection() {
    let quic = Quic::start();
    for (what, bytes, code) in forbidden_frames() {
        let raw = Raw::connect(&quic).await;
        // The answer to what stood before the fault may be faster than the fault.
        raw.exchange(&bytes).await;
        assert_eq!(raw.end().await, End::Closed(code), "{what}");
    }
}

/// A control stream with an empty SETTINGS and these frames.
fn control(frames: &[u8]) -> Vec<u8> {
    [vec![0], frame(4, &[]), frames.to_vec()].concat()
}

fn forbidden_streams() -> Vec<(&'static str, Vec<u8>, u64)> {
    let settings = |payload: &[u8]| [vec![0], frame(4, payload)].concat();
    let id = |kind, id| frame(kind, &varint(id));
    vec![
        (
            "no SETTINGS",
            [vec![0], id(7, 0)].concat(),
            MISSING_SETTINGS,
        ),
        (
            "a reserved frame first",
            [vec![0], frame(0x21, &[])].concat(),
            MISSING_SETTINGS,
        ),
        ("two SETTINGS", control(&frame(4, &[])), FRAME_UNEXPECTED),
        ("a setting twice", settings(&[6, 0, 6, 0]), SETTINGS_ERROR),
        ("a setting of HTTP/2", settings(&[2, 0]), SETTINGS_ERROR),
        ("a setting that is cut off", settings(&[6]), FRAME_ERROR),
        ("SETTINGS of 2 KiB", settings(&[0x21; 2048]), EXCESSIVE_LOAD),
        ("DATA", control(&data("x")), FRAME_UNEXPECTED),
        ("HEADERS", control(&get("/")), FRAME_UNEXPECTED),
        ("PUSH_PROMISE", control(&frame(5, &[0])), FRAME_UNEXPECTED),
        (
            "WINDOW_UPDATE of HTTP/2",
            control(&frame(8, &[0])),
            FRAME_UNEXPECTED,
        ),
        ("CANCEL_PUSH", control(&id(3, 0)), ID_ERROR),
        (
            "MAX_PUSH_ID that goes down",
            control(&[id(13, 5), id(13, 4)].concat()),
            ID_ERROR,
        ),
        (
            "GOAWAY that goes up",
            control(&[id(7, 4), id(7, 8)].concat()),
            ID_ERROR,
        ),
        (
            "GOAWAY with more than an id",
            control(&frame(7, &[0, 0])),
            FRAME_ERROR,
        ),
        (
            "an empty MAX_PUSH_ID",
            control(&frame(13, &[])),
            FRAME_ERROR,
        ),
        ("a push stream", vec![1, 0], STREAM_CREATION_ERROR),
        (
            "a capacity over the limit",
            vec![2, 0x3f, 0x09],
            ENCODER_STREAM_ERROR,
        ),
        ("an insertion", vec![2, 0xc0, 0], ENCODER_STREAM_ERROR),
        ("a duplicate", vec![2, 0], ENCODER_STREAM_ERROR),
        ("an increment of 0", vec![3, 0], DECODER_STREAM_ERROR),
        (
            "an increment of what was not inserted",
            vec![3, 1],
            DECODER_STREAM_ERROR,
        ),
        (
            "an acknowledgment of what was not sent",
            vec![3, 0x80],
            DECODER_STREAM_ERROR,
        ),
    ]
}

#[tokio::test]
async fn a_forbidden_word_on_another_stream_costs_the_connection() {
    let quic = Quic::start();
    for (what, bytes, code) in forbidden_streams() {
        let raw = Raw::connect(&quic).await;
        assert_eq!(raw.uni(&bytes, false).await, End::Closed(code), "{what}");
    }
}

#[tokio::test]
async fn a_critical_stream_is_there_once_and_to_the_end() {
    let quic = Quic::start();
    for first in [control(&[]), vec![2], vec![3]] {
        let raw = Raw::connect(&quic).await;
        let closed = raw.uni(&first, true).await;
        assert_eq!(closed, End::Closed(CLOSED_CRITICAL_STREAM), "{first:?}");
        let raw = Raw::connect(&quic).await;
        let mut stays = raw.connection.open_uni().await.expect("a stream");
        stays.write_all(&first).await.expect("room");
        let second = raw.uni(&first, false).await;
        assert_eq!(second, End::Closed(STREAM_CREATION_ERROR), "{first:?}");
    }
}

#[tokio::test]
async fn what_nobody_knows_is_passed_over() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let extended = control(&[frame(0x21, &[7; 3000]), frame(13, &[0]), frame(13, &[0])].concat());
    for bytes in [extended, vec![2, 0x20], vec![3, 0x44], vec![0x21, 1, 2]] {
        let mut stream = raw.connection.open_uni().await.expect("a stream");
        stream.write_all(&bytes).await.expect("room");
        // A stream that goes on would end as a dropped one.
        std::mem::forget(stream);
    }
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    let unreadable = section(&[METHOD, SCHEME, AUTHORITY, PATH]);
    assert_eq!(raw.exchange(&frame(1, &unreadable)).await, End::Answer(200));
}
