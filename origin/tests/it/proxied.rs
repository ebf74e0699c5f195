//! Connections that a proxy of bytes passes on. What a header may say is tested in `proxy-protocol`; here is that it is asked
//! for on real sockets, of whom it should be, and believed.

use std::net::SocketAddr;

use http::{StatusCode, Version};
use origin_config::{Limit, OriginConfig};
use proxy_protocol::{write_binary, write_text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::forwarded::line_of;
use crate::life::Process;
use crate::support::{PATIENCE, VERSIONS, World, get, request, send_on};
use crate::tls::Pki;

/// Whoever comes over TCP passes clients on; each client may ask once a minute.
fn proxied(config: &mut OriginConfig) {
    config.proxy_protocol = vec!["127.0.0.0/8".parse().expect("a network")];
    config.limits.client = Limit {
        rate: Some("1r/m".parse().expect("a rate")),
        ..Limit::default()
    };
}

fn client(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A connection that `header` has been written to.
async fn passed_on(address: SocketAddr, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(header).await.expect("room");
    stream
}

#[tokio::test]
async fn each_client_behind_the_proxy_has_limits_of_its_own() {
    let world = World::with(proxied);
    for (source, expected) in [
        ("192.0.2.1:1", StatusCode::OK),
        ("192.0.2.2:1", StatusCode::OK),
        ("192.0.2.1:2", StatusCode::TOO_MANY_REQUESTS),
    ] {
        let header = write_text(client(source), world.address);
        let stream = passed_on(world.address, header.as_bytes()).await;
        let response = send_on(stream, Version::HTTP_11, get("/tools")).await;
        assert_eq!(response.status(), expected, "{source}");
    }
}

#[tokio::test]
async fn the_header_stands_before_tls() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| {
        pki.configure(config);
        config.proxy_protocol = vec!["127.0.0.1".parse().expect("an address")];
    });
    for (version, protocol) in VERSIONS.into_iter().zip(["http/1.1", "h2"]) {
        let header = write_binary(client("[2001:db8::1]:1"), world.address);
        let stream = passed_on(world.address, &header).await;
        let io = pki.connect(stream, "origin.test", &[protocol]).await;
        let response = send_on(io.expect("a handshake"), version, get("/healthz")).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_proxy_that_names_no_client_is_refused_and_others_are_served() {
    let world = World::with(proxied);
    for first in [
        &b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.1 127.0.0.1 1 99999\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\0\x01\0\x02",
    ] {
        let mut stream = passed_on(world.address, first).await;
        let read = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
        assert!(read.expect("it is closed").is_err(), "{first:?}");
    }
    let unix = UnixStream::connect(&world.socket)
        .await
        .expect("it listens");
    let response = send_on(unix, Version::HTTP_11, get("/healthz")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn nobody_else_may_name_a_client() {
    let world = World::with(|config| {
        config.proxy_protocol = vec!["192.0.2.9".parse().expect("an address")];
    });
    let header = write_text(client("192.0.2.1:1"), world.address);
    let mut stream = passed_on(world.address, header.as_bytes()).await;
    let get = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(get).await.expect("room");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn the_log_names_the_client_and_its_port() {
    let header = write_binary(client("192.0.2.1:4660"), client("192.0.2.2:443"));
    let mut process = Process::start("proxy_protocol = [\"unix:\"]");
    process.wait_until_ready_behind(&header).await;
    let mut stream = UnixStream::connect(&process.socket)
        .await
        .expect("it listens");
    stream.write_all(&header).await.expect("room");
    // The client is no trusted peer, whoever passes it on.
    let headers = [("x-request-id", "px"), ("x-forwarded-for", "6.6.6.6")];
    send_on(
        stream,
        Version::HTTP_11,
        request("GET", "/healthz", &headers),
    )
    .await;
    let (status, log) = process.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    let line = line_of(&log, "px");
    assert_eq!(line["peer"], "192.0.2.1:4660");
    assert_eq!(line["client"], "192.0.2.1");
}
