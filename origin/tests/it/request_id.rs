use http::HeaderMap;

use crate::support::{VERSIONS, World, request};

fn ids(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all("x-request-id")
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn a_valid_id_comes_back_once_on_every_version() {
    let world = World::start();
    for version in VERSIONS {
        for path in ["/healthz", "/nothing", "/mcp/sse?count=0"] {
            let call = request("GET", path, &[("x-request-id", "edge:1.a_b-c")]);
            let response = world.send(version, call).await;
            assert_eq!(
                ids(response.headers()),
                ["edge:1.a_b-c"],
                "{version:?} {path}"
            );
        }
    }
}

#[tokio::test]
async fn an_id_that_is_not_valid_is_replaced_by_32_hex_digits() {
    let world = World::start();
    for version in VERSIONS {
        let call = request("GET", "/healthz", &[("x-request-id", "a b")]);
        let response = world.send(version, call).await;
        let made = ids(response.headers());
        assert_eq!(made.len(), 1);
        assert!(made[0].len() == 32 && made[0].bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
