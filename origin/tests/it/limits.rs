//! Limits of clients on real sockets. The arithmetic is unit tests of `limits`.

use std::sync::atomic::{AtomicBool, Ordering};

use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::Timestamp;
use origin::clock::Clock;
use origin_config::{Limit, OriginConfig};

use crate::support::{HeldCall, VERSIONS, World, chunk, get, json, request, until};

/// One request a minute, and no more at once.
fn seldom() -> Limit {
    Limit {
        rate: Some("1r/m".parse().expect("a rate")),
        ..Limit::default()
    }
}

fn one_stream(config: &mut OriginConfig) {
    config.limits.client.streams = 1;
}

async fn ask(world: &World, path: &str, forwarded: &str) -> Response<Incoming> {
    let headers = [("x-request-id", "r-1"), ("x-forwarded-for", forwarded)];
    let method = if path == "/mcp" { "POST" } else { "GET" };
    let call = request(method, path, &headers);
    world.send(Version::HTTP_11, call).await
}

async fn stream(world: &World, version: Version) -> Response<Incoming> {
    let path = "/mcp/sse?interval_ms=50&count=3600";
    world.send(version, get(path)).await
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let world = World::with(|config| config.limits.client = seldom());
    assert_eq!(ask(&world, "/tools", "").await.status(), StatusCode::OK);
    let refused = ask(&world, "/tools", "").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let after = refused.headers()["retry-after"].to_str().expect("a number");
    let seconds: u64 = after.parse().expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    let body = json(refused).await;
    assert_eq!(
        (&body["code"], &body["request_id"]),
        (&"RATE_LIMITED".into(), &"r-1".into())
    );
    let refused = ask(&world, "/mcp", "").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let error = &json(refused).await["error"];
    assert_eq!(error["code"], -32000, "{error}");
    assert_eq!(
        (&error["data"]["code"], &error["data"]["request_id"]),
        (&"RATE_LIMITED".into(), &"r-1".into())
    );
}

#[tokio::test]
async fn probes_and_the_operator_are_not_counted() {
    let world = World::with(|config| config.limits.client = seldom());
    for path in ["/healthz", "/readyz", "/health", "/healthz"] {
        assert_eq!(
            ask(&world, path, "").await.status(),
            StatusCode::OK,
            "{path}"
        );
    }
    for _ in 0..3 {
        assert!(world.admin("/capz").await["servers"].is_array());
    }
    assert_eq!(ask(&world, "/capz", "").await.status(), StatusCode::OK);
    assert_eq!(
        ask(&world, "/capz", "").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn a_name_that_nobody_trusted_gave_is_no_way_round() {
    let world = World::with(|config| config.limits.client = seldom());
    assert_eq!(
        ask(&world, "/capz", "192.0.2.1").await.status(),
        StatusCode::OK
    );
    for forged in ["192.0.2.2", "192.0.2.3"] {
        assert_eq!(
            ask(&world, "/capz", forged).await.status(),
            StatusCode::TOO_MANY_REQUESTS
        );
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_a_share_each() {
    let world = World::with(|config| {
        config.trusted_peers = vec!["127.0.0.1".parse().expect("a peer")];
        config.limits.client = seldom();
    });
    for client in [
        "192.0.2.1",
        "6.6.6.6, 192.0.2.2",
        "2001:db8::1",
        "2001:db8:0:1::1",
    ] {
        assert_eq!(
            ask(&world, "/capz", client).await.status(),
            StatusCode::OK,
            "{client}"
        );
    }
    for again in ["7.7.7.7, 192.0.2.1", "192.0.2.2", "2001:db8::2"] {
        assert_eq!(
            ask(&world, "/capz", again).await.status(),
            StatusCode::TOO_MANY_REQUESTS,
            "{again}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_gives_its_place_back() {
    for version in VERSIONS {
        let world = World::with(one_stream);
        let open = stream(&world, version).await;
        assert_eq!(open.status(), StatusCode::OK);
        let refused = stream(&world, version).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(
            world.get("/capz").await.status(),
            StatusCode::OK,
            "no stream"
        );
        drop(open);
        until("a place", async || {
            stream(&world, version).await.status() == StatusCode::OK
        })
        .await;
    }
}

#[tokio::test]
async fn a_stream_that_ends_or_panics_gives_its_place_back() {
    static ARMED: AtomicBool = AtomicBool::new(false);
    let clock = Clock {
        wall: || {
            assert!(!ARMED.swap(false, Ordering::SeqCst), "a bug, for the test");
            Timestamp::now()
        },
        ..Clock::system()
    };
    let world = World::with_clock(clock, one_stream);
    let mut short = world.get("/mcp/sse?count=1").await.into_body();
    while chunk(&mut short).await.is_some() {}
    until("the place of one that ended", async || {
        ARMED.store(true, Ordering::SeqCst);
        let broken = stream(&world, Version::HTTP_2).await;
        broken.status() == StatusCode::OK && broken.into_body().collect().await.is_err()
    })
    .await;
    until("the place of one that panicked", async || {
        stream(&world, Version::HTTP_2).await.status() == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn as_many_calls_are_worked_on_at_a_time_as_one_may_have() {
    let world = World::with(|config| config.limits.client.calls = 1);
    let connect = tokio::net::TcpStream::connect(world.address);
    let mut held = HeldCall::begin(connect.await.expect("it listens")).await;
    let refused = world.get("/capz").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        json(refused).await["error"],
        "too many requests at a time: ask again in 1 s"
    );
    drop(held.finish());
    drop(held);
    until("a place", async || {
        world.get("/capz").await.status() == StatusCode::OK
    })
    .await;
}
