//! Harm to HTTP/3, and of TLS 1.3's early data.

use std::time::Duration;

use probe::{Ask, Connection, Version};

use super::stage::{BOTH, Case, Stage, events, secure};

const LOCATION: &str = "location = /mcp { proxy_pass http://127.0.0.1:@ORIGIN@; proxy_http_version 1.1; proxy_set_header Connection \"\"; }";

fn server(directives: &str) -> String {
    secure("", &format!("{BOTH} {directives} {LOCATION}"))
}

/// An HTTP/3 connection with short waits.
async fn connection(stage: &Stage) -> Connection {
    let target = stage.secure().with_timeout(Duration::from_secs(3));
    Connection::open(&target, Version::Http3)
        .await
        .expect("a handshake")
}

#[test]
fn with_http3_off_no_handshake_succeeds() {
    let case = Case {
        rule: "quic-without-http3",
        bad: server("http3 off;"),
        good: server("http3 on;"),
    };
    case.shows(async |stage| {
        stage
            .ask_secure(Version::Http3, Ask::get("/mcp"))
            .await
            .is_err()
    });
}

#[test]
fn without_tcp_nobody_can_come_first() {
    let case = Case {
        rule: "quic-without-ssl",
        bad: secure("", &format!("listen 127.0.0.1:@HTTPS@ quic; {LOCATION}")),
        good: server(""),
    };
    case.shows(async |stage| {
        let over_quic = stage.ask_secure(Version::Http3, Ask::get("/mcp")).await;
        assert!(over_quic.is_ok(), "{over_quic:?}");
        stage
            .ask_secure(Version::Http1, Ask::get("/mcp"))
            .await
            .is_err()
    });
}

#[test]
fn beyond_its_requests_a_connection_does_not_answer() {
    let case = Case {
        rule: "connection-retired",
        bad: server("keepalive_time 24h; keepalive_requests 3;"),
        good: server("keepalive_time 24h; keepalive_requests 100000;"),
    };
    case.shows(async |stage| {
        let mut connection = connection(&stage).await;
        let mut failed = false;
        for _ in 0..6 {
            failed |= connection.fetch(Ask::get("/mcp")).await.is_err();
        }
        failed
    });
}

/// Holds two streams on one connection, and says how a third request on it ends: its status, or nothing.
async fn third_request(stage: &Stage) -> Option<u16> {
    let mut connection = connection(stage).await;
    let hold = || Ask::get("/mcp?events=2&every=7000&mark=1");
    let first = connection.send(hold()).await.expect("a stream");
    let second = connection.send(hold()).await.expect("a stream");
    let third = connection.fetch(Ask::get("/mcp")).await;
    drop((first, second));
    third.ok().map(|answer| answer.head.status.as_u16())
}

#[test]
fn beyond_its_streams_a_connection_does_not_answer() {
    let case = Case {
        rule: "concurrent-streams",
        bad: server("http3_max_concurrent_streams 2;"),
        good: server("http3_max_concurrent_streams 512;"),
    };
    case.shows(async |stage| Box::pin(third_request(&stage)).await.is_none());
}

#[test]
fn a_limit_of_connections_counts_streams() {
    let with = |limit: u32| {
        let location = LOCATION.replace(
            "proxy_pass",
            &format!("limit_conn addr {limit}; proxy_pass"),
        );
        secure(
            "limit_conn_zone $binary_remote_addr zone=addr:1m;",
            &format!("{BOTH} {location}"),
        )
    };
    let case = Case {
        rule: "limit-conn-streams",
        bad: with(2),
        good: with(200),
    };
    case.shows(async |stage| Box::pin(third_request(&stage)).await == Some(503));
}

#[test]
fn a_long_token_cuts_the_streams_of_its_connection() {
    let with = |more: &str| {
        secure(
            "",
            &format!("listen 127.0.0.1:@HTTPS@ ssl; http2 on; {more} {LOCATION}"),
        )
    };
    let case = Case {
        rule: "header-buffers",
        bad: with(""),
        good: with("large_client_header_buffers 4 32k;"),
    };
    case.shows(async |stage| {
        let target = stage.secure();
        let mut connection = Connection::open(&target, Version::Http2)
            .await
            .expect("a handshake");
        let hold = Ask::get("/mcp?events=2&every=1500&mark=1");
        let held = connection.send(hold).await.expect("a stream");
        // the longest codes of HPACK's Huffman table, so that no compression makes it fit
        let token = "~".repeat(9000);
        let ask = Ask::get("/mcp").with_header("x-token", &token);
        let _ = connection.fetch(ask.expect("a header")).await;
        events(held).await.len() < 2
    });
}

/// Takes a session, then sends the same POST in its early data twice, as one who has recorded it would.
const REPLAY: &str = "
printf 'POST /mcp HTTP/1.1\\r\\nHost: localhost\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}' > request
(printf 'GET /none HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'; sleep 1) |
    openssl s_client -connect \"127.0.0.1:$1\" -servername localhost -tls1_3 -ign_eof -sess_out session > log 2>&1 || true
for round in 1 2; do
    sleep 1 | openssl s_client -connect \"127.0.0.1:$1\" -servername localhost -tls1_3 \\
        -sess_in session -early_data request > log 2>&1 || true
    grep 'Early data was accepted' log
done
";

#[test]
fn a_recorded_post_in_early_data_is_taken_again() {
    let map =
        "map $ssl_early_data$request_method $early { default 0; \"~^1(?!GET|HEAD|OPTIONS)\" 1; }";
    let with = |more: &str| {
        let location = LOCATION.replace("proxy_pass", &format!("{more} proxy_pass"));
        secure(
            map,
            &format!("listen 127.0.0.1:@HTTPS@ ssl; ssl_early_data on; {location}"),
        )
    };
    let case = Case {
        rule: "early-data",
        bad: with(""),
        good: with("if ($early) { return 425; }"),
    };
    case.shows(async |stage| {
        stage.shell(REPLAY).await;
        let posts = stage
            .origin
            .seen()
            .into_iter()
            .filter(|seen| seen.line.starts_with("POST "));
        posts.count() == 2
    });
}
