//! What the head of a request says.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use mcp::Catalog;
use mcp::headers::{Accept, Field, Headers};

use crate::snapshot::Snapshot;

/// Which servers an endpoint is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// All of them.
    All,
    /// The one of this name.
    One(Arc<str>),
}

impl Scope {
    /// The scope of a path that was routed here.
    pub(super) fn of(path: &str) -> Self {
        match path.strip_prefix("/servers/") {
            None => Self::All,
            Some(rest) => Self::One(rest.split('/').next().unwrap_or_default().into()),
        }
    }

    /// What the scope offers; `None` when there is no server of its name.
    pub(super) fn catalog<'a>(&self, snapshot: &'a Snapshot) -> Option<&'a Arc<Catalog>> {
        match self {
            Self::All => Some(&snapshot.catalog),
            Self::One(name) => snapshot.server(name).map(|server| &server.catalog),
        }
    }
}

/// `Mcp-Param-*` by what follows the prefix, each name once.
pub(super) fn parameters(head: &Parts) -> Vec<(&str, Field<'_>)> {
    let names = head.headers.keys();
    let parameters = names.filter_map(|name| Some((name, name.as_str().strip_prefix(PARAMETER)?)));
    parameters
        .map(|(name, suffix)| (suffix, field(head, name)))
        .collect()
}

/// The headers that MCP looks at.
pub(super) fn headers<'a>(head: &'a Parts, parameters: &'a [(&'a str, Field<'a>)]) -> Headers<'a> {
    Headers {
        content_type: field(head, &CONTENT_TYPE),
        protocol_version: field(head, &HeaderName::from_static("mcp-protocol-version")),
        method: field(head, &HeaderName::from_static("mcp-method")),
        name: field(head, &HeaderName::from_static("mcp-name")),
        parameters,
    }
}

/// What the client takes as an answer.
pub(in crate::endpoint) fn accept(head: &Parts) -> Accept {
    Accept::read(
        head.headers
            .get_all(ACCEPT)
            .iter()
            .map(HeaderValue::as_bytes),
    )
}

/// The session that the request names.
pub(super) fn session_id(head: &Parts) -> Field<'_> {
    field(head, &SESSION_ID)
}

/// Where the client wants to go on from.
pub(super) fn last_event_id(head: &Parts) -> Field<'_> {
    field(head, &HeaderName::from_static("last-event-id"))
}

/// Who asks, as far as a request says it: its credentials, which nobody else has. They are only compared, and in a digest.
pub(super) fn principal(head: &Parts) -> String {
    let value = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

fn field<'a>(head: &'a Parts, name: &HeaderName) -> Field<'a> {
    Field::of(head.headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

/// Names the session on a request, and on the answer that opens one.
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const PARAMETER: &str = "mcp-param-";
