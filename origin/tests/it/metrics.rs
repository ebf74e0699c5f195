//! The figures of a running origin. Their form is unit tests of `metrics`.

use std::time::Duration;

use http::{StatusCode, Version};
use http_body_util::BodyExt;
use jiff::Timestamp;
use tokio::net::UnixStream;

use crate::support::{World, chunk, get, send_on, until, with_body};
use crate::tls::Pki;
use crate::tool_api::world_with;

/// An origin that counts, with the server `s` of the tool API.
fn world() -> World {
    world_with(|config| {
        config.metrics = true;
        config.servers[0].call_timeout = Duration::from_secs(20);
        config.limits.client.streams = 1;
    })
}

async fn page(world: &World) -> String {
    let stream = UnixStream::connect(&world.admin).await.expect("it listens");
    let answer = send_on(stream, Version::HTTP_11, get("/metrics")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let media_type = &answer.headers()["content-type"];
    assert_eq!(media_type, "text/plain; version=0.0.4; charset=utf-8");
    let body = answer.into_body().collect().await.expect("a whole body");
    String::from_utf8(body.to_bytes().to_vec()).expect("UTF-8")
}

async fn says(world: &World, line: &str) {
    until(line, async || {
        page(world).await.lines().any(|found| found == line)
    })
    .await;
}

async fn call(world: &World, tool: &str) -> StatusCode {
    let body = format!("{{\"tool\":\"s__{tool}\",\"arguments\":{{}}}}");
    let call = with_body("POST", "/call-tool", &[], body);
    world.send(Version::HTTP_11, call).await.status()
}

#[tokio::test]
async fn what_happens_is_counted() {
    let world = world();
    until("a ready server", async || {
        call(&world, "given").await == StatusCode::OK
    })
    .await;
    assert_eq!(call(&world, "refuse").await, StatusCode::BAD_GATEWAY);
    assert_eq!(
        world
            .send(Version::HTTP_2, get("/no/such/path"))
            .await
            .status(),
        StatusCode::NOT_FOUND
    );
    let mut stream = world
        .send(Version::HTTP_2, get("/mcp/sse"))
        .await
        .into_body();
    assert!(chunk(&mut stream).await.is_some());
    assert_eq!(
        world.get("/mcp/sse").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    for line in [
        "origin_tool_call_duration_seconds_count{server=\"s\",tool=\"given\",outcome=\"answered\"} 1",
        "origin_tool_call_duration_seconds_count{server=\"s\",tool=\"refuse\",outcome=\"refused\"} 1",
        "origin_http_requests_total{protocol=\"1.1\",route=\"call-tool\",status=\"502\"} 1",
        "origin_http_requests_total{protocol=\"2\",route=\"none\",status=\"404\"} 1",
        "origin_open_streams{route=\"sse\"} 1",
        "origin_limited_total{by=\"client\",what=\"streams\"} 1",
        "origin_server_state{server=\"s\",state=\"ready\"} 1",
        "origin_server_restarts_total{server=\"s\"} 0",
    ] {
        says(&world, line).await;
    }
}

#[tokio::test]
async fn a_call_in_flight_is_seen_until_its_client_leaves() {
    let world = world();
    until("a ready server", async || {
        call(&world, "given").await == StatusCode::OK
    })
    .await;
    let hanging = tokio::time::timeout(Duration::from_secs(2), call(&world, "hang"));
    let (left, ()) = tokio::join!(hanging, async {
        until("a call in flight", async || {
            world.admin("/health").await["servers"]["s"]["calls_in_flight"] == 1
        })
        .await;
    });
    assert!(left.is_err(), "it hangs");
    says(&world, "origin_server_calls_in_flight{server=\"s\"} 0").await;
    says(&world, "origin_tool_call_duration_seconds_count{server=\"s\",tool=\"hang\",outcome=\"abandoned\"} 1").await;
}

#[tokio::test]
async fn figures_are_asked_for_and_are_the_operators() {
    let off = World::start();
    let said = off.admin("/metrics").await;
    assert!(
        said["error"]
            .as_str()
            .is_some_and(|text| text.contains("`metrics = true`")),
        "{said}"
    );
    assert_eq!(
        world().get("/metrics").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_end_of_a_certificate_is_the_one_that_clients_see() {
    let pki = Pki::new(&["origin.test"]);
    let world = World::with(|config| {
        pki.configure(config);
        config.metrics = true;
    });
    let certificate = &world.admin("/capz").await["certificates"][0];
    let text = |key: &str| certificate[key].as_str().expect("text");
    let end: Timestamp = text("not_after").parse().expect("a time");
    let name = "origin_certificate_expiry_timestamp_seconds";
    let line = format!("{name}{{file=\"{}\"}} {}", text("file"), end.as_second());
    says(&world, &line).await;
}
