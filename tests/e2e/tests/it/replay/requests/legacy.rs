//! 2025-11-25: a session from `initialize` to DELETE, with its standing stream and an answer that is asked for again.

use http::{HeaderMap, Method};
use probe::Ask;
use probe::mcp::{LEGACY, initialize, legacy};
use serde_json::{Value, json};

use super::{object, with, without};
use crate::replay::transcript::Script;

/// What each is answered with.
pub(crate) const STATUSES: &[(&str, u16)] = &[
    ("initialize", 200),
    ("initialized", 202),
    ("ping", 200),
    ("tools", 200),
    ("call", 200),
    ("call with progress", 200),
    ("log level", 200),
    ("subscribe", 200),
    ("standing stream", 200),
    ("resumed", 200),
    ("tool that is not there", 200),
    ("without a session", 400),
    ("with a session that never was", 404),
    ("delete", 204),
    ("after delete", 404),
    ("delete again", 404),
];

pub(crate) async fn play(script: &mut Script) {
    let headers = script
        .ask("initialize", initialize("/mcp", 1, LEGACY))
        .await;
    let session = Session::of(&headers);
    script
        .ask("initialized", session.notify("notifications/initialized"))
        .await;
    script.ask("ping", session.ask("ping", json!({}))).await;
    script
        .ask("tools", session.ask("tools/list", json!({})))
        .await;
    script.ask("call", session.call("test_simple_text")).await;
    let progress = json!({
        "name": "test_tool_with_progress",
        "arguments": {},
        "_meta": {"progressToken": "p"},
    });
    let progress = with(session.ask("tools/call", progress), "accept", BOTH);
    script.ask("call with progress", progress).await;
    let level = session.ask("logging/setLevel", json!({"level": "error"}));
    script.ask("log level", level).await;
    let watched = json!({"uri": "test://watched-resource"});
    script
        .ask("subscribe", session.ask("resources/subscribe", watched))
        .await;
    script.open("standing stream", session.get(), 1).await;
    let first = script.first_event_of("call with progress");
    let again = with(session.get(), "last-event-id", &first);
    script.ask("resumed", again).await;
    script
        .ask("tool that is not there", session.call("no_such_tool"))
        .await;
    let alone = without(session.ask("tools/list", json!({})), "mcp-session-id");
    script.ask("without a session", alone).await;
    let forged = "0".repeat(session.0.len());
    let forged = with(session.ask("ping", json!({})), "mcp-session-id", &forged);
    script.ask("with a session that never was", forged).await;
    script.ask("delete", session.delete()).await;
    script
        .ask("after delete", session.ask("ping", json!({})))
        .await;
    script.ask("delete again", session.delete()).await;
}

const BOTH: &str = "application/json, text/event-stream";

/// The id of a session.
struct Session(String);

impl Session {
    fn of(headers: &HeaderMap) -> Self {
        let value = headers.get("mcp-session-id").expect("a session");
        Self(value.to_str().expect("visible ASCII").to_owned())
    }

    /// A request to which JSON alone is accepted: which of the two comes may not hang on how busy the machine is.
    fn ask(&self, method: &str, params: Value) -> Ask {
        let ask = legacy("/mcp", LEGACY, Some(7), method, Some(object(params)));
        with(self.belongs(ask), "accept", "application/json")
    }

    fn call(&self, tool: &str) -> Ask {
        self.ask("tools/call", json!({"name": tool, "arguments": {}}))
    }

    fn notify(&self, method: &str) -> Ask {
        self.belongs(legacy("/mcp", LEGACY, None, method, None))
    }

    fn get(&self) -> Ask {
        let ask = with(Ask::get("/mcp"), "accept", "text/event-stream");
        self.belongs(with(ask, "mcp-protocol-version", LEGACY))
    }

    fn delete(&self) -> Ask {
        let mut ask = with(Ask::get("/mcp"), "mcp-protocol-version", LEGACY);
        ask.method = Method::DELETE;
        self.belongs(ask)
    }

    fn belongs(&self, ask: Ask) -> Ask {
        with(ask, "mcp-session-id", &self.0)
    }
}
