//! Requests of the Model Context Protocol, and finding the JSON-RPC answer in what came back. What the answer is worth
//! is for the caller to say.

use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use crate::{Answer, Ask, Head, sse};

/// The stateless revision, whose every request carries its version and capabilities in `_meta`.
pub const MODERN: &str = "2026-07-28";
/// The newest revision that begins with `initialize`.
pub const LEGACY: &str = "2025-11-25";

/// `server/discover` of the modern revision.
pub fn discover(path: &str, id: u64) -> Ask {
    modern(path, id, "server/discover", Map::new())
}

/// `tools/list` of the modern revision, from a cursor or from the start.
pub fn tools_list(path: &str, id: u64, cursor: Option<&str>) -> Ask {
    let params = cursor.map(|cursor| ("cursor".to_owned(), json!(cursor)));
    modern(path, id, "tools/list", params.into_iter().collect())
}

/// `tools/call` of the modern revision. No `Mcp-Param-*` is sent: a tool whose schema has `x-mcp-header` needs them
/// added by the caller.
pub fn tools_call(path: &str, id: u64, tool: &str, arguments: Map<String, Value>) -> Ask {
    let mut params = Map::new();
    params.insert("name".to_owned(), json!(tool));
    params.insert("arguments".to_owned(), Value::Object(arguments));
    modern(path, id, "tools/call", params)
}

/// Any request of the modern revision: `_meta` is added to the parameters; `MCP-Protocol-Version`, `Mcp-Method` and,
/// where the method names a thing, `Mcp-Name` say the same in the head.
pub fn modern(path: &str, id: u64, method: &str, mut params: Map<String, Value>) -> Ask {
    let named = match method {
        "tools/call" | "prompts/get" => params.get("name"),
        "resources/read" => params.get("uri"),
        _ => None,
    };
    let named = named.and_then(Value::as_str).map(header_value);
    params.insert(
        "_meta".to_owned(),
        json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": client_info(),
        }),
    );
    let mut ask = request(path, MODERN, &message(Some(id), method, Some(params)));
    if let Ok(method) = HeaderValue::from_str(method) {
        ask.headers.insert("mcp-method", method);
    }
    if let Some(named) = named {
        ask.headers.insert("mcp-name", named);
    }
    ask
}

/// `initialize` of a legacy revision ([`LEGACY`] or an older one); it carries no version in its head.
pub fn initialize(path: &str, id: u64, revision: &str) -> Ask {
    let mut params = Map::new();
    params.insert("protocolVersion".to_owned(), json!(revision));
    params.insert("capabilities".to_owned(), json!({}));
    params.insert("clientInfo".to_owned(), client_info());
    let mut ask = request(path, "", &message(Some(id), "initialize", Some(params)));
    ask.headers.remove("mcp-protocol-version");
    ask
}

/// What a legacy client says after `initialize` and before any other request; it is answered with 202 and no body.
pub fn initialized(path: &str, revision: &str) -> Ask {
    legacy(path, revision, None, "notifications/initialized", None)
}

/// Any later message of a legacy revision; without an id it is a notification. A session's `Mcp-Session-Id` is for the
/// caller to add.
pub fn legacy(
    path: &str,
    revision: &str,
    id: Option<u64>,
    method: &str,
    params: Option<Map<String, Value>>,
) -> Ask {
    request(path, revision, &message(id, method, params))
}

fn message(id: Option<u64>, method: &str, params: Option<Map<String, Value>>) -> Value {
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), json!("2.0"));
    message.extend(id.map(|id| ("id".to_owned(), json!(id))));
    message.insert("method".to_owned(), json!(method));
    message.extend(params.map(|params| ("params".to_owned(), Value::Object(params))));
    Value::Object(message)
}

fn request(path: &str, revision: &str, message: &Value) -> Ask {
    let mut ask = Ask::post(path, message.to_string());
    ask.headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("application/json, text/event-stream"),
    );
    if let Ok(revision) = HeaderValue::from_str(revision) {
        ask.headers.insert("mcp-protocol-version", revision);
    }
    ask
}

fn client_info() -> Value {
    json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
}

/// A name as a header value: as it is where that is safe, else `=?base64?…?=` around the standard base64 of its UTF-8.
pub fn header_value(name: &str) -> HeaderValue {
    let safe = name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && name.trim() == name
        && !(name.starts_with("=?base64?") && name.ends_with("?="));
    let text = if safe {
        name.to_owned()
    } else {
        format!("=?base64?{}?=", base64(name.as_bytes()))
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | u32::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..4 {
            if at <= group.len() {
                text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Why a body holds no JSON-RPC answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The content type is neither of the two that MCP has.
    #[error("content type `{found}` is neither application/json nor text/event-stream")]
    ContentType {
        /// The type that was sent, or nothing.
        found: String,
    },
    /// The body is no JSON.
    #[error("the body is no JSON")]
    Json(#[source] serde_json::Error),
    /// The data of an event is no JSON.
    #[error("the data of event {place} is no JSON")]
    EventJson {
        /// Which event with data, from 1.
        place: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The stream is none that can be read.
    #[error("the event stream cannot be read")]
    Stream(#[source] sse::EventTooLong),
    /// There is no answer to this id.
    #[error("there is no answer to request {id} among {count} messages")]
    NoAnswer {
        /// The id that was asked with.
        id: u64,
        /// How many messages there were.
        count: usize,
    },
}

/// The JSON-RPC answer (with `result` or `error`) to request `id`, whatever the status: of a body of JSON, or among the
/// events of a stream.
///
/// Errors: [`ReadError`].
pub fn answer_to(answer: &Answer, id: u64) -> Result<Value, ReadError> {
    let messages = messages(&answer.head, &answer.body)?;
    let count = messages.len();
    messages
        .into_iter()
        .find(|message| {
            message["id"] == json!(id)
                && (message.get("result").is_some() || message.get("error").is_some())
        })
        .ok_or(ReadError::NoAnswer { id, count })
}

/// Every JSON-RPC message of a body, in order: one for `application/json`, each event with data for `text/event-stream`.
///
/// Errors: [`ReadError`], never [`ReadError::NoAnswer`].
pub fn messages(head: &Head, body: &[u8]) -> Result<Vec<Value>, ReadError> {
    let found = head.header("content-type").unwrap_or_default();
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        let message = serde_json::from_slice(body).map_err(ReadError::Json)?;
        return Ok(vec![message]);
    }
    if !essence.eq_ignore_ascii_case("text/event-stream") {
        return Err(ReadError::ContentType {
            found: found.to_owned(),
        });
    }
    let items = sse::Reader::new(crate::MAX_BODY)
        .feed(body)
        .map_err(ReadError::Stream)?;
    let events = items.into_iter().filter_map(|item| match item {
        sse::Item::Event(event) if !event.data.is_empty() => Some(event.data),
        _ => None,
    });
    (1..)
        .zip(events)
        .map(|(place, data)| {
            serde_json::from_str(&data).map_err(|source| ReadError::EventJson { place, source })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::Timing;

    fn answer(content_type: &'static str, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Answer {
            head: Head {
                version: http::Version::HTTP_11,
                status: StatusCode::OK,
                headers,
            },
            body: Bytes::from_static(body.as_bytes()),
            trailers: None,
            timing: Timing::default(),
            tls: None,
        }
    }

    fn body(ask: &Ask) -> Value {
        serde_json::from_slice(&ask.body).unwrap()
    }

    #[test]
    fn a_modern_call_says_the_same_in_head_and_body() {
        let ask = tools_call(
            "/mcp",
            3,
            "git__git_log",
            Map::from_iter([("n".to_owned(), json!(1))]),
        );
        let body = body(&ask);
        assert_eq!(
            ask.headers["mcp-protocol-version"],
            body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"]
                .as_str()
                .unwrap()
        );
        assert_eq!(ask.headers["mcp-method"], body["method"].as_str().unwrap());
        assert_eq!(
            ask.headers["mcp-name"],
            body["params"]["name"].as_str().unwrap()
        );
        assert_eq!(
            (&body["id"], &body["params"]["arguments"]),
            (&json!(3), &json!({"n": 1}))
        );
        assert_eq!(
            body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"],
            json!({})
        );
    }

    #[test]
    fn initialize_names_its_revision_in_the_body_alone() {
        let ask = initialize("/mcp", 1, "2025-06-18");
        assert_eq!(body(&ask)["params"]["protocolVersion"], "2025-06-18");
        assert!(
            !ask.headers.contains_key("mcp-protocol-version")
                && !ask.headers.contains_key("mcp-method")
        );
        assert_eq!(
            ask.headers[header::ACCEPT],
            "application/json, text/event-stream"
        );
    }

    #[test]
    fn a_notification_has_no_id() {
        let ask = initialized("/mcp", LEGACY);
        assert_eq!(
            body(&ask),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
        );
        assert_eq!(ask.headers["mcp-protocol-version"], LEGACY);
    }

    #[test]
    fn a_name_that_a_header_cannot_hold_is_base64() {
        for (name, value) in [
            ("git_log", "git_log"),
            ("größe", "=?base64?Z3LDtsOfZQ==?="),
            (" a", "=?base64?IGE=?="),
            ("abc\n", "=?base64?YWJjCg==?="),
            ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
        ] {
            assert_eq!(header_value(name), value, "{name:?}");
        }
    }

    #[test]
    fn the_answer_is_found_in_json_and_among_events() {
        let json = answer(
            "application/json; charset=utf-8",
            r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#,
        );
        assert_eq!(answer_to(&json, 1).unwrap()["result"], json!({"a": 1}));
        let events = answer(
            "text/event-stream",
            ":k\n\nid: 1\ndata:\n\ndata: {\"method\":\"notifications/progress\"}\n\ndata: {\"id\":1,\ndata: \"error\":{\"code\":-32601}}\n\n",
        );
        assert_eq!(answer_to(&events, 1).unwrap()["error"]["code"], -32601);
        assert!(matches!(
            answer_to(&events, 2),
            Err(ReadError::NoAnswer { id: 2, count: 2 })
        ));
    }

    #[test]
    fn a_request_of_the_server_with_our_id_is_no_answer() {
        let events = answer(
            "text/event-stream",
            "data: {\"id\":1,\"method\":\"ping\"}\n\n",
        );
        assert!(matches!(
            answer_to(&events, 1),
            Err(ReadError::NoAnswer { count: 1, .. })
        ));
    }

    #[test]
    fn a_body_of_another_kind_is_named() {
        let refused = answer_to(&answer("text/html", "<h1>502</h1>"), 1);
        assert!(matches!(refused, Err(ReadError::ContentType { found }) if found == "text/html"));
        assert!(matches!(
            answer_to(&answer("application/json", "<"), 1),
            Err(ReadError::Json(_))
        ));
        assert!(matches!(
            answer_to(&answer("text/event-stream", "data: <\n\n"), 1),
            Err(ReadError::EventJson { place: 1, .. })
        ));
    }
}
