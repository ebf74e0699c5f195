//! What a client of another library gets: the probe's is h3 over quinn.

use std::time::Duration;

use http::{Method, StatusCode, Version as HttpVersion};
use probe::quic::{Early, early_data, versions};
use probe::{Answer, Ask, Connect, Connection, End, Holding, Scheme, Target, Trust, Version, hold};
use serde_json::Value;

use super::Quic;
use crate::support::PATIENCE;

impl Quic {
    fn target(&self, version: Version) -> Target {
        let address = match version {
            Version::Http3 => self.world.quic.expect("HTTP/3"),
            Version::Http1 | Version::Http2 => self.world.address,
        };
        Target::new(Scheme::Https, "origin.test", address.port())
            .with_connect(Connect::Address(address))
            .with_trust(Trust::Roots(self.pki.roots()))
            .with_timeout(PATIENCE)
    }

    async fn probe(&self, version: Version) -> Connection {
        let opened = Connection::open(&self.target(version), version).await;
        opened.expect("a connection")
    }

    async fn fetch(&self, ask: Ask) -> Answer {
        let mut connection = self.probe(Version::Http3).await;
        connection.fetch(ask).await.expect("an answer")
    }
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test]
async fn the_same_endpoints_answer_as_over_tcp() {
    let quic = Quic::start();
    for version in [Version::Http1, Version::Http2, Version::Http3] {
        let mut connection = quic.probe(version).await;
        let health = connection
            .fetch(Ask::get("/healthz"))
            .await
            .expect("an answer");
        assert_eq!(health.head.status, StatusCode::OK, "{version:?}");
        assert!(health.head.header("x-request-id").is_some(), "{version:?}");
        let call = Ask::post("/call-tool", r#"{"tool":"none","arguments":{}}"#);
        let call = connection.fetch(call).await.expect("an answer");
        assert_eq!(json(&call)["code"], "TOOL_NOT_FOUND", "{version:?}");
    }
    let answer = quic.fetch(Ask::get("/capz")).await;
    assert_eq!(answer.head.version, HttpVersion::HTTP_3);
    assert_eq!(json(&answer)["certificates"][0]["names"][0], "origin.test");
}

#[tokio::test]
async fn both_eras_of_mcp_are_spoken() {
    let quic = Quic::start();
    let discovered = quic.fetch(probe::mcp::discover("/mcp", 1)).await;
    assert_eq!(discovered.head.status, StatusCode::OK, "{discovered:?}");
    let begun = quic
        .fetch(probe::mcp::initialize("/mcp", 2, "2025-11-25"))
        .await;
    let result = probe::mcp::answer_to(&begun, 2).expect("an answer");
    assert_eq!(
        result["result"]["protocolVersion"], "2025-11-25",
        "{result}"
    );
}

#[tokio::test]
async fn events_come_one_by_one_until_the_end() {
    let quic = Quic::start();
    let mut connection = quic.probe(Version::Http3).await;
    let ask = Ask::get("/mcp/sse?interval_ms=50&count=4");
    let mut stream = connection.send(ask).await.expect("an answer");
    assert_eq!(stream.head().header("x-accel-buffering"), Some("no"));
    let (mut pieces, mut text) = (0, String::new());
    while let Some((_, bytes)) = stream.chunk().await.expect("no error") {
        pieces += 1;
        text.push_str(std::str::from_utf8(&bytes).expect("text"));
    }
    assert_eq!(text.matches("event: tick").count(), 4, "{text}");
    assert!(pieces >= 4, "{pieces}");
}

#[tokio::test]
async fn an_answer_to_head_has_its_length_and_no_body() {
    let quic = Quic::start();
    let answer = quic.fetch(Ask::new(Method::HEAD, "/healthz")).await;
    let length = answer.head.header("content-length").map(str::to_owned);
    assert!(length.is_some_and(|length| length != "0"), "{answer:?}");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn a_body_above_the_limit_is_a_413_and_one_below_is_read() {
    let quic = Quic::with(|config| config.max_body_size = 300_000);
    let post = |length: usize| {
        let text = format!("{{\"tool\":\"none\",\"pad\":\"{}\"}}", "x".repeat(length));
        Ask::post("/call-tool", text)
    };
    let above = quic.fetch(post(400_000)).await;
    assert_eq!(above.head.status, StatusCode::PAYLOAD_TOO_LARGE);
    let below = quic.fetch(post(200_000)).await;
    assert_ne!(
        below.head.status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "{below:?}"
    );
    assert!(json(&below)["code"].is_string());
}

#[tokio::test]
async fn hosts_and_methods_are_judged_as_over_tcp() {
    let quic = Quic::start();
    let foreign = Ask::get("/healthz").with_header("host", "evil.example");
    let foreign = quic.fetch(foreign.expect("a header")).await;
    assert_eq!(foreign.head.status, StatusCode::MISDIRECTED_REQUEST);
    let wrong = quic.fetch(Ask::new(Method::DELETE, "/healthz")).await;
    assert_eq!(wrong.head.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn clients_of_tls_over_tcp_learn_where_http_3_is() {
    let quic = Quic::start();
    let port = quic.world.quic.expect("HTTP/3").port();
    for version in [Version::Http1, Version::Http2] {
        let mut connection = quic.probe(version).await;
        let answer = connection
            .fetch(Ask::get("/healthz"))
            .await
            .expect("an answer");
        let said = answer.head.header("alt-svc");
        assert_eq!(said, Some(format!("h3=\":{port}\"; ma=3600").as_str()));
    }
    let words = "h3=\":443\"; ma=60";
    let quic = Quic::with(|config| config.quic.alt_svc = vec![words.to_owned()]);
    let mut connection = quic.probe(Version::Http2).await;
    let answer = connection
        .fetch(Ask::get("/nowhere"))
        .await
        .expect("an answer");
    assert_eq!(answer.head.header("alt-svc"), Some(words));
}

#[tokio::test]
async fn a_probe_sees_one_version_no_early_data_and_proof_of_an_address_where_that_is_asked_for() {
    for retries in [false, true] {
        let quic = Quic::with(|config| {
            if retries {
                config.quic.retry_above = 0;
            }
        });
        let target = quic.target(Version::Http3);
        assert!(versions(&target).await.expect("a socket").contains(&1));
        let early = early_data(&target, Ask::get("/healthz")).await;
        assert_eq!(early.expect("two handshakes"), Early::NotOffered);
        let connection = quic.probe(Version::Http3).await;
        assert_eq!(connection.was_retried(), Some(retries));
    }
}

#[tokio::test]
async fn a_held_stream_goes_on_from_another_port_and_ends_with_a_goodbye_when_the_origin_drains() {
    let quic = Quic::start();
    let mut connection = quic.probe(Version::Http3).await;
    let holding = Holding {
        length: PATIENCE,
        move_at: Some(Duration::from_millis(100)),
    };
    let held = hold(
        &mut connection,
        Ask::get("/mcp/sse?interval_ms=20&count=1000"),
        holding,
    );
    let drain = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        quic.world.stop.graceful.cancel();
    };
    let (held, ()) = tokio::join!(held, drain);
    let held = held.expect("a stream");
    assert!(held.pieces > 5 && held.after_move.is_some(), "{held:?}");
    assert!(
        matches!(held.end, End::Ended { goodbye: true }),
        "{:?}",
        held.end
    );
}
