//! Clients that leave before their answer, over each version through the edge: of 2026-07-28 the call is cancelled at the
//! server; of the older revisions it goes on, and its answer waits for who comes back.

use std::time::{Duration, Instant};

use e2e::{DEADLINE, Deployment, Running, Tools};
use http::HeaderValue;
use probe::mcp::{LEGACY, answer_to, initialize, legacy, tools_call};
use probe::{Ask, Target, Version};
use serde_json::{Map, Value, json};

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// How many requests the shared process of the fixtures has seen cancelled.
async fn cancelled(target: &Target) -> u64 {
    let ask = tools_call("/mcp", 1, "test_cancelled_requests", Map::new());
    let answer = Box::pin(probe::fetch(target, Version::Http1, ask)).await;
    let answer = answer_to(&answer.expect("an answer"), 1).expect("to this request");
    let text = answer["result"]["content"][0]["text"].as_str();
    text.and_then(|text| text.parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_modern_client_that_leaves_cancels_its_call_over_every_version() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    let target = running.target();
    for version in Version::ALL {
        let before = cancelled(&target).await;
        let ask = tools_call("/mcp", 7, "test_wait", object(&json!({"ms": 60_000})));
        // the head comes when the origin has waited long enough for an answer as JSON
        let stream = Box::pin(probe::open(&target, version, ask)).await;
        stream.expect("a stream").reset().await;
        let end = Instant::now() + DEADLINE;
        while cancelled(&target).await == before {
            assert!(Instant::now() < end, "{version}: it was not cancelled");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_legacy_client_that_was_cut_off_fetches_its_answer_over_every_version() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    let target = running.target();
    for version in Version::ALL {
        let begun = Box::pin(probe::fetch(
            &target,
            version,
            initialize("/mcp", 1, LEGACY),
        ))
        .await;
        let head = begun.expect("an answer").head;
        let session = head.headers["mcp-session-id"].clone();
        let wait = json!({"name": "test_wait", "arguments": {"ms": 1500}});
        let ask = legacy("/mcp", LEGACY, Some(7), "tools/call", Some(object(&wait)));
        let opened = Box::pin(probe::open(&target, version, of(ask, &session))).await;
        let mut stream = opened.expect("a stream");
        let (_, first) = stream
            .chunk()
            .await
            .expect("an event")
            .expect("not the end");
        stream.reset().await;
        let mut again = of(Ask::get("/mcp"), &session);
        let id = first_id(&first);
        again
            .headers
            .insert("last-event-id", id.parse().expect("an id"));
        let answer = Box::pin(probe::fetch(&target, version, again)).await;
        let answer = answer_to(&answer.expect("an answer"), 7).expect("to the call");
        let text = &answer["result"]["content"][0]["text"];
        assert_eq!(text, "Waited for 1500 ms.", "{version}");
    }
}

/// What a client that first reads nothing for a while gets of an answer of several megabytes.
async fn read_late(target: &Target, version: Version, pause: Duration) -> usize {
    let mut ask = tools_call(
        "/mcp",
        7,
        "test_echo",
        object(&json!({"blob": "x".repeat(MUCH)})),
    );
    let accept = HeaderValue::from_static("text/event-stream");
    ask.headers.insert("accept", accept);
    let opened = Box::pin(probe::open(target, version, ask)).await;
    let mut stream = opened.expect("a stream");
    tokio::time::sleep(pause).await;
    let mut read = 0;
    while let Ok(Some((_, piece))) = stream.chunk().await {
        read += piece.len();
    }
    read
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_off_and_a_slow_one_is_not_over_every_version() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_impatient_fixtures(&tools));
    let target = running.target();
    for version in Version::ALL {
        let whole = read_late(&target, version, Duration::ZERO).await;
        assert!(whole > MUCH, "{version}: {whole} bytes in time");
        let cut = read_late(&target, version, Duration::from_secs(8)).await;
        assert!(
            cut < MUCH,
            "{version}: {cut} bytes of a stream that nobody read"
        );
    }
}

/// More than all the buffers and windows between the origin and a client.
const MUCH: usize = 6_000_000;

fn of(mut ask: Ask, session: &HeaderValue) -> Ask {
    let accept = HeaderValue::from_static("application/json, text/event-stream");
    ask.headers.insert("accept", accept);
    let revision = HeaderValue::from_static(LEGACY);
    ask.headers.insert("mcp-protocol-version", revision);
    ask.headers.insert("mcp-session-id", session.clone());
    ask
}

/// The id of the priming event, which comes in one piece.
fn first_id(chunk: &[u8]) -> String {
    let text = String::from_utf8_lossy(chunk);
    let id = text.lines().find_map(|line| line.strip_prefix("id: "));
    id.expect("the first event has an id").to_owned()
}
