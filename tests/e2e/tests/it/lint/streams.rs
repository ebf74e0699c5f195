//! Harm to event streams.

use std::time::Duration;

use probe::{Ask, Version};

use super::stage::{BOTH, Case, HTTP, Stage, events, fetch, open, secure};

const PASS: &str = "proxy_pass http://127.0.0.1:@ORIGIN@; proxy_http_version 1.1;";

fn location(directives: &str) -> String {
    format!("location = /mcp {{ {PASS}\n{directives}\n}}")
}

/// A server for all versions of HTTP with this location.
fn edge(directives: &str) -> String {
    secure("", &format!("{BOTH} {}", location(directives)))
}

/// Whether the first of three events that are sent 400 ms apart comes with the last one.
async fn comes_at_once(stage: &Stage, version: Version, query: &str) -> bool {
    let target = stage.secure();
    let ask = Ask::get(format!("/mcp?events=3&every=400{query}"));
    let ask = ask
        .with_header("accept-encoding", "gzip")
        .expect("a header");
    let stream = open(&target, version, ask).await.expect("a head");
    let mut pieces = Vec::new();
    let mut stream = stream;
    while let Ok(Some((at, _))) = stream.chunk().await {
        pieces.push(at);
    }
    let (first, last) = (
        pieces.first().expect("events"),
        pieces.last().expect("events"),
    );
    last.duration_since(*first) < Duration::from_millis(400)
}

/// Whether the second of two events, sent after a silence, does not come.
async fn is_cut(stage: &Stage, version: Version, silence: u64) -> bool {
    let target = stage.secure();
    let ask = Ask::get(format!("/mcp?events=2&every={silence}&mark=1"));
    let stream = open(&target, version, ask).await.expect("a head");
    events(stream).await.len() < 2
}

#[test]
fn buffering_holds_the_events_of_an_unmarked_stream() {
    let case = Case {
        rule: "stream-buffering",
        bad: edge(""),
        good: edge("proxy_buffering off;"),
    };
    case.shows(async |stage| comes_at_once(&stage, Version::Http1, "").await);
}

#[test]
fn an_ignored_mark_holds_the_events_of_a_marked_stream() {
    let case = Case {
        rule: "accel-buffering-ignored",
        bad: edge("proxy_ignore_headers X-Accel-Buffering;"),
        good: edge(""),
    };
    case.shows(async |stage| comes_at_once(&stage, Version::Http1, "&mark=1").await);
}

#[test]
fn compression_holds_the_events_over_http3() {
    let with = |types: &str| {
        secure(
            "",
            &format!("{BOTH} gzip on; gzip_types {types};\n{}", location("")),
        )
    };
    let case = Case {
        rule: "gzip-event-stream",
        bad: with("text/event-stream"),
        good: with("application/json"),
    };
    case.shows(async |stage| comes_at_once(&stage, Version::Http3, "").await);
}

#[test]
fn a_short_read_timeout_cuts_a_silent_stream() {
    let case = Case {
        rule: "read-timeout",
        bad: edge("proxy_read_timeout 1s;"),
        good: edge("proxy_read_timeout 1h;"),
    };
    case.shows(async |stage| is_cut(&stage, Version::Http1, 2500).await);
}

#[test]
fn an_origin_is_not_told_of_a_client_that_left() {
    let case = Case {
        rule: "client-abort-ignored",
        bad: edge("proxy_ignore_client_abort on;"),
        good: edge(""),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/mcp?events=2&every=6000&mark=1");
        let stream = open(&stage.secure(), Version::Http1, ask)
            .await
            .expect("a head");
        stream.close().await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stage.origin.closed() == 0
    });
}

#[test]
fn a_silent_http3_stream_dies_with_the_default_servers_short_time() {
    // the server that is spoken to has a long time in both
    let with = |time: &str| {
        let default = format!(
            "server {{ listen 127.0.0.1:@HTTPS@ ssl default_server; listen 127.0.0.1:@HTTPS@ quic default_server; keepalive_timeout {time}; ssl_certificate cert.pem; ssl_certificate_key key.pem; return 421; }}"
        );
        secure(
            &default,
            &format!("{BOTH} keepalive_timeout 1h; {}", location("")),
        )
    };
    let case = Case {
        rule: "quic-idle-timeout",
        bad: with("1s"),
        good: with("75s"),
    };
    case.shows(async |stage| is_cut(&stage, Version::Http3, 5000).await);
}

#[test]
fn an_old_worker_lives_as_long_as_its_stream() {
    let with = |main: &str| {
        format!(
            "{main}\nevents {{ worker_connections 1024; }}\nhttp {{ {HTTP} server {{ listen 127.0.0.1:@HTTP@; {} }} }}",
            location("")
        )
    };
    let case = Case {
        rule: "worker-shutdown-timeout",
        bad: with(""),
        good: with("worker_shutdown_timeout 1s;"),
    };
    case.shows(async |stage| {
        let ask = Ask::get("/mcp?events=9&every=500&mark=1");
        let stream = open(&stage.plain(), Version::Http1, ask)
            .await
            .expect("a head");
        stage.reload();
        events(stream).await.len() == 9
    });
}

#[test]
fn held_streams_use_the_connections_of_a_worker_up() {
    let with = |number: u32| {
        format!(
            "worker_shutdown_timeout 1s; events {{ worker_connections {number}; }}\nhttp {{ {HTTP} server {{ listen 127.0.0.1:@HTTP@; {} }} }}",
            location("")
        )
    };
    let case = Case {
        rule: "worker-connections",
        bad: with(20),
        good: with(4096),
    };
    case.shows(async |stage| {
        let mut held = Vec::new();
        for _ in 0..12 {
            let ask = Ask::get("/mcp?events=2&every=8000&mark=1");
            held.push(open(&stage.plain(), Version::Http1, ask).await);
        }
        let answer = fetch(&stage.plain(), Version::Http1, Ask::get("/mcp")).await;
        !answer.is_ok_and(|answer| answer.head.status == 200)
    });
}
