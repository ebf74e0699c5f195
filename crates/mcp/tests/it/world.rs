//! An endpoint with one server, `s`, and the clients that post to it.

use std::time::Duration;

use mcp::catalog::Source;
use mcp::headers::{Field, Headers};
use mcp::seal::Moment;
use mcp::{
    Capabilities, Catalog, Decision, Era, Inbound, Kind, Naming, Offers, Seal, Service, decide,
};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) service: Service,
    pub(crate) seal: Seal,
    pub(crate) principal: &'static str,
    pub(crate) now: Duration,
}

pub(crate) fn service() -> Service {
    Service {
        name: "origin".into(),
        version: "0.1.0".into(),
        keyed: false,
    }
}

const CAPABILITIES: &str =
    r#"{"tools":{},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}}"#;

/// What `s` offers: the tool `t`, the prompt `p`, the resource `u:1`, and what a template makes.
pub(crate) fn offers() -> Offers {
    let list = |text: &str| vec![text.into()];
    let tool = r#"{"name":"t","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"Region"}}}}"#;
    let mut offers = Offers::default()
        .with(Kind::Tools, list(tool))
        .with(Kind::Prompts, list(r#"{"name":"p"}"#))
        .with(Kind::Resources, list(r#"{"uri":"u:1"}"#))
        .with(Kind::Templates, list(r#"{"uriTemplate":"v:{x}"}"#));
    offers.capabilities = Capabilities::read(CAPABILITIES);
    offers
}

impl World {
    /// The claim of a request of 2026-07-28 for its `_meta`.
    pub(crate) const CLAIM: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;

    /// The server speaks the older revisions only, and another one, `gone`, is not there.
    pub(crate) fn new() -> Self {
        Self::of(&offers())
    }

    /// The server speaks 2026-07-28, and knows tasks.
    pub(crate) fn modern() -> Self {
        let mut offers = offers();
        offers.era = Era::Modern;
        let tasks = r#","extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        let capabilities = CAPABILITIES.replace("\"logging\":{}}", "\"logging\":{}") + tasks;
        offers.capabilities = Capabilities::read(&capabilities);
        Self::of(&offers)
    }

    fn of(offers: &Offers) -> Self {
        let gone = Offers::default();
        let source = |server, offers| Source {
            server,
            offers,
            private: true,
        };
        let sources = [source("s", offers), source("gone", &gone)];
        Self {
            catalog: Catalog::build(Naming::Prefixed, &sources),
            service: service(),
            seal: Seal::new([7; 32]),
            principal: "",
            now: NOW,
        }
    }

    /// Posts a body with these headers.
    pub(crate) fn send(&self, headers: Headers<'_>, body: &[u8]) -> Decision {
        decide(&Inbound {
            headers: Headers {
                content_type: Field::One("application/json"),
                ..headers
            },
            body,
            catalog: &self.catalog,
            service: &self.service,
            seal: &self.seal,
            now: self.now,
            principal: self.principal,
        })
    }

    /// Posts a body as clients of 2025-11-25 do.
    pub(crate) fn post(&self, body: &str) -> Decision {
        let headers = Headers {
            protocol_version: Field::One("2025-11-25"),
            ..Headers::default()
        };
        self.send(headers, body.as_bytes())
    }

    /// Asks as clients of 2026-07-28 do, with the headers that they send; an empty name is none.
    pub(crate) fn ask(&self, method: &str, name: &str, params: &str) -> Decision {
        self.ask_with(method, name, params, &[])
    }

    /// The same with `Mcp-Param-*`.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        name: &str,
        params: &str,
        parameters: &[(&str, Field<'_>)],
    ) -> Decision {
        let body = format!(r#"{{"jsonrpc":"2.0","id":"q","method":"{method}","params":{params}}}"#);
        let headers = Headers {
            protocol_version: Field::One("2026-07-28"),
            method: Field::One(method),
            name: if name.is_empty() {
                Field::Absent
            } else {
                Field::One(name)
            },
            parameters,
            ..Headers::default()
        };
        self.send(headers, body.as_bytes())
    }
}

/// Status and body of an answer that needs no server.
pub(crate) fn answered(decision: Decision) -> (u16, Value) {
    let Decision::Respond(answer) = decision else {
        panic!("{decision:?}")
    };
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// Status, error code and id of a refusal.
pub(crate) fn refusal(decision: Decision) -> (u16, i64, Value) {
    let (status, body) = answered(decision);
    let code = body["error"]["code"].as_i64().expect("an error");
    (status, code, body["id"].clone())
}

pub(crate) fn sealing(seal: &Seal) -> (&Seal, Moment) {
    let nonce = [1; 12];
    (seal, Moment { now: NOW, nonce })
}

pub(crate) const NOW: Duration = Duration::from_secs(1_000_000);
