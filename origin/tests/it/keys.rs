use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use api_keys::{Key, KeyFile, Record};
use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use origin_config::{OriginConfig, Server};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Call, World, chunk, json, request, server, until, with_body};

/// An origin with two servers, `one` and `two`, that asks for keys: `all` opens both, `one` opens `one`.
struct Locked {
    world: World,
    folder: TempDir,
    all: Key,
    one: Key,
}

impl Locked {
    fn start() -> Self {
        Self::start_with(|_| {})
    }

    fn start_with(change: impl FnOnce(&mut OriginConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (all, one) = (Key::new([1; 4], [1; 32]), Key::new([2; 4], [2; 32]));
        write(&folder, &[record(&all, None), record(&one, Some("one"))]);
        let file = path(&folder);
        let world = World::with(|config| {
            config.api_keys_file = Some(file);
            config.servers = vec![tools("one"), tools("two")];
            change(config);
        });
        Self {
            world,
            folder,
            all,
            one,
        }
    }

    /// A request that shows a key.
    async fn ask(
        &self,
        key: &Key,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &str,
    ) -> Response<Incoming> {
        let bearer = format!("Bearer {}", key.text());
        let headers = [&[("authorization", bearer.as_str())], JSON, more].concat();
        let call = with_body(method, path, &headers, body.to_owned());
        self.world.send(Version::HTTP_11, call).await
    }

    async fn session(&self, key: &Key) -> String {
        let answer = self.ask(key, "POST", "/mcp", &[], INITIALIZE).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.headers()["mcp-session-id"]
            .to_str()
            .expect("ASCII")
            .to_owned()
    }

    async fn status(&self, call: Call) -> StatusCode {
        self.world.send(Version::HTTP_11, call).await.status()
    }
}

fn tools(name: &str) -> Server {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/upstream/tests/server.py");
    server(name, &["python3", script, ""], Duration::from_secs(20))
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("keys.toml")
}

fn record(key: &Key, server: Option<&str>) -> Record {
    Record {
        id: key.id().clone(),
        name: "test".to_owned(),
        digest: key.digest(),
        servers: server.map(|server| [server.to_owned()].into()),
        created: jiff::Timestamp::UNIX_EPOCH,
        expires: None,
    }
}

/// As opsctl does it: another file in the place of the first.
fn write(folder: &TempDir, keys: &[Record]) {
    put(
        folder,
        &KeyFile {
            keys: keys.to_vec(),
        }
        .write(),
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test's own file, which is renamed into its place"
)]
fn put(folder: &TempDir, text: &str) {
    let beside = folder.path().join("beside");
    fs::write(&beside, text).expect("a file");
    fs::rename(&beside, path(folder)).expect("its place");
}

#[tokio::test]
async fn without_a_key_only_what_everybody_may_know_is_answered() {
    let locked = Locked::start();
    for path in [
        "/mcp",
        "/servers/one/mcp",
        "/mcp/sse",
        "/mcp/stream-demo",
        "/readyz",
        "/capz",
    ] {
        let method = if path.ends_with("mcp") { "POST" } else { "GET" };
        let answer = locked
            .world
            .send(Version::HTTP_11, request(method, path, JSON))
            .await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"mcp\"");
        let body = json(answer).await;
        let code = if method == "POST" {
            &body["error"]["data"]["code"]
        } else {
            &body["code"]
        };
        assert_eq!(code, "UNAUTHORIZED", "{body}");
    }
    assert_eq!(
        locked.status(request("GET", "/healthz", &[])).await,
        StatusCode::OK
    );
    assert_eq!(
        locked.status(request("GET", "/nothing", &[])).await,
        StatusCode::NOT_FOUND
    );
    let preflight = [
        ("origin", "http://localhost:1"),
        ("access-control-request-method", "POST"),
    ];
    assert_eq!(
        locked.status(request("OPTIONS", "/mcp", &preflight)).await,
        StatusCode::NO_CONTENT
    );
    assert!(locked.world.admin("/capz").await["servers"].is_array());
}

#[tokio::test]
async fn a_key_is_shown_in_either_header_and_a_wrong_one_is_told_apart_from_none() {
    let locked = Locked::start();
    let (good, bad) = (locked.all.text(), Key::new([1; 4], [9; 32]));
    let bearer = format!("bEARER {good}");
    for header in [("authorization", bearer.as_str()), ("x-api-key", good)] {
        assert_eq!(
            locked.status(request("GET", "/capz", &[header])).await,
            StatusCode::OK
        );
    }
    let basic = format!("Basic {good}");
    for headers in [
        &[("x-api-key", bad.text())][..],
        &[("x-api-key", "")],
        &[("x-api-key", &good[1..])],
        &[("authorization", basic.as_str())],
        &[("authorization", bearer.as_str()), ("x-api-key", good)],
    ] {
        let answer = locked
            .world
            .send(Version::HTTP_11, request("GET", "/capz", headers))
            .await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{headers:?}");
        let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
        assert!(
            challenge.ends_with("error=\"invalid_token\""),
            "{challenge}"
        );
        let body = json(answer).await;
        assert!(!body.to_string().contains(&good[20..]), "{body}");
    }
}

#[tokio::test]
async fn a_key_sees_its_own_servers_and_no_other() {
    let locked = Locked::start();
    for (key, prefixes) in [
        (&locked.all, &["one__", "two__"][..]),
        (&locked.one, &["one__"]),
    ] {
        let session = locked.session(key).await;
        let session = [("mcp-session-id", session.as_str())];
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let listed = json(locked.ask(key, "POST", "/mcp", &session, list).await).await;
        let tools = listed["result"]["tools"].as_array().expect("tools").clone();
        let names: Vec<_> = tools
            .iter()
            .filter_map(|tool| tool["name"].as_str())
            .collect();
        assert!(
            prefixes
                .iter()
                .all(|start| names.iter().any(|name| name.starts_with(start))),
            "{names:?}"
        );
        assert!(
            names
                .iter()
                .all(|name| prefixes.iter().any(|start| name.starts_with(start))),
            "{names:?}"
        );
        let capz = json(locked.ask(key, "GET", "/capz", &[], "").await).await;
        assert_eq!(
            capz["servers"].as_array().map(Vec::len),
            Some(prefixes.len()),
            "{capz}"
        );
        assert_eq!(
            capz["tools"].as_array().map(Vec::len),
            Some(names.len()),
            "{capz}"
        );
    }
    let other = locked
        .ask(&locked.one, "POST", "/servers/two/mcp", &[], INITIALIZE)
        .await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    let session = locked.session(&locked.one).await;
    let session = [("mcp-session-id", session.as_str())];
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"two__pid","arguments":{}}}"#;
    let refused = json(
        locked
            .ask(&locked.one, "POST", "/mcp", &session, call)
            .await,
    )
    .await;
    assert!(refused["error"]["code"].is_number(), "{refused}");
}

#[tokio::test]
async fn a_session_is_for_the_key_that_opened_it() {
    let locked = Locked::start();
    let session = locked.session(&locked.all).await;
    let session = [("mcp-session-id", session.as_str())];
    for (key, expected) in [
        (&locked.one, StatusCode::NOT_FOUND),
        (&locked.all, StatusCode::OK),
    ] {
        let answer = locked.ask(key, "POST", "/mcp", &session, PING).await;
        assert_eq!(answer.status(), expected);
        let answer = locked.ask(key, "GET", "/mcp", &session, "").await;
        assert_eq!(answer.status(), expected);
    }
}

#[tokio::test]
async fn a_revoked_key_ends_its_streams_and_no_others() {
    let locked = Locked::start();
    let mut streams = Vec::new();
    for key in [&locked.one, &locked.all] {
        let path = "/mcp/sse?interval_ms=50&count=3600";
        let answer = locked.ask(key, "GET", path, &[], "").await;
        assert_eq!(answer.status(), StatusCode::OK);
        streams.push(answer.into_body());
    }
    write(&locked.folder, &[record(&locked.all, None)]);
    while chunk(&mut streams[0]).await.is_some() {}
    assert!(chunk(&mut streams[1]).await.is_some());
    let refused = locked.ask(&locked.one, "POST", "/mcp", &[], PING).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    locked.world.wait_for_streams(1).await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_keys_and_a_missing_one_opens_nothing() {
    let locked = Locked::start();
    put(&locked.folder, "[[keys]]\nid = 5\n");
    // Long enough for a look; the key is good before and after.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(
        locked
            .ask(&locked.all, "GET", "/capz", &[], "")
            .await
            .status(),
        StatusCode::OK
    );
    fs::remove_file(path(&locked.folder)).expect("it is there");
    until("a locked door", async || {
        locked
            .ask(&locked.all, "GET", "/capz", &[], "")
            .await
            .status()
            == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[tokio::test]
async fn a_key_that_has_expired_is_told_so() {
    let locked = Locked::start();
    let expired = Record {
        expires: Some(jiff::Timestamp::UNIX_EPOCH),
        ..record(&locked.all, None)
    };
    write(&locked.folder, &[expired]);
    let mut said = Value::Null;
    until("the end of the key", async || {
        said = json(locked.ask(&locked.all, "GET", "/capz", &[], "").await).await;
        said["code"] == "UNAUTHORIZED"
    })
    .await;
    assert_eq!(
        said["error"],
        "this API key expired at 1970-01-01T00:00:00Z"
    );
}

#[tokio::test]
async fn each_key_has_a_share_of_its_own() {
    let locked = Locked::start_with(|config| {
        config.limits.key.rate = Some("1r/m".parse().expect("a rate"));
        config.limits.key.burst = 0;
    });
    for key in [&locked.all, &locked.one] {
        let first = locked.ask(key, "GET", "/capz", &[], "").await;
        assert_eq!(first.status(), StatusCode::OK);
        let second = locked.ask(key, "GET", "/capz", &[], "").await;
        assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(json(second).await["code"], "RATE_LIMITED");
        let probe = locked.ask(key, "GET", "/readyz", &[], "").await;
        assert_ne!(probe.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}

const JSON: &[(&str, &str)] = &[
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
];
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
