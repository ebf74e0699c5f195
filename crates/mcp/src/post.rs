//! The client's side of Streamable HTTP without I/O: which headers a message goes out with, and what kind of request it is.
//!
//! The headers are computed from the body that is sent: a server holds them against it (2026-07-28), and a gateway that renames
//! tools cannot pass on what its client wrote.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::dispatch::{PROTOCOL_VERSION, method};
use crate::headers::encode;
use crate::jsonrpc::{self, Id, Message, Response};
use crate::modern::named_by;
use crate::raw::{self, Object, quote};
use crate::schema::{HeaderParameter, header_parameters};
use crate::version::{Era, Revision};

/// What one connection to a server remembers for the headers of its requests.
#[derive(Debug, Default)]
pub struct Posts {
    /// The revision that a handshake agreed on.
    agreed: Option<String>,
    /// The tools with arguments that stand in headers too.
    tools: HashMap<String, Vec<HeaderParameter>>,
    /// The requests whose answers are looked into.
    asked: HashMap<Id, Purpose>,
}

/// A message on its way out.
#[derive(Debug, PartialEq, Eq)]
pub struct Post {
    /// What it is.
    pub sort: Sort,
    /// The headers of MCP that it needs, beside the session's.
    pub headers: Vec<(Cow<'static, str>, String)>,
}

/// What a message is to HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sort {
    /// It has an answer.
    Request {
        /// Its id.
        id: Id,
        /// What it is for.
        purpose: Purpose,
        /// Which revision it is of: one of 2026-07-28 has no session.
        era: Era,
    },
    /// Nobody waits for that request any more.
    Cancel(Id),
    /// The handshake is done; the server must have this before anything else.
    Open,
    /// Any other that has no answer.
    Notice,
}

/// What a request is for, as far as HTTP has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It opens a session.
    Handshake,
    /// It asks what the server is. A server of an older revision may refuse it in any way.
    Discovery,
    /// It reads, and may be sent again when it is not known whether it arrived.
    Reading,
    /// It may do something.
    Call,
}

impl Posts {
    /// Takes a message on its way out.
    pub fn outgoing(&mut self, message: &str) -> Post {
        let (sort, headers) = match jsonrpc::read(message) {
            Ok(Message::Request(request)) => {
                let params = request.params.and_then(Object::read);
                let claimed = params.as_ref().and_then(version_of);
                let purpose = purpose(&request.method);
                if purpose != Purpose::Call {
                    self.asked.insert(request.id.clone(), purpose);
                }
                let headers = match (&claimed, purpose) {
                    (Some(version), _) => self.modern(version, &request.method, params.as_ref()),
                    (None, Purpose::Handshake) => Vec::new(),
                    (None, _) => self.legacy(),
                };
                let era = if claimed.is_some() {
                    Era::Modern
                } else {
                    Era::Legacy
                };
                let id = request.id;
                (Sort::Request { id, purpose, era }, headers)
            }
            Ok(Message::Notification(notice)) => {
                let sort = match notice.method.as_ref() {
                    method::INITIALIZED => Sort::Open,
                    method::CANCELLED => {
                        cancelled(notice.params).map_or(Sort::Notice, Sort::Cancel)
                    }
                    _ => Sort::Notice,
                };
                (sort, self.legacy())
            }
            Ok(Message::Response(_)) | Err(_) => (Sort::Notice, self.legacy()),
        };
        Post { sort, headers }
    }

    /// The headers of a request without a body in a session.
    pub fn legacy(&self) -> Vec<(Cow<'static, str>, String)> {
        let version = self.agreed.iter();
        version
            .map(|version| (Cow::Borrowed("mcp-protocol-version"), version.clone()))
            .collect()
    }

    fn modern(
        &self,
        version: &str,
        called: &str,
        params: Option<&Object<'_>>,
    ) -> Vec<(Cow<'static, str>, String)> {
        let mut headers = vec![
            (Cow::Borrowed("mcp-protocol-version"), version.to_owned()),
            (Cow::Borrowed("mcp-method"), encode(called)),
        ];
        let member = |key: &str| params.and_then(|params| params.find(key));
        let name = named_by(called).and_then(|key| member(key)?.text());
        if let Some(name) = &name {
            headers.push((Cow::Borrowed("mcp-name"), encode(name)));
        }
        let wanted = name
            .filter(|_| called == method::TOOLS_CALL)
            .and_then(|name| self.tools.get(name.as_ref()));
        let arguments = member("arguments").map_or("{}", |member| member.value);
        for parameter in wanted.into_iter().flatten() {
            let value = parameter.value(arguments).filter(|value| *value != "null");
            if let Some(value) = value {
                let text = raw::unquote(value).unwrap_or(Cow::Borrowed(value));
                let name = format!("mcp-param-{}", parameter.header.to_ascii_lowercase());
                headers.push((Cow::Owned(name), encode(&text)));
            }
        }
        headers
    }

    /// Takes a message of the server: some say what later headers need.
    pub fn incoming(&mut self, message: &str) {
        if self.asked.is_empty() {
            return;
        }
        let Ok(Message::Response(Response {
            id: Some(id),
            outcome,
        })) = jsonrpc::read(message)
        else {
            return;
        };
        let Some(purpose) = self.asked.remove(&id) else {
            return;
        };
        let Some(result) = outcome.ok().and_then(Object::read) else {
            return;
        };
        if purpose == Purpose::Handshake {
            let version = result.find("protocolVersion").and_then(raw_text);
            // The header came with 2025-06-18; a server of an older one may refuse what it does not know.
            self.agreed = version.filter(|version| {
                Revision::parse(version).is_some_and(|known| known >= Revision::V2025_06_18)
            });
        }
        if let Some(tools) = result
            .find("tools")
            .and_then(|tools| raw::elements(tools.value))
        {
            self.learn(&tools);
        }
    }

    fn learn(&mut self, tools: &[&str]) {
        for tool in tools.iter().copied().filter_map(Object::read) {
            let Some(name) = tool.find("name").and_then(raw_text) else {
                continue;
            };
            let schema = tool.find("inputSchema").map_or("", |schema| schema.value);
            let found = header_parameters(schema);
            if found.is_empty() {
                self.tools.remove(&name);
            } else {
                self.tools.insert(name, found);
            }
        }
    }

    /// A question that any server answers at once, to hear whether a session lives. Its answer means nothing beside.
    pub fn ping() -> String {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":\"alive\",\"method\":\"{}\"}}",
            method::PING
        )
    }
}

/// Whether a message is the answer to a request.
pub fn answers(message: &str, id: &Id) -> bool {
    matches!(jsonrpc::read(message), Ok(Message::Response(response)) if response.id.as_ref() == Some(id))
}

/// The messages of a body: one, or those of a batch (2025-03-26).
pub fn messages(body: &str) -> Vec<&str> {
    let body = body.trim();
    match body.starts_with('[').then(|| raw::elements(body)).flatten() {
        Some(batch) => batch,
        None => vec![body],
    }
}

/// The error that a server put into the body of a refused request, as the answer to that request: servers leave its id out, or
/// write one of their own. `None` when the body holds no such error.
pub fn refusal(id: &Id, body: &str) -> Option<String> {
    let object = Object::read(body.trim())?;
    let error = Object::read(object.find("error")?.value)?;
    let code = error.find("code")?.value;
    code.parse::<i64>().ok()?;
    let message = error.find("message").and_then(raw_text).unwrap_or_default();
    let data = error
        .find("data")
        .map(|data| format!(",\"data\":{}", data.value));
    Some(format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":{}{}}}}}",
        quote(&message),
        data.unwrap_or_default()
    ))
}

fn purpose(called: &str) -> Purpose {
    match called {
        method::INITIALIZE => Purpose::Handshake,
        method::DISCOVER => Purpose::Discovery,
        method::PING => Purpose::Reading,
        other if method::list(other).is_some() => Purpose::Reading,
        _ => Purpose::Call,
    }
}

/// The revision that a request says it is of.
fn version_of(params: &Object<'_>) -> Option<String> {
    let meta = Object::read(params.find("_meta")?.value)?;
    meta.find(PROTOCOL_VERSION).and_then(raw_text)
}

fn cancelled(params: Option<&str>) -> Option<Id> {
    Id::read(Object::read(params?)?.find("requestId")?.value)
}

fn raw_text(member: &raw::Member<'_>) -> Option<String> {
    member.text().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(posts: &mut Posts, message: &str) -> Vec<String> {
        let post = posts.outgoing(message);
        let lines = post.headers.iter();
        lines
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    fn modern_call(params: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}},{params}}}}}"#
        )
    }

    #[test]
    fn a_session_names_the_agreed_revision_after_its_handshake() {
        let mut posts = Posts::default();
        let opens = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
        assert_eq!(headers(&mut posts, opens), [""; 0]);
        posts.incoming(r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-06-18"}}"#);
        let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert_eq!(posts.outgoing(told).sort, Sort::Open);
        let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}"#;
        assert_eq!(
            headers(&mut posts, list),
            ["mcp-protocol-version: 2025-06-18"]
        );
    }

    #[test]
    fn a_revision_without_the_header_is_not_named() {
        let mut posts = Posts::default();
        posts.outgoing(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#);
        posts.incoming(r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26"}}"#);
        assert!(posts.legacy().is_empty());
    }

    #[test]
    fn a_request_without_a_session_repeats_its_body_in_headers() {
        let mut posts = Posts::default();
        let call = modern_call(r#""name":"wörld","arguments":{}"#);
        assert_eq!(
            headers(&mut posts, &call),
            [
                "mcp-protocol-version: 2026-07-28",
                "mcp-method: tools/call",
                "mcp-name: =?base64?d8O2cmxk?="
            ]
        );
    }

    #[test]
    fn arguments_that_a_listed_schema_marks_stand_in_headers_too() {
        let mut posts = Posts::default();
        posts.outgoing(r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{}}"#);
        posts.incoming(
            r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"t","inputSchema":{"properties":{"r":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"}}}}]}}"#,
        );
        let call = modern_call(r#""name":"t","arguments":{"r":" a","n":null}"#);
        let sent = headers(&mut posts, &call);
        assert_eq!(sent[3..], ["mcp-param-region: =?base64?IGE=?="]);
        let call = modern_call(r#""name":"t","arguments":{"n":42}"#);
        assert_eq!(headers(&mut posts, &call)[3..], ["mcp-param-n: 42"]);
    }

    #[test]
    fn only_what_reads_may_be_sent_twice() {
        let mut posts = Posts::default();
        let mut purpose_of = |called: &str| {
            let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{called}"}}"#);
            match posts.outgoing(&message).sort {
                Sort::Request { purpose, .. } => purpose,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(purpose_of("resources/templates/list"), Purpose::Reading);
        assert_eq!(purpose_of("initialize"), Purpose::Handshake);
        assert_eq!(purpose_of("tools/call"), Purpose::Call);
        assert_eq!(purpose_of("resources/read"), Purpose::Call);
    }

    #[test]
    fn a_cancellation_names_its_request() {
        let text = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":9,"reason":"x"}}"#;
        let Sort::Cancel(id) = Posts::default().outgoing(text).sort else {
            panic!("not a cancellation")
        };
        assert_eq!(id.as_json(), "9");
    }

    #[test]
    fn an_error_without_an_id_becomes_the_answer_to_its_request() {
        let id = Id::of(4);
        let body = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Server not initialized"},"id":null}"#;
        let answer = refusal(&id, body).expect("an error");
        assert!(answers(&answer, &id), "{answer}");
        for other in [
            "",
            "<html>",
            r#"{"error":"no"}"#,
            r#"{"error":{"code":"x"}}"#,
            "[]",
        ] {
            assert_eq!(refusal(&id, other), None, "{other}");
        }
    }

    #[test]
    fn a_batch_is_taken_apart() {
        assert_eq!(messages(" [{\"a\":1},{}] "), ["{\"a\":1}", "{}"]);
        assert_eq!(messages("{}\n"), ["{}"]);
        assert_eq!(messages("[broken"), ["[broken"]);
    }
}
