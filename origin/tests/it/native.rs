//! Tools that are compiled in, through every door.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Version;
use http_body_util::BodyExt;
use origin::native::{Answer, Arguments, Calling, Context, Tool};
use origin::run::Stop;
use origin::{Bound, Origin};
use origin_config::Bind;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use crate::support::{defaults, send_on, until, with_body};

/// A tool that does what its arguments say.
struct Puppet {
    /// Whether a call that waits was dropped.
    dropped: Arc<AtomicBool>,
}

impl Tool for Puppet {
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn description(&self) -> &'static str {
        "Does what it is told"
    }

    fn input_schema(&self) -> Value {
        json!({"type": "object", "properties": {"does": {"enum": ["step", "fail", "panic", "wait"]}}, "required": ["does"]})
    }

    fn call<'a>(&'a self, arguments: Arguments<'a>, context: &'a Context) -> Calling<'a> {
        Box::pin(async move {
            let told: Value = arguments.parse()?;
            match told["does"].as_str() {
                Some("fail") => Err(origin::native::ToolError::new("it did not work")),
                Some("panic") => panic!("cut strings"),
                Some("wait") => {
                    let _seen = OnDrop(&self.dropped);
                    std::future::pending().await
                }
                _ => {
                    context.progress(1.0, Some(2.0), "half");
                    Answer::json(&json!({"done": true}))
                }
            }
        })
    }
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A running origin with a puppet.
struct Stage {
    address: String,
    stop: Stop,
    dropped: Arc<AtomicBool>,
}

impl Stage {
    fn open() -> Self {
        let mut config = defaults();
        config.bind = vec![Bind::Tcp(([127, 0, 0, 1], 0).into())];
        let dropped = Arc::<AtomicBool>::default();
        let puppet = Puppet {
            dropped: Arc::clone(&dropped),
        };
        let bound: Bound = Origin::new(config, Vec::new())
            .tool(puppet)
            .bind()
            .expect("a free port");
        let address = bound.addresses().next().expect("one address").to_owned();
        let stop = Stop::default();
        tokio::spawn(bound.run_until(stop.clone()));
        Self {
            address,
            stop,
            dropped,
        }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        post(&self.address, path, headers, body).await
    }

    /// The status and the envelope of `/call-tool`.
    async fn call(&self, does: &str) -> (u16, Value) {
        let body = format!(r#"{{"tool":"native__puppet","arguments":{{"does":"{does}"}}}}"#);
        let (status, text) = self.post("/call-tool", &[], &body).await;
        (status, serde_json::from_str(&text).expect("JSON"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.now.cancel();
    }
}

async fn post(address: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let stream = TcpStream::connect(address).await.expect("it listens");
    let response = send_on(
        stream,
        Version::HTTP_11,
        with_body("POST", path, headers, body.to_owned()),
    )
    .await;
    let status = response.status().as_u16();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("a whole body")
        .to_bytes();
    (status, String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn a_native_tool_is_called_without_mcp() {
    let stage = Stage::open();
    let (status, body) = stage.call("step").await;
    assert_eq!(
        (status, &body["data"]["structuredContent"]),
        (200, &json!({"done": true})),
        "{body}"
    );
    let (status, body) = stage.call("fail").await;
    assert_eq!(
        (status, &body["code"], &body["error"]),
        (200, &json!("EXECUTION_ERROR"), &json!("it did not work"))
    );
    let (status, body) = stage.call("dance").await;
    assert_eq!((status, &body["code"]), (400, &json!("INVALID_ARGUMENTS")));
    let call = r#"{"tool":"native__puppet","arguments":{"does":"step"}}"#;
    let (_, events) = stage
        .post("/call-tool", &[("accept", "text/event-stream")], call)
        .await;
    let progress = "event: progress\ndata: {\"progress\":1,\"total\":2,\"message\":\"half\"}\n\nevent: result\n";
    assert!(events.starts_with(progress), "{events}");
}

#[tokio::test]
async fn a_panic_ends_its_own_call() {
    let stage = Stage::open();
    let (status, body) = stage.call("panic").await;
    assert_eq!(
        (status, &body["code"], &body["error"]),
        (502, &json!("EXECUTION_ERROR"), &json!("the tool panicked"))
    );
    assert_eq!(stage.call("step").await.0, 200);
}

#[tokio::test]
async fn a_call_is_dropped_when_its_caller_goes() {
    let stage = Stage::open();
    let waiting = tokio::time::timeout(std::time::Duration::from_millis(200), stage.call("wait"));
    assert!(waiting.await.is_err(), "it waits");
    until("the drop", async || stage.dropped.load(Ordering::Acquire)).await;
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn clients_of_the_current_revision_call_it_over_mcp() {
    let stage = Stage::open();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let headers = |name| {
        [
            JSON,
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", name),
        ]
    };
    for (path, name) in [
        ("/mcp", "native__puppet"),
        ("/servers/native/mcp", "puppet"),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{{"does":"step"}},{meta}}}}}"#
        );
        let (status, text) = stage.post(path, &headers(name), &body).await;
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (status, &answer["result"]["structuredContent"]),
            (200, &json!({"done": true})),
            "{answer}"
        );
        assert_eq!(answer["result"]["resultType"], "complete");
    }
}

#[tokio::test]
async fn clients_with_a_session_call_it_over_mcp() {
    let stage = Stage::open();
    let open = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
    let stream = TcpStream::connect(&stage.address)
        .await
        .expect("it listens");
    let response = send_on(
        stream,
        Version::HTTP_11,
        with_body("POST", "/mcp", &[JSON], open),
    )
    .await;
    let session = response.headers()["mcp-session-id"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    let headers = [
        JSON,
        ("mcp-session-id", session.as_str()),
        ("accept", "application/json"),
    ];
    for (does, part) in [
        ("step", r#""structuredContent":{"done":true}"#),
        ("dance", r#""isError":true"#),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"native__puppet","arguments":{{"does":"{does}"}}}}}}"#
        );
        let (_, text) = stage.post("/mcp", &headers, &body).await;
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_name_that_a_server_has_is_refused() {
    let (config, _) = origin_config::load(findings::Document::parse(
        "[[servers]]\nname = \"native\"\ncommand = [\"true\"]\n",
        "o.toml",
        &mut findings::Report::new(),
    ));
    let dropped = Arc::default();
    let origin = Origin::new(config.expect("sound"), Vec::new()).tool(Puppet { dropped });
    let error = origin.bind().expect_err("the name is taken").to_string();
    assert!(error.contains("`native`"), "{error}");
}

#[tokio::test]
async fn the_example_runs() {
    let program = Path::new(env!("CARGO_BIN_EXE_origin"))
        .with_file_name("examples")
        .join("native");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("origin.toml");
    tokio::fs::write(
        &file,
        "bind = [\"127.0.0.1:0\"]\nallowed_hosts = [\"origin.test\"]\n",
    )
    .await
    .expect("a file");
    let mut child = tokio::process::Command::new(program)
        .arg(&file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("cargo builds the examples with the tests");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let address = loop {
        let line = lines.next_line().await.expect("a log").expect("it listens");
        let line: Value = serde_json::from_str(&line).expect("JSON");
        if line["message"] == "listening" {
            break line["address"].as_str().expect("an address").to_owned();
        }
    };
    let body = r#"{"tool":"native__count_words","arguments":{"text":"one two"}}"#;
    let (status, text) = post(&address, "/call-tool", &[], body).await;
    assert!(
        status == 200 && text.contains(r#""structuredContent":{"characters":7,"words":2}"#),
        "{text}"
    );
}
