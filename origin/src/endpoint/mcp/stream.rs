//! Answers as event streams.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::Response;
use http::request::Parts;
use mcp::forward::Answer;
use mcp::headers::Accept;
use mcp::sse;

use super::json;
use crate::app::App;
use crate::body::Body;
use crate::middleware::{Asked, request_id};
use crate::stream::{Ending, Framing, StreamBody};

/// An answer that is there already: JSON, unless the client takes streams only. An error keeps its status, which a stream could
/// not tell.
pub(super) fn answer(answer: Answer, accept: Accept) -> Response<Body> {
    if accept.json || answer.status != 200 {
        return json(answer);
    }
    let event = Bytes::from(sse::event(None, &answer.body));
    let body = http_body_util::Full::new(event);
    let body = http_body_util::BodyExt::map_err(body, |never| match never {});
    let mut response = Response::new(http_body_util::BodyExt::boxed_unsync(body));
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, Framing::Sse.content_type());
    response
}

/// A stream of events, entered in the list of open ones.
pub(super) fn open<P>(app: &Arc<App>, head: &Parts, events: P, ending: Ending) -> Response<Body>
where
    P: Stream<Item = Bytes> + Send + 'static,
{
    let route = Asked::of(&head.extensions).map_or("mcp", |asked| asked.target.name());
    let ticket = app.streams.open(request_id::of(&head.extensions), route);
    StreamBody::new(events, Framing::Sse, ticket)
        .ending(ending)
        .into_response()
}

/// A stream made by asking for the next event again and again.
pub(super) fn events<S, F>(state: S, next: impl FnMut(S) -> F) -> impl Stream<Item = Bytes>
where
    F: Future<Output = Option<(Bytes, S)>>,
{
    stream::unfold(state, next)
}
