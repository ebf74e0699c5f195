//! Requests that never become one.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::life::Process;
use crate::support::PATIENCE;

/// The status line of the answer, and the access line, of a connection that sent these bytes.
async fn seen(bytes: &[u8]) -> (String, serde_json::Value) {
    let mut process = Process::start("accesslog = \"-\"\nread_timeout = \"100ms\"");
    process.wait_until_ready().await;
    let mut stream = UnixStream::connect(&process.socket)
        .await
        .expect("it listens");
    // What is too long is refused before its end.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let (_, log) = process.terminate(PATIENCE).await;
    let answer = String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    let mut lines = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let line = lines.find(|line: &serde_json::Value| line["message"] == "no request");
    (answer, line.expect("an access line"))
}

#[tokio::test]
async fn a_head_that_is_not_http_has_its_line() {
    let (answer, line) = seen(b"\x16\x03\x01\x02\r\n\r\n").await;
    assert_eq!(answer, "HTTP/1.1 400 Bad Request");
    assert_eq!(line["status"], 400);
    assert_eq!(line["request_id"].as_str().map(str::len), Some(32));
    assert_eq!(line["peer"], "unix:");
}

#[tokio::test]
async fn a_head_that_is_too_large_has_its_line() {
    let head = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nx-large: {}",
        "a".repeat(200_000)
    );
    let (_, line) = seen(head.as_bytes()).await;
    assert_eq!(line["status"], 431);
    let target = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000));
    let (_, line) = seen(target.as_bytes()).await;
    assert_eq!(line["status"], 414);
}

#[tokio::test]
async fn a_head_that_takes_too_long_has_its_line() {
    let (answer, line) = seen(b"GET / HTTP/1.1\r\nhos").await;
    assert_eq!(answer, "", "nothing is said to a slow sender");
    assert_eq!(line["status"], 408);
}
