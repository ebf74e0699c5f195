//! `GET /tools` and `GET /tools/{name}`: what can be called at `/call-tool`.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{ETAG, IF_NONE_MATCH};
use http::request::Parts;
use http::{Extensions, HeaderMap, Response, StatusCode};
use mcp::catalog::{Entry, Resolution};
use mcp::{Catalog, plain};
use percent_encoding::percent_decode_str;

use super::mcp::settled;
use super::query;
use crate::app::App;
use crate::body::{self, Body};
use crate::envelope::{Code, Facts, Failure, Shape};
use crate::keys::Holder;
use crate::middleware::{Asked, request_id};
use crate::tools::{self, Book, Document};

/// `{"tools":[{"name","server","tool","description","input_schema","output_schema","annotations",…}]}`: every tool with all that its server says
/// of it. The query may name one `server`. An `ETag` names the state; 304 for a client that has it.
pub(super) async fn list(app: &App, head: &Parts) -> Response<Body> {
    let listed = async {
        let Offered { book, catalog } = offered(app, &head.extensions).await?;
        let Some(server) = query::value(&head.uri, "server").map(decoded) else {
            return Ok(book.list(&catalog));
        };
        if catalog.member(&server).is_none() {
            let message = format!("no server is named `{server}`");
            return Err(Failure::new(Code::NotFound, message));
        }
        let entries = catalog.entries().iter();
        Ok(tools::list(
            entries.filter(|entry| *entry.server == *server),
        ))
    };
    match listed.await {
        Ok(document) => conditional(&head.headers, document),
        Err(failure) => refuse(app, head, failure),
    }
}

/// One tool of [`list`].
pub(super) async fn one(app: &App, head: &Parts) -> Response<Body> {
    let name = decoded(head.uri.path().rsplit('/').next().unwrap_or_default());
    let found = async {
        let Offered { catalog, .. } = offered(app, &head.extensions).await?;
        let entry = resolve(&catalog, &name)?;
        Ok::<_, Failure>(Document::new(plain::described(entry)))
    };
    match found.await {
        Ok(document) => conditional(&head.headers, document),
        Err(failure) => refuse(app, head, failure),
    }
}

/// What there is for one who asks.
pub(super) struct Offered {
    /// What is known of all tools.
    pub(super) book: Arc<Book>,
    /// Those that the key of the request opens.
    pub(super) catalog: Arc<Catalog>,
}

/// The tools, once every server had its chance.
pub(super) async fn offered(app: &App, extensions: &Extensions) -> Result<Offered, Failure> {
    let starting = || Failure::new(Code::ServiceUnavailable, "the servers are still starting");
    let whole = settled(&app.upstreams).await.ok_or_else(starting)?;
    let seen = match Holder::of(extensions) {
        Some(holder) => holder.view(&whole),
        None => Arc::clone(&whole),
    };
    Ok(Offered {
        book: app.books.open(&whole.catalog),
        catalog: Arc::clone(&seen.catalog),
    })
}

/// The tool of a public name, or why there is none.
pub(super) fn resolve<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Entry, Failure> {
    match catalog.resolve(name) {
        Resolution::Found(entry) => Ok(entry),
        Resolution::Absent { server } => {
            let message = format!("the server `{server}` is not available");
            Err(Failure::new(Code::ServiceUnavailable, message))
        }
        Resolution::Unknown => {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            let known = catalog.entries().iter().map(|entry| &*entry.public);
            let hint = findings::nearest(&name, known).map_or_else(
                || "`/tools` lists those that there are".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("no tool is named `{name}`: {hint}");
            Err(Failure::new(Code::ToolNotFound, message))
        }
    }
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// The document, or 304 where the client has it already (RFC 9110 section 13.1.2).
pub(super) fn conditional(headers: &HeaderMap, document: Document) -> Response<Body> {
    let known = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || document.etag == *tag);
    let mut response = if known {
        let mut response = Response::new(body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        body::json_bytes(StatusCode::OK, document.json)
    };
    response.headers_mut().insert(ETAG, document.etag);
    response
}

pub(super) fn refuse(app: &App, head: &Parts, failure: Failure) -> Response<Body> {
    let asked = Asked::of(&head.extensions);
    let facts = Facts {
        request_id: request_id::of(&head.extensions),
        started: asked.map_or_else(|| app.clock.now(), |asked| asked.started),
        clock: app.clock,
    };
    failure.into_response(Shape::Envelope, facts)
}

/// Room for the longest public name of a tool, twice.
const LONGEST_NAME: usize = 128;
