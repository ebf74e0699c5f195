//! The pages for people.

use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::support::{VERSIONS, World, chunk, json, request, send_on, until, with_body};
use crate::tool_api::world_with;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn the_page_of_protocols_is_there_where_it_is_switched_on() {
    let off = World::start();
    let world = World::with(|config| config.h3check = true);
    for version in VERSIONS {
        let asked = || request("GET", "/h3check", &[BROWSER]);
        let refused = off.send(version, asked()).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);
        let page = world.send(version, asked()).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers()["cache-control"], "no-store");
        let policy = page.headers()["content-security-policy"].to_str();
        let policy = policy.expect("text");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("sha256-"));
    }
}

#[tokio::test]
async fn the_page_is_told_which_http_its_request_came_over() {
    let world = World::with(|config| config.h3check = true);
    let mut told = Vec::new();
    for version in VERSIONS {
        let asked = request(
            "GET",
            "/h3check?request=1",
            &[("accept", "application/json")],
        );
        told.push(json(world.send(version, asked).await).await["http_version"].take());
    }
    assert_eq!(told, ["1.1", "2"]);
}

/// An answer of the operator's listener.
async fn operator(world: &World, path: &str, accept: &str) -> Response<Incoming> {
    let stream = UnixStream::connect(&world.admin).await.expect("it listens");
    let asked = request("GET", path, &[("accept", accept)]);
    send_on(stream, Version::HTTP_11, asked).await
}

async fn call(world: &World, tool: &str) -> StatusCode {
    let body = format!("{{\"tool\":\"s__{tool}\",\"arguments\":{{}}}}");
    let call = with_body("POST", "/call-tool", &[("via", "3 edge")], body);
    world.send(Version::HTTP_2, call).await.status()
}

#[tokio::test]
async fn the_figures_of_the_operator_are_those_of_the_clients() {
    let world = world_with(|config| config.generation = "0123456789abcdef".to_owned());
    until("a ready server", async || {
        call(&world, "given").await == StatusCode::OK
    })
    .await;
    assert_eq!(call(&world, "refuse").await, StatusCode::BAD_GATEWAY);
    until("both failures", async || {
        let failures = world.admin("/status").await["failures"].take();
        let whose = |index: usize| {
            failures[index]["what"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        failures[0]["why"] == "502" && whose(0) == "call-tool" && whose(1) == "s: refuse"
    })
    .await;
    let status = world.admin("/").await;
    assert_eq!(status["generation"], "0123456789abcdef");
    assert_eq!(status["servers"]["s"]["state"], "ready");
    assert_eq!(status["servers"]["s"]["calls_failed"], 1);
    assert!(
        status["servers"]["s"]["p99_ms"].as_f64() > Some(0.0),
        "{status}"
    );
    assert!(
        status["requests"]["p50_ms"].as_f64() > Some(0.0),
        "{status}"
    );
    // nobody untrusted says what its client spoke, and the looks of the operator are none of a client's
    let protocols = status["requests"]["protocols"].as_object().expect("counts");
    assert_eq!(protocols.keys().collect::<Vec<_>>(), ["2"]);
}

#[tokio::test]
async fn the_page_of_the_operator_is_fed_by_events() {
    let world = World::start();
    let page = operator(&world, "/status", BROWSER.1).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let events = operator(&world, "/status", "text/event-stream").await;
    assert_eq!(events.headers()["x-accel-buffering"], "no");
    let mut events = events.into_body();
    for _ in 0..2 {
        let event = chunk(&mut events).await.expect("an event");
        let (head, data) = event.split_once("data: ").expect("figures");
        assert_eq!(head, "retry: 100\nevent: status\n");
        let figures: Value = serde_json::from_str(data).expect("JSON in one line");
        assert_eq!(
            figures["streams"],
            serde_json::json!({ "open": 1, "routes": { "status": 1 } })
        );
    }
    assert_eq!(world.get("/status").await.status(), StatusCode::NOT_FOUND);
}
