//! JSON-RPC error codes and the error object.

use crate::raw::quote;

/// The body is not JSON (JSON-RPC 2.0 section 5.1).
pub const PARSE_ERROR: i64 = -32700;
/// The body is JSON and no request object (JSON-RPC 2.0 section 5.1).
pub const INVALID_REQUEST: i64 = -32600;
/// The method is not served (JSON-RPC 2.0 section 5.1).
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The parameters are wrong; also an unknown tool (MCP, server/tools).
pub const INVALID_PARAMS: i64 = -32602;
/// The origin itself failed (JSON-RPC 2.0 section 5.1).
pub const INTERNAL_ERROR: i64 = -32603;
/// A resource is not there, to clients up to 2025-11-25; 2026-07-28 has [`INVALID_PARAMS`] for it (MCP, server/resources).
pub const RESOURCE_NOT_FOUND: i64 = -32002;
/// The client did not declare a capability that the request needs (MCP 2026-07-28).
pub const MISSING_CAPABILITY: i64 = -32021;
/// A header says something else than the body (MCP 2026-07-28).
pub const HEADER_MISMATCH: i64 = -32020;
/// The request claims a revision that is not served (MCP 2026-07-28).
pub const UNSUPPORTED_VERSION: i64 = -32022;
/// A call ran out of time: the code that the TypeScript SDK gave to it, known to clients of every revision.
pub const TIMEOUT: i64 = -32001;
/// The server behind the origin is not there: what the TypeScript SDK calls a closed connection.
pub const UNAVAILABLE: i64 = -32000;

/// The error object of a JSON-RPC response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// One of the codes of this module, or what a server sent.
    pub code: i64,
    /// One line for the person behind the client.
    pub message: String,
    /// The `data` member as raw JSON.
    pub data: Option<String>,
}

impl Error {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }

    /// The same error with `data`, which is raw JSON.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// A call that ran out of time; `data.code` is the code of the tool API.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(TIMEOUT, message).with_data(r#"{"code":"TIMEOUT"}"#)
    }

    /// A server that is not there now; `data.code` is the code of the tool API.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(UNAVAILABLE, message).with_data(r#"{"code":"SERVICE_UNAVAILABLE"}"#)
    }

    /// The object as JSON.
    pub fn to_json(&self) -> String {
        let data = self
            .data
            .as_ref()
            .map(|data| format!(",\"data\":{data}"))
            .unwrap_or_default();
        format!(
            "{{\"code\":{},\"message\":{}{data}}}",
            self.code,
            quote(&self.message)
        )
    }
}
