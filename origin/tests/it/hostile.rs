//! Slow and hostile clients against the origin as a process: each is bounded, others stay served, and the memory comes back.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, send_on, with_body};
use crate::victim::Victim;

/// Everything that comes back until the other side closes; `None` when it cut the connection.
async fn rest(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("it closes in time").ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

const POST: &str = "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
    accept: application/json, text/event-stream\r\n";

#[tokio::test]
async fn heads_that_drip_are_cut_and_others_are_served() {
    let victim = Victim::start("").await;
    let mut dripping = Vec::new();
    for _ in 0..200 {
        let mut stream = victim.connect().await;
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhos")
            .await
            .expect("it reads");
        dripping.push(stream);
    }
    victim.assert_serving().await;
    let first = &mut dripping[0];
    // A byte now and then does not buy more time.
    let drip = async {
        while first.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, drip)
        .await
        .expect("it is cut");
    for mut stream in dripping.drain(1..) {
        rest(&mut stream).await;
    }
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_body_that_stops_coming_is_a_408() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    let head = format!("{POST}content-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let answer = rest(&mut stream).await.expect("in peace");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn a_head_of_ten_megabytes_is_a_431() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: ")
        .await
        .expect("it reads");
    let filler = vec![b'a'; 1 << 20];
    for _ in 0..10 {
        if stream.write_all(&filler).await.is_err() {
            break;
        }
    }
    if let Some(answer) = rest(&mut stream).await {
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    victim.assert_recovered().await;
}

/// Sends 100 MB without reading, then reads.
async fn send_much(stream: &mut TcpStream, frame: impl Fn(&[u8]) -> Vec<u8>) -> Option<String> {
    let piece = frame(&vec![b' '; 1 << 20]);
    for _ in 0..100 {
        stream.write_all(&piece).await.expect("it reads to the end");
    }
    let mut answer = vec![0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .ok()?
        .ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_a_413_that_its_sender_can_read() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    let head = format!("{POST}content-length: {}\r\n\r\n", 100 << 20);
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let answer = send_much(&mut stream, <[u8]>::to_vec).await;
    assert_eq!(answer.as_deref(), Some("HTTP/1.1 413"));
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_chunked_body_of_a_hundred_megabytes_is_one_too() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    let head = format!("{POST}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    assert_eq!(
        send_much(&mut stream, chunk).await.as_deref(),
        Some("HTTP/1.1 413")
    );
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_much_is_told_no() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    let head = format!(
        "{POST}content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        100 << 20
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let answer = rest(&mut stream).await.expect("in peace");
    assert!(answer.starts_with("HTTP/1.1 413"), "no 100: {answer}");
}

#[tokio::test]
async fn a_hundred_megabytes_over_http_2_end_their_own_stream() {
    let victim = Victim::start("").await;
    let stream = victim.connect().await;
    let body = Bytes::from(vec![b' '; 100 << 20]);
    let call = with_body(
        "POST",
        "/mcp",
        &[("content-type", "application/json")],
        body,
    );
    let answer = tokio::time::timeout(PATIENCE, send_on(stream, Version::HTTP_2, call)).await;
    let answer = answer.expect("in time");
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    victim.assert_recovered().await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_of_a_stream_is_gone() {
    let victim = Victim::start("").await;
    for _ in 0..100 {
        let mut stream = victim.connect().await;
        let head = b"GET /mcp/sse?interval_ms=60000 HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(head).await.expect("it reads");
        stream.shutdown().await.expect("half of it");
        rest(&mut stream).await;
    }
    victim.assert_recovered().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_one_by_one() {
    let victim = Victim::start("").await;
    let mut stream = victim.connect().await;
    let requests: Vec<_> = (0..500)
        .map(|index| format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: r{index}\r\n\r\n"))
        .collect();
    let requests = requests.concat();
    let (mut reader, mut writer) = stream.split();
    let writing = writer.write_all(requests.as_bytes());
    let mut answers = Vec::new();
    let (written, read) = tokio::join!(writing, reader.read_to_end(&mut answers));
    written.expect("it reads");
    read.expect("idle, then closed in peace");
    let answers = String::from_utf8_lossy(&answers);
    let ids: Vec<_> = answers
        .lines()
        .filter_map(|line| line.strip_prefix("x-request-id: r"))
        .collect();
    let expected: Vec<_> = (0..500).map(|index| index.to_string()).collect();
    assert_eq!(ids, expected);
}
