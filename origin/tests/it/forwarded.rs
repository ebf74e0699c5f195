//! What the log says of a client, which is what every later limit is about. The rules are unit tests of the middleware;
//! here is that they are in force on real sockets.

use http::Version;
use tokio::net::UnixStream;

use crate::life::Process;
use crate::support::{PATIENCE, request, send_on};

async fn logged(trusted: &str) -> serde_json::Value {
    let mut process = Process::start(&format!("trusted_peers = [{trusted}]"));
    process.wait_until_ready().await;
    let stream = UnixStream::connect(&process.socket)
        .await
        .expect("it listens");
    let headers = [
        ("x-request-id", "fwd"),
        ("x-forwarded-for", "6.6.6.6, 1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mcp.example.com"),
    ];
    send_on(
        stream,
        Version::HTTP_11,
        request("GET", "/healthz", &headers),
    )
    .await;
    let (status, log) = process.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    line_of(&log, "fwd")
}

/// The access line of a request.
pub(crate) fn line_of(log: &str, id: &str) -> serde_json::Value {
    let mut lines = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines
        .find(|line: &serde_json::Value| line["request_id"] == id)
        .expect("an access line")
}

#[tokio::test]
async fn a_trusted_peer_is_believed_for_one_hop() {
    let line = logged("\"unix:\"").await;
    assert_eq!(line["client"], "1.2.3.4");
    assert_eq!(line["scheme"], "https");
    assert_eq!(line["host"], "mcp.example.com");
    assert_eq!(line["peer"], "unix:");
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let line = logged("\"10.0.0.0/8\"").await;
    assert_eq!(line.get("client"), None);
    assert_eq!(line["scheme"], "http");
    assert_eq!(line["host"], "origin.test");
}

#[tokio::test]
async fn a_line_has_every_field() {
    let line = logged("\"unix:\"").await;
    for field in [
        "timestamp",
        "request_id",
        "route",
        "method",
        "path",
        "status",
        "bytes",
        "duration_ms",
        "cut",
        "client",
        "peer",
        "scheme",
        "host",
        "http_version",
        "listener",
    ] {
        assert!(line.get(field).is_some(), "{field} is missing in {line}");
    }
    assert_eq!(line["bytes"], 15);
    assert_eq!(line["http_version"], "HTTP/1.1");
}
