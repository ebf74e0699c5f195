//! Which hosts and web pages are served, and what a browser is told.

use http::{HeaderMap, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{PATIENCE, VERSIONS, World, json, request, with_body};

const PAGE: &str = "http://localhost:6274";

/// Everything that the origin answers to these bytes until it closes the connection.
async fn answer(world: &World, bytes: &str) -> String {
    let mut raw = TcpStream::connect(world.address).await.expect("it listens");
    raw.write_all(bytes.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    let read = tokio::time::timeout(PATIENCE, raw.read_to_string(&mut answer));
    read.await.expect("in time").expect("text");
    answer
}

fn allowed(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all("access-control-allow-origin")
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_a_421_in_the_words_of_its_route() {
    let world = World::with(|config| config.allowed_hosts.clear());
    for version in VERSIONS {
        let call = with_body("POST", "/mcp", &[], "{}");
        let response = world.send(version, call).await;
        assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
        let body = json(response).await;
        assert_eq!(body["error"]["data"]["code"], "MISDIRECTED_REQUEST");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains("`origin.test`") && message.contains("allowed_hosts"));
        let response = world.send(version, request("GET", "/healthz", &[])).await;
        assert_eq!(json(response).await["code"], "MISDIRECTED_REQUEST");
    }
}

#[tokio::test]
async fn a_request_for_no_host_or_two_is_a_400() {
    let world = World::start();
    for head in [
        "GET /healthz HTTP/1.1\r\n",
        "GET /healthz HTTP/1.1\r\nhost: x\r\nhost: x\r\n",
        "GET /healthz HTTP/1.1\r\nhost: x y\r\n",
    ] {
        let answer = answer(&world, &format!("{head}connection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains(r#""code":"BAD_REQUEST""#), "{answer}");
        assert!(answer.contains("x-request-id: "), "{answer}");
    }
    let old = answer(&world, "GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(old.starts_with("HTTP/1.0 200"), "{old}");
}

#[tokio::test]
async fn a_host_that_differs_from_the_authority_is_a_400() {
    let world = World::start();
    for (host, status) in [("x", 400), ("origin.test:1", 400), ("ORIGIN.test", 200)] {
        let call = request("GET", "/healthz", &[("host", host)]);
        let response = world.send(Version::HTTP_2, call).await;
        assert_eq!(response.status(), status, "{host}");
    }
}

#[tokio::test]
async fn the_absolute_form_names_the_host() {
    let world = World::start();
    for (target, status) in [
        ("http://x/healthz", "200"),
        ("http://evil.test/healthz", "421"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = answer(&world, &head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_foreign_page_is_a_403_before_its_body_is_read() {
    let world = World::start();
    let head = "POST /mcp HTTP/1.1\r\nhost: x\r\norigin: https://evil.test\r\nexpect: 100-continue\r\n\
        content-type: application/json\r\ncontent-length: 9\r\n\r\n";
    let answer = answer(&world, head).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "no 100, then: {answer}");
    assert!(answer.contains(r#""jsonrpc":"2.0""#), "{answer}");
    assert!(!answer.contains(r#""id""#), "{answer}");
    assert!(answer.contains("https://evil.test") && answer.contains("allowed_origins"));
    assert!(!answer.contains("access-control-allow-origin"), "{answer}");
}

#[tokio::test]
async fn a_foreign_page_is_refused_on_every_route_and_listener() {
    let world = World::start();
    for version in VERSIONS {
        for path in ["/mcp/sse", "/healthz", "/nothing"] {
            let call = request("GET", path, &[("origin", "null")]);
            let response = world.send(version, call).await;
            assert_eq!(
                response.status(),
                StatusCode::FORBIDDEN,
                "{version:?} {path}"
            );
            assert_eq!(json(response).await["code"], "FORBIDDEN");
        }
    }
    let admin = tokio::net::UnixStream::connect(&world.admin).await;
    let call = request("GET", "/streams", &[("origin", "https://evil.test")]);
    let response =
        crate::support::send_on(admin.expect("it listens"), Version::HTTP_11, call).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_allowed_page_can_read_every_answer_and_the_header_is_there_once() {
    let world = World::with(|config| config.max_body_size = 100);
    let large = "x".repeat(101);
    for version in VERSIONS {
        for (method, path, body, status) in [
            ("POST", "/mcp", "{", 400),
            ("POST", "/servers/none/mcp", "{}", 404),
            ("PUT", "/mcp", "", 405),
            ("POST", "/mcp", large.as_str(), 413),
            ("GET", "/nothing", "", 404),
            ("GET", "/mcp/sse?count=0", "", 200),
            ("GET", "/healthz", "", 200),
        ] {
            let headers = [("origin", PAGE), ("content-type", "application/json")];
            let call = with_body(method, path, &headers, body.to_owned());
            let response = world.send(version, call).await;
            assert_eq!(response.status(), status, "{version:?} {method} {path}");
            assert_eq!(allowed(response.headers()), [PAGE], "{path}");
            assert_eq!(response.headers()["vary"], "Origin", "{path}");
            let exposed = response.headers()["access-control-expose-headers"].to_str();
            assert!(exposed.expect("text").contains("Mcp-Session-Id"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_body() {
    let world = World::start();
    let headers = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "content-type,mcp-param-region",
        ),
    ];
    for version in VERSIONS {
        for path in ["/mcp", "/servers/any/mcp", "/mcp/stream-demo"] {
            let response = world
                .send(version, request("OPTIONS", path, &headers))
                .await;
            assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path}");
            let told = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
            assert_eq!(told("access-control-allow-origin"), PAGE);
            assert_eq!(
                told("access-control-allow-methods"),
                "GET, POST, DELETE, OPTIONS"
            );
            assert!(told("access-control-allow-headers").ends_with(", mcp-param-region"));
            assert!(told("access-control-allow-headers").contains("Mcp-Session-Id"));
        }
    }
}
