//! The one shape of errors: the envelope, or on MCP routes a JSON-RPC error with the same facts.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Instant;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Value, json};

use crate::body::{self, Body};
use crate::clock::Clock;

/// How a route speaks of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{"success":false,"data":null,"error","code","request_id","timestamp","meta":{"execution_time_ms"}}`.
    Envelope,
    /// `{"jsonrpc":"2.0","error":{"code","message","data":{"code","request_id","timestamp"}}}`: MCP clients read nothing
    /// else. There is no id because these errors come before the body was read, and in MCP an id is never null.
    JsonRpc,
}

/// A code of the envelope with its HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 400: the request itself is malformed.
    BadRequest,
    /// 401: no API key, or one that opens nothing; `WWW-Authenticate` names the scheme.
    Unauthorized,
    /// 403: a web page asks that may not.
    Forbidden,
    /// 421: the request is for a host that is none of this origin's.
    MisdirectedRequest,
    /// 408: the request body stopped coming.
    RequestTimeout,
    /// 404: no route has this path.
    NotFound,
    /// 404: no server has a tool of this name.
    ToolNotFound,
    /// 405: the route is not served for this method; `Allow` names the methods.
    MethodNotAllowed,
    /// 413: the body is larger than `max_body_size`.
    PayloadTooLarge,
    /// 501: a WebSocket or a tunnel was asked for.
    NotImplemented,
    /// 406: `Accept` takes none of the media types that the route has.
    NotAcceptable,
    /// 400: a query, a header, or what a tool is called with has a value that cannot be used.
    InvalidArguments,
    /// 502: the server of a tool answered with an error. 200 where the tool itself says that it failed.
    ExecutionError,
    /// 429 with `Retry-After`: the client has had its share for now.
    RateLimited,
    /// 500: the origin itself failed.
    InternalError,
    /// 503 with `Retry-After`: not ready, or a server behind the origin is gone.
    ServiceUnavailable,
    /// 504: the route's timeout passed.
    Timeout,
}

impl Code {
    /// The word in the envelope.
    pub fn word(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::MisdirectedRequest => "MISDIRECTED_REQUEST",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::NotFound => "NOT_FOUND",
            Self::ToolNotFound => "TOOL_NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::InvalidArguments => "INVALID_ARGUMENTS",
            Self::ExecutionError => "EXECUTION_ERROR",
            Self::RateLimited => "RATE_LIMITED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotFound | Self::ToolNotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::BadRequest | Self::InvalidArguments => StatusCode::BAD_REQUEST,
            Self::ExecutionError => StatusCode::BAD_GATEWAY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The JSON-RPC code: -32603 (internal) and -32600 (invalid request) are JSON-RPC 2.0's own (section 5.1), -32001
    /// is what MCP SDKs use for a request that ran out of time.
    fn json_rpc(self) -> i32 {
        match self {
            Self::InternalError | Self::ServiceUnavailable => -32603,
            Self::Timeout => -32001,
            // A server's own error, as the edge has it for the same status.
            Self::RateLimited => -32000,
            _ => -32600,
        }
    }
}

/// An error answer that the origin makes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: Code,
    message: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
    status: StatusCode,
    of_call: Option<Box<OfCall>>,
}

/// What the failure of a call has beside its code, as raw JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfCall {
    /// What the tool answered.
    data: Option<Box<str>>,
    /// More members of `meta`, each after a comma.
    meta: String,
}

impl Failure {
    /// An error with this code and a message for the person who sees it.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            header: None,
            status: code.status(),
            of_call: None,
        }
    }

    /// A tool's own word that it failed: the call went well, so the HTTP status is 200.
    pub fn of_tool(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::OK,
            ..Self::new(Code::ExecutionError, message)
        }
    }

    /// The same error with what the tool answered, one JSON value.
    #[must_use]
    pub fn with_data(mut self, data: Box<str>) -> Self {
        self.of_call.get_or_insert_default().data = Some(data);
        self
    }

    /// The same error with one more member in `meta`: `json` is one JSON value.
    #[must_use]
    pub fn with_meta(mut self, key: &'static str, json: &str) -> Self {
        // Writing to a string does not fail.
        let _ = write!(
            self.of_call.get_or_insert_default().meta,
            ",\"{key}\":{json}"
        );
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What the person who sees it reads.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error, with the header that its status asks for: `Allow`, `WWW-Authenticate`, `Retry-After`.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The envelope of this error.
    pub fn envelope(&self, facts: Facts<'_>) -> String {
        let of_call = self.of_call.as_deref();
        facts.envelope(&Told {
            success: false,
            data: of_call.and_then(|of_call| of_call.data.as_deref()),
            failure: Some((self.code, &self.message)),
            meta: of_call.map_or("", |of_call| &of_call.meta),
        })
    }

    /// The whole response.
    pub fn into_response(self, shape: Shape, facts: Facts<'_>) -> Response<Body> {
        let mut response = match shape {
            Shape::Envelope => body::json_bytes(self.status, self.envelope(facts)),
            Shape::JsonRpc => body::json(
                self.status,
                &json!({
                    "jsonrpc": "2.0",
                    "error": {
                        "code": self.code.json_rpc(),
                        "message": self.message,
                        "data": {
                            "code": self.code.word(),
                            "request_id": facts.request_id,
                            "timestamp": iso(facts.clock.wall()),
                        },
                    },
                }),
            ),
        };
        if self.code == Code::ServiceUnavailable {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
        }
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// The envelope of a call that went well; `data` is its result, one JSON value that keeps its bytes.
pub fn success(data: &str, facts: Facts<'_>) -> String {
    facts.envelope(&Told {
        success: true,
        data: Some(data),
        failure: None,
        meta: "",
    })
}

/// What an envelope says.
struct Told<'a> {
    success: bool,
    data: Option<&'a str>,
    failure: Option<(Code, &'a str)>,
    meta: &'a str,
}

/// What an answer says of its request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// When the request's head had been read.
    pub started: Instant,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Facts<'_> {
    /// Written by hand: a result goes through as it is, without a copy of its numbers as doubles.
    fn envelope(&self, told: &Told<'_>) -> String {
        let (error, code) = match told.failure {
            Some((code, message)) => (Value::from(message), Value::from(code.word())),
            None => (Value::Null, Value::Null),
        };
        format!(
            "{{\"success\":{},\"data\":{},\"error\":{error},\"code\":{code},\"request_id\":{},\"timestamp\":\"{}\",\"meta\":{{\"execution_time_ms\":{}{}}}}}",
            told.success,
            told.data.unwrap_or("null"),
            Value::from(self.request_id),
            iso(self.clock.wall()),
            Value::from(self.execution_time_ms()),
            told.meta,
        )
    }

    /// Milliseconds since the request began, to the microsecond.
    fn execution_time_ms(&self) -> f64 {
        let elapsed = self.clock.now().saturating_duration_since(self.started);
        (elapsed.as_secs_f64() * 1_000_000.0).round() / 1_000.0
    }
}

/// ISO 8601 in UTC with milliseconds, as in `2026-01-01T00:00:00.000Z`.
pub fn iso(time: Timestamp) -> String {
    DateTimePrinter::new()
        .precision(Some(3))
        .timestamp_to_string(&time)
}

/// A restarting server is back within seconds; a client that asks again after one finds it, and no herd forms by it.
pub const RETRY_SOON: HeaderValue = HeaderValue::from_static("1");

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn answer(failure: Failure, shape: Shape) -> (Response<()>, Value) {
        let clock = Clock {
            wall: || Timestamp::UNIX_EPOCH,
            ..Clock::system()
        };
        let facts = Facts {
            request_id: "r-1",
            started: clock.now(),
            clock,
        };
        let (head, body) = failure.into_response(shape, facts).into_parts();
        let bytes = body.collect().await.expect("a body from memory").to_bytes();
        let value = serde_json::from_slice(&bytes).expect("JSON");
        (Response::from_parts(head, ()), value)
    }

    #[tokio::test]
    async fn the_envelope_has_every_member() {
        let failure = Failure::new(Code::Timeout, "too late");
        let (head, body) = answer(failure, Shape::Envelope).await;
        assert_eq!(head.status(), StatusCode::GATEWAY_TIMEOUT);
        assert!(body["meta"]["execution_time_ms"].is_number());
        assert_eq!(body["timestamp"], "1970-01-01T00:00:00.000Z");
        assert_eq!(body["success"], false);
        assert_eq!(body["data"], Value::Null);
        assert_eq!(body["error"], "too late");
        assert_eq!(body["code"], "TIMEOUT");
        assert_eq!(body["request_id"], "r-1");
    }

    #[tokio::test]
    async fn what_a_tool_answered_goes_through_byte_by_byte() {
        let result = r#"{"n": 1.50e3,"big":123456789012345678901}"#;
        let failure = Failure::of_tool("no \"disk\"").with_data(result.into());
        let failure = failure.with_meta("more", "[1]");
        assert_eq!(failure.status(), StatusCode::OK);
        let facts = Facts {
            request_id: "r-1",
            started: Instant::now(),
            clock: Clock::system(),
        };
        for text in [failure.envelope(facts), success(result, facts)] {
            assert!(text.contains(&format!("\"data\":{result},")), "{text}");
            let envelope: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(envelope["success"], envelope["error"].is_null());
        }
        let (_, body) = answer(failure, Shape::Envelope).await;
        assert_eq!(body["meta"]["more"], json!([1]));
        assert_eq!(body["error"], "no \"disk\"");
    }

    #[tokio::test]
    async fn an_mcp_route_gets_a_json_rpc_error() {
        let failure = Failure::new(Code::PayloadTooLarge, "too large");
        let (head, body) = answer(failure, Shape::JsonRpc).await;
        assert_eq!(head.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(body["jsonrpc"], "2.0");
        assert_eq!(body.get("id"), None);
        assert_eq!(body["error"]["code"], -32600);
        assert_eq!(body["error"]["data"]["code"], "PAYLOAD_TOO_LARGE");
    }

    #[tokio::test]
    async fn unavailable_says_when_to_come_back() {
        let (head, _) = answer(
            Failure::new(Code::ServiceUnavailable, "starting"),
            Shape::Envelope,
        )
        .await;
        assert_eq!(head.headers()[RETRY_AFTER], "1");
    }
}
