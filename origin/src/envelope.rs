//! The one shape of errors: the envelope, or on MCP routes a JSON-RPC error with the same facts.

use std::borrow::Cow;
use std::time::Instant;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
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
    /// 405: the route is not served for this method; `Allow` names the methods.
    MethodNotAllowed,
    /// 413: the body is larger than `max_body_size`.
    PayloadTooLarge,
    /// 501: a WebSocket or a tunnel was asked for.
    NotImplemented,
    /// 400: a query or header has a value that cannot be used.
    InvalidArguments,
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
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::InvalidArguments => "INVALID_ARGUMENTS",
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
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BadRequest | Self::InvalidArguments => StatusCode::BAD_REQUEST,
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
}

impl Failure {
    /// An error with this code and a message for the person who sees it.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            header: None,
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.code.status()
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

    /// The whole response.
    pub fn into_response(self, shape: Shape, facts: Facts<'_>) -> Response<Body> {
        let timestamp = iso(facts.clock.wall());
        let (code, status) = (self.code.word(), self.code.status());
        let mut response = match shape {
            Shape::Envelope => body::json(
                status,
                &Envelope {
                    success: false,
                    data: None,
                    error: &self.message,
                    code,
                    request_id: facts.request_id,
                    timestamp,
                    meta: Meta {
                        execution_time_ms: facts.execution_time_ms(),
                    },
                },
            ),
            Shape::JsonRpc => body::json(
                status,
                &json!({
                    "jsonrpc": "2.0",
                    "error": {
                        "code": self.code.json_rpc(),
                        "message": self.message,
                        "data": {
                            "code": code,
                            "request_id": facts.request_id,
                            "timestamp": timestamp,
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

/// The members of the envelope, in the order in which they are written.
#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    data: Option<Value>,
    error: &'a str,
    code: &'static str,
    request_id: &'a str,
    timestamp: String,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    execution_time_ms: f64,
}

/// What an error answer says of its request.
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
