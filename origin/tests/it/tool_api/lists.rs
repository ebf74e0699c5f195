//! `/tools`.

use http::Version;
use serde_json::Value;

use super::{text, world};
use crate::support::{get, request};

#[tokio::test]
async fn tools_are_listed_with_all_that_their_server_says() {
    let world = world();
    let (status, list) = text(world.get("/tools").await).await;
    assert_eq!(status, 200);
    let first = r#"{"tools":[{"name":"s__given","server":"s","tool":"given","title":"T","input_schema":{"type": "object"},"annotations":{"readOnlyHint":true},"x":1.0},"#;
    assert!(list.starts_with(first), "{list}");
    let (_, one) = text(world.get("/tools/s__checked").await).await;
    assert!(list.contains(&one), "{one}");
    let (_, of_server) = text(world.get("/tools?server=s").await).await;
    assert_eq!(of_server, list);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let world = world();
    for (path, code) in [
        ("/tools/s__gven", "TOOL_NOT_FOUND"),
        ("/tools/%22", "TOOL_NOT_FOUND"),
        ("/tools?server=t", "NOT_FOUND"),
    ] {
        let (status, body) = text(world.get(path).await).await;
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, &body["code"]), (404, &code.into()), "{path}");
    }
}

#[tokio::test]
async fn a_client_that_has_the_list_is_told_so() {
    let world = world();
    let first = world.get("/tools").await;
    let tag = first.headers()["etag"].to_str().expect("ASCII").to_owned();
    let again = request(
        "GET",
        "/tools",
        &[("if-none-match", &format!("\"x\", W/{tag}"))],
    );
    let again = world.send(Version::HTTP_11, again).await;
    assert_eq!(
        (again.status().as_u16(), &again.headers()["etag"]),
        (304, &tag.parse().unwrap())
    );
    assert_eq!(text(again).await.1, "");
    let head = world
        .send(Version::HTTP_11, request("HEAD", "/tools", &[]))
        .await;
    assert!(head.headers().contains_key("etag"));
    assert_eq!(
        world
            .send(Version::HTTP_11, get("/tools/s__given"))
            .await
            .status(),
        200
    );
}
