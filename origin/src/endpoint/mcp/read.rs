//! What the head of a request says.

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use mcp::headers::{Accept, Field, Headers};

use crate::keys::Holder;

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

/// Who asks: the key's id, or without keys the credentials of the request, which nobody else has. They are only compared, and in
/// a digest.
pub(super) fn principal(head: &Parts) -> String {
    if let Some(holder) = Holder::of(&head.extensions) {
        return holder.id().to_owned();
    }
    let value = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

fn field<'a>(head: &'a Parts, name: &HeaderName) -> Field<'a> {
    Field::of(head.headers.get_all(name).iter().map(HeaderValue::as_bytes))
}

/// Names the session on a request, and on the answer that opens one.
pub(super) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

const PARAMETER: &str = "mcp-param-";
