//! What was answered, less what may differ between two equal runs.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue};
use probe::sse::{Item, Reader};
use probe::{Ask, Head, Target, Version};
use serde_json::{Value, json};

/// An answer, made comparable.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// The name of the request.
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    /// The messages of the body: one of JSON, or one for each event.
    pub(crate) messages: Vec<Value>,
}

/// A run of requests over one version.
#[derive(Debug)]
pub(crate) struct Script {
    target: Target,
    version: Version,
    lines: Vec<Line>,
}

impl Script {
    pub(crate) fn new(target: Target, version: Version) -> Self {
        Self {
            target,
            version,
            lines: Vec::new(),
        }
    }

    pub(crate) fn lines(self) -> Vec<Line> {
        self.lines
    }

    /// Asks on a connection of its own and writes the answer down; gives the headers that later requests need.
    pub(crate) async fn ask(&mut self, name: &'static str, ask: Ask) -> HeaderMap {
        // boxed: the client of three versions is large, and every request of a script has one
        let answer = Box::pin(probe::fetch(&self.target, self.version, ask)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        self.write(name, &answer.head, &answer.body);
        answer.head.headers
    }

    /// The id of the event that came first in the answer to a request.
    pub(crate) fn first_event_of(&self, name: &str) -> String {
        let line = self.lines.iter().find(|line| line.name == name);
        let first = line.and_then(|line| line.messages.first());
        let id = first.and_then(|message| message["id"].as_str());
        id.expect("its events have ids").to_owned()
    }

    /// Opens a stream and reads its first events, then leaves it.
    pub(crate) async fn open(&mut self, name: &'static str, ask: Ask, events: usize) {
        let opened = Box::pin(probe::open(&self.target, self.version, ask)).await;
        let mut stream = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut body = Vec::new();
        while read_events(&body).len() < events {
            let chunk = stream.chunk().await;
            let chunk = chunk.unwrap_or_else(|error| panic!("{name}: {error}"));
            let (_, chunk) = chunk.unwrap_or_else(|| panic!("{name}: it ended"));
            body.extend_from_slice(&chunk);
        }
        let head = stream.head().clone();
        stream.reset().await;
        self.write(name, &head, &body);
    }

    fn write(&mut self, name: &'static str, head: &Head, body: &[u8]) {
        let is_stream = head
            .header("content-type")
            .is_some_and(|value| value.starts_with("text/event-stream"));
        let messages = match body {
            [] => Vec::new(),
            body if is_stream => read_events(body),
            body => {
                // a page of NGINX is compared as it is
                let text = String::from_utf8_lossy(body).into_owned();
                vec![serde_json::from_str(&text).map_or(Value::String(text), masked)]
            }
        };
        self.lines.push(Line {
            name,
            status: head.status.as_u16(),
            headers: headers(&head.headers),
            messages,
        });
    }
}

/// Each event with what it says beside its message; comments come when they like and are left out.
fn read_events(body: &[u8]) -> Vec<Value> {
    let items = Reader::new(probe::MAX_BODY)
        .feed(body)
        .expect("a short stream");
    let events = items.into_iter().filter_map(|item| match item {
        Item::Event(event) => Some(event),
        Item::Comment(_) => None,
    });
    let message = |event: probe::sse::Event| {
        let data = serde_json::from_str(&event.data).unwrap_or(Value::String(event.data));
        let retry = event.retry.map(|retry| retry.as_millis());
        match (event.event, event.id, retry) {
            (None, None, None) => masked(data),
            (event, id, retry) => json!({
                "event": event,
                "id": id,
                "retry": retry.map(|retry| retry.to_string()),
                "data": masked(data),
            }),
        }
    };
    events.map(message).collect()
}

/// Every header but those of one connection or one instant; of those that name this very answer, that they are there.
fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    const OF_THE_CONNECTION: [&str; 7] = [
        // whoever has come by HTTP/3 needs no word of it
        "alt-svc",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "transfer-encoding",
    ];
    const OF_THE_ANSWER: [&str; 2] = ["mcp-session-id", "x-request-id"];
    let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let visible = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    for (name, value) in headers {
        if OF_THE_CONNECTION.contains(&name.as_str()) {
            continue;
        }
        let value = if OF_THE_ANSWER.contains(&name.as_str()) {
            "it is there".to_owned()
        } else {
            visible(value)
        };
        kept.entry(name.as_str().to_owned())
            .or_default()
            .push(value);
    }
    kept
}

/// A message in which what is new each time has its name's place alone.
fn masked(mut message: Value) -> Value {
    const NEW_EACH_TIME: [&str; 8] = [
        "createdAt",
        "execution_time_ms",
        "lastUpdatedAt",
        "request_id",
        "requestState",
        "session",
        "taskId",
        "timestamp",
    ];
    match &mut message {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let inner = value.take();
                *value = if NEW_EACH_TIME.contains(&name.as_str()) {
                    json!("new each time")
                } else {
                    masked(inner)
                };
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                *item = masked(item.take());
            }
        }
        _ => {}
    }
    message
}
