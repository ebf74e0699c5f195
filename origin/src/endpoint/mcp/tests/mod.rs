//! The endpoint over a running server, without a socket.

mod calls;
mod life;
mod modern;
mod rounds;
mod streams;

use std::path::PathBuf;

use bytes::Bytes;
use findings::Document;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::BodyExt;
use origin_config::{OriginConfig, ProcessMode, Server};
use serde_json::{Value, json};

use super::*;
use crate::clock::Clock;

/// An origin whose one server, `hostile`, runs `server.py` in one of its modes.
fn app(mode: &str) -> Arc<App> {
    app_with(mode, |_| {})
}

fn app_with(mode: &str, change: impl FnOnce(&mut OriginConfig)) -> Arc<App> {
    let (config, _) = origin_config::load(Document::empty());
    let mut config = config.expect("the defaults are sound");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/upstream/tests/server.py");
    config.servers = vec![Server {
        name: "hostile".into(),
        command: ["python3", script, mode].map(Into::into).into(),
        remote: None,
        socket: None,
        working_directory: Some(PathBuf::from("/")),
        environment: std::collections::BTreeMap::new(),
        environment_pass: Vec::new(),
        start_timeout: Duration::from_secs(20),
        call_timeout: Duration::from_millis(900),
        process: ProcessMode::Shared,
        launch: origin_config::Launch::default(),
        filter: origin_config::Filter::default(),
        max_processes: 8,
    }];
    change(&mut config);
    App::start(config, std::env::vars_os().collect(), Clock::system())
}

/// Each session has a process of its own, which is started within its first call.
fn private(config: &mut OriginConfig) {
    config.servers[0].process = ProcessMode::PerSession;
    config.servers[0].call_timeout = PATIENCE;
}

/// No answer waits to be JSON.
fn hasty(config: &mut OriginConfig) {
    config.sessions.answer_wait = Duration::from_millis(20);
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(body::full(body.to_owned()))
        .expect("a request")
}

fn post(path: &str, body: &str) -> Request<Body> {
    request(Method::POST, path, &[JSON], body)
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn sent(app: &Arc<App>, request: Request<Body>) -> Response<Body> {
    serve(Arc::clone(app), request).await
}

/// The head and the answer, whether it came as JSON or as the last message of a stream.
async fn answer(app: &Arc<App>, request: Request<Body>) -> (Response<()>, Value) {
    let (head, body) = sent(app, request).await.into_parts();
    let bytes = body.collect().await.expect("a body from memory").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let data = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("data: {"));
    let json = data.map_or(text.clone(), |data| format!("{{{data}"));
    (
        Response::from_parts(head, ()),
        serde_json::from_str(&json).unwrap_or_default(),
    )
}

/// A client with a session.
struct Client {
    app: Arc<App>,
    path: &'static str,
    session: String,
}

impl Client {
    async fn open(app: &Arc<App>, path: &'static str) -> Self {
        Self::with(app, path, "2025-11-25").await
    }

    async fn with(app: &Arc<App>, path: &'static str, revision: &str) -> Self {
        Self::able(app, path, (revision, "{}")).await
    }

    async fn able(
        app: &Arc<App>,
        path: &'static str,
        (revision, capabilities): (&str, &str),
    ) -> Self {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{{"name":"c","version":"1"}}}}}}"#
        );
        let (head, body) = answer(app, post(path, &body)).await;
        assert_eq!(body["result"]["protocolVersion"], revision, "{body}");
        let session = head.headers()["mcp-session-id"].to_str().expect("ASCII");
        Self {
            app: Arc::clone(app),
            path,
            session: session.to_owned(),
        }
    }

    fn request(&self, method: Method, headers: &[(&str, &str)], body: &str) -> Request<Body> {
        let session = ("mcp-session-id", self.session.as_str());
        request(
            method,
            self.path,
            &[&[JSON, session], headers].concat(),
            body,
        )
    }

    async fn post(&self, body: &str) -> Response<Body> {
        sent(&self.app, self.request(Method::POST, &[], body)).await
    }

    /// The answer to a request.
    async fn ask(&self, body: &str) -> Value {
        answer(&self.app, self.request(Method::POST, &[], body))
            .await
            .1
    }

    async fn status(&self, method: Method, body: &str) -> StatusCode {
        sent(&self.app, self.request(method, &[], body))
            .await
            .status()
    }

    async fn get(&self, last: Option<&str>) -> Events {
        let last = last.map(|last| ("last-event-id", last));
        let headers: Vec<_> = last.into_iter().collect();
        let response = sent(&self.app, self.request(Method::GET, &headers, "")).await;
        assert_eq!(response.status(), StatusCode::OK);
        Events::of(response)
    }
}

/// The events of a stream.
struct Events {
    body: Body,
}

/// One event: its id, and its data where it has some.
#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    data: Value,
}

impl Events {
    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        Self {
            body: response.into_body(),
        }
    }

    /// The next event that is no comment; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let bytes: Bytes = frame.expect("an event in time")?.ok()?.into_data().ok()?;
            let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            if !text.starts_with(':') {
                let data = serde_json::from_str(&field("data:")).unwrap_or_default();
                let id = field("id:");
                return Some(Event { id, data });
            }
        }
    }

    /// The next message.
    async fn message(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("a message");
            if !event.data.is_null() {
                return event.data;
            }
        }
    }
}

fn call(tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{{"name":"{tool}","arguments":[1.0]}}}}"#
    )
}

/// Far above what anything here takes: it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

const ONE: &str = "/servers/hostile/mcp";
