//! A new configuration for an origin that serves. What of it is taken up is unit tests of `origin-config`; what becomes of servers,
//! of `upstream`.

use http::{StatusCode, Version};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixDatagram, UnixStream};

use crate::http3::Quic;
use crate::http3::raw::{End, Raw, get as get_over_quic};
use crate::life::{Process, word};
use crate::support::{PATIENCE, World, chunk, get, json, send_on};

#[tokio::test]
async fn the_next_request_of_an_open_connection_is_answered_by_the_new_configuration() {
    let world = World::start();
    let stream = TcpStream::connect(world.address).await.expect("it listens");
    let opened = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut client, connection) = opened.expect("HTTP/2");
    tokio::spawn(connection);
    let held = client.send_request(get("/mcp/sse?interval_ms=20&count=3600"));
    let mut held = held.await.expect("an answer").into_body();
    chunk(&mut held).await.expect("a tick");
    let taken_up = world.reload(|config| {
        config.include_server_header = true;
        config.allowed_hosts = vec!["x".parse().expect("a host")];
    });
    let taken_up = taken_up.await.expect("a sound configuration");
    assert_eq!(taken_up.changed, ["allowed_hosts", "include_server_header"]);
    let answer = client
        .send_request(get("/healthz"))
        .await
        .expect("an answer");
    assert!(answer.headers().contains_key("server"));
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    for _ in 0..5 {
        chunk(&mut held).await.expect("the stream goes on");
    }
}

#[tokio::test]
async fn what_needs_a_restart_stays_as_it_was_and_is_named_to_the_operator() {
    let world = World::with(|config| config.generation = "old".into());
    let taken_up = world.reload(|config| {
        config.generation = "new".into();
        config.bind.clear();
        config.limits.client.streams = 1;
    });
    assert_eq!(taken_up.await.expect("sound").waiting, ["bind"]);
    let capz = world.admin("/capz").await;
    assert_eq!(capz["waiting_for_restart"], serde_json::json!(["bind"]));
    assert_eq!(capz["generation"], "old");
    let sse = get("/mcp/sse?interval_ms=50");
    let _held = world.send(Version::HTTP_2, sse.clone()).await;
    let refused = world.send(Version::HTTP_2, sse).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    world
        .reload(|config| config.generation = "old".into())
        .await
        .expect("sound");
    let capz = world.admin("/capz").await;
    assert_eq!(capz["waiting_for_restart"], serde_json::json!([]));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_leaves_everything_as_it_was() {
    let quic = Quic::start();
    let pair = origin_config::KeyPair {
        certificate: "/nonexistent/c.pem".into(),
        key: "/nonexistent/k.pem".into(),
    };
    let taken_up = quic.world.reload(|config| {
        config.tls.certificates = vec![pair];
        config.include_server_header = true;
    });
    let error = taken_up.await.expect_err("no certificate");
    assert!(error.to_string().contains("/nonexistent/c.pem"), "{error}");
    let raw = Raw::connect(&quic).await;
    assert_eq!(
        raw.exchange(&get_over_quic("/healthz")).await,
        End::Answer(200)
    );
}

#[tokio::test]
async fn a_client_of_http_3_notices_nothing_and_the_next_one_gets_other_terms() {
    let quic = Quic::start();
    let raw = Raw::connect(&quic).await;
    let (_send, mut receive) = raw
        .open(&get_over_quic("/mcp/sse?interval_ms=20&count=3600"))
        .await;
    let first = tokio::time::timeout(PATIENCE, receive.read_chunk(usize::MAX, true));
    assert!(matches!(first.await, Ok(Ok(Some(_)))), "it is answered");
    let taken_up = quic.world.reload(|config| {
        config.quic.max_connections = 1;
        config.allowed_hosts.clear();
        config.quic.max_field_section_size = 2000;
    });
    assert_eq!(taken_up.await.expect("sound").waiting, [""; 0]);
    assert_eq!(
        raw.exchange(&get_over_quic("/healthz")).await,
        End::Answer(421)
    );
    for _ in 0..5 {
        let read = tokio::time::timeout(PATIENCE, receive.read_chunk(usize::MAX, true));
        let read = read.await.expect("in time").expect("no error");
        assert!(read.is_some(), "the stream goes on");
    }
    let second = raw.connect_again(&quic).await;
    assert!(second.is_err(), "there is one connection already");
}

/// The words that a service manager hears until one of them says this.
async fn heard(manager: &UnixDatagram, wanted: &str) -> String {
    let mut all = String::new();
    while !all.contains(wanted) {
        all.push_str(&word(manager).await);
        all.push('\n');
    }
    all
}

fn manager() -> (TempDir, UnixDatagram, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("n.sock");
    let manager = UnixDatagram::bind(&path).expect("a free path");
    (folder, manager, path)
}

#[tokio::test]
async fn sighup_reads_the_file_again_and_one_with_errors_changes_nothing() {
    let (_folder, manager, path) = manager();
    let mut process = Process::start_telling(&path, false, "");
    heard(&manager, "READY=1").await;
    process.wait_until_ready().await;
    process.configure("loglevel = \"LOUD\"\nbacklogg = 7");
    process.signal(Signal::HUP);
    let said = heard(&manager, "STATUS=").await;
    assert!(said.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{said}");
    assert!(
        said.contains("READY=1\nSTATUS=the configuration has errors"),
        "{said}"
    );
    process.configure("loglevel = \"DEBUG\"\nbacklog = 7");
    process.signal(Signal::HUP);
    let said = heard(&manager, "STATUS=").await;
    assert!(
        said.contains("STATUS=waiting for a restart: backlog"),
        "{said}"
    );
    process.wait_until_ready().await;
    let (status, log) = process.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    for line in [
        "`LOUD`",
        "did you mean `backlog`",
        "\"changed\":\"loglevel\"",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[tokio::test]
async fn the_operator_sees_how_often_it_was_read_and_what_came_of_it() {
    let (folder, manager, path) = manager();
    let admin = folder.path().join("admin.sock");
    let bind = format!("admin_bind = \"unix:{}\"\n", admin.display());
    let process = Process::start_telling(&path, false, &bind);
    heard(&manager, "READY=1").await;
    let last = async || {
        let stream = UnixStream::connect(&admin).await.expect("it listens");
        let answer = send_on(stream, Version::HTTP_11, get("/capz")).await;
        json(answer).await["last_reload"].clone()
    };
    assert!(last().await.is_null());
    for (number, more, taken_up) in [(1, "backlogg = 7\n", false), (2, "backlog = 7\n", true)] {
        process.configure(&format!("{bind}{more}"));
        process.signal(Signal::HUP);
        let said = heard(&manager, "STATUS=").await;
        let seen = last().await;
        assert_eq!(
            (&seen["number"], &seen["taken_up"]),
            (&number.into(), &taken_up.into())
        );
        let status = seen["status"].as_str().expect("words");
        assert!(said.contains(&format!("STATUS={status}")), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_followed_is_read_when_it_changes() {
    let (_folder, manager, path) = manager();
    let mut process = Process::start_telling(&path, true, "");
    heard(&manager, "READY=1").await;
    process.wait_until_ready().await;
    process.configure("max_body_size = \"1MiB\"");
    let said = heard(&manager, "STATUS=").await;
    assert!(said.contains("is the one that runs"), "{said}");
}
