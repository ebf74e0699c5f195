use std::time::Duration;

use http::StatusCode;

use crate::support::{World, json, server, until};

#[tokio::test]
async fn not_ready_is_a_503_that_says_when_to_come_back() {
    let world = World::with(|config| {
        config.servers = vec![server(
            "slow",
            &["/bin/sleep", "60"],
            Duration::from_mins(1),
        )];
    });
    let response = world.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    let body = json(response).await;
    assert_eq!(body["ready"], false);
    assert_eq!(body["servers"]["slow"], "starting");
    let capz = json(world.get("/capz").await).await;
    assert_eq!(
        (&capz["ready"], &capz["built_at"]),
        (&false.into(), &serde_json::Value::Null)
    );
    assert_eq!(world.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn servers_that_fail_are_named_and_the_origin_is_ready() {
    let world = World::with(|config| {
        config.servers = vec![
            server("absent", &["/nonexistent"], Duration::from_mins(1)),
            server("mute", &["/bin/sleep", "60"], Duration::from_millis(100)),
        ];
    });
    until("readiness", async || {
        world.get("/readyz").await.status() == StatusCode::OK
    })
    .await;
    let body = json(world.get("/readyz").await).await;
    assert_eq!(body["servers"]["absent"], "failed", "{body}");
    let capz = world.admin("/capz").await;
    assert!(capz["built_at"].is_string(), "{capz}");
    assert_eq!(capz["servers"][0]["name"], "absent");
    assert!(capz["servers"][0]["error"].is_string(), "{capz}");
    let public = json(world.get("/capz").await).await;
    assert!(public["servers"][0]["error"].is_null(), "{public}");
}
