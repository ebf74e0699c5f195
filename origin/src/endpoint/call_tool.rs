//! `POST /call-tool`: one tool, called without MCP.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use mcp::plain::{self, Ask, Verdict};
use mcp::upstream::Caller;

use super::mcp::accept;
use super::tools::{Offered, offered, resolve};
use crate::app::App;
use crate::body::{self, Body, ReadError};
use crate::envelope::{self, Code, Facts, Failure, Shape};
use crate::middleware::Asked;
use crate::middleware::request_id;
use crate::stream::{Ending, Framing, StreamBody};
use crate::tools::Arguments;
use crate::upstream::{Call, CallError, Exchange, Heard, RawResult, Trace};

/// Answers `{"tool","arguments","request_id"?}` with the envelope. The body is JSON whatever `Content-Type` says: that is what
/// `curl -d` sends, and pages that may not call are refused by their `Origin`.
///
/// A client that takes event streams only gets `event: progress` as often as the server tells how far it is, and
/// `event: result` with the envelope at the end; what is refused before a server is asked has its HTTP status there too. A client that
/// goes away cancels the call.
pub(super) async fn serve(app: &Arc<App>, request: Request<Body>) -> Response<Body> {
    let started = app.clock.now();
    let (head, body) = request.into_parts();
    let mut talk = match begin(app, &head, body, started).await {
        Ok(talk) => talk,
        Err(failure) => {
            let facts = Facts {
                request_id: request_id::of(&head.extensions),
                started,
                clock: app.clock,
            };
            return failure.into_response(Shape::Envelope, facts);
        }
    };
    if talk.streams {
        return talk.into_stream();
    }
    let outcome = loop {
        if let Heard::Answer(outcome) = talk.exchange.next().await {
            break told(outcome);
        }
    };
    match outcome {
        Ok(data) => body::json_bytes(StatusCode::OK, envelope::success(&data, talk.facts())),
        Err(failure) => failure.into_response(Shape::Envelope, talk.facts()),
    }
}

/// A call under way.
struct Talk {
    app: Arc<App>,
    id: String,
    started: Instant,
    streams: bool,
    exchange: Exchange,
}

/// Reads, checks and hands over.
async fn begin(
    app: &Arc<App>,
    head: &Parts,
    body: Body,
    started: Instant,
) -> Result<Talk, Failure> {
    let body = body::read(body).await.map_err(|error| {
        let code = match &error {
            ReadError::TooLarge => Code::PayloadTooLarge,
            ReadError::Broken(_) => Code::BadRequest,
        };
        Failure::new(code, error.to_string())
    })?;
    let invalid =
        |error: &dyn std::error::Error| Failure::new(Code::InvalidArguments, error.to_string());
    let ask = Ask::read(&body).map_err(|error| invalid(&error))?;
    if let (Some(wanted), Some(asked)) = (&ask.request_id, Asked::of(&head.extensions)) {
        asked.id.adopt(wanted).map_err(|error| invalid(&error))?;
    }
    let id = request_id::of(&head.extensions).to_owned();
    let accept = accept(head);
    if !accept.json && !accept.events {
        let message = "`Accept` takes neither `application/json` nor `text/event-stream`";
        return Err(Failure::new(Code::NotAcceptable, message));
    }
    let streams = !accept.json;
    let Offered { book, catalog } = offered(app, &head.extensions).await?;
    let entry = resolve(&catalog, &ask.tool)?;
    let arguments = Arguments::read(ask.arguments).map_err(|error| invalid(&error))?;
    book.check(entry).judge(&arguments).map_err(|misfit| {
        let violations =
            serde_json::to_string(&misfit.violations).unwrap_or_else(|_| "[]".to_owned());
        Failure::new(Code::InvalidArguments, misfit.to_string())
            .with_meta("violations", &violations)
    })?;
    let order = plain::order(entry, ask.arguments, streams);
    let call = Call {
        method: order.method.into(),
        params: order.params,
        caller: Caller::Own,
        request_id: id.clone(),
        trace: Trace::of(&head.headers),
        endless: false,
    };
    let exchange = app
        .upstreams
        .begin(&order.server, call)
        .map_err(|error| failed(&error))?;
    Ok(Talk {
        app: Arc::clone(app),
        id,
        started,
        streams,
        exchange,
    })
}

impl Talk {
    fn facts(&self) -> Facts<'_> {
        Facts {
            request_id: &self.id,
            started: self.started,
            clock: self.app.clock,
        }
    }

    fn into_stream(self) -> Response<Body> {
        let ticket = self.app.streams.open(&self.id, "call-tool");
        let events = stream::unfold(Some(self), |talk| async {
            let mut talk = talk?;
            match talk.next().await {
                Ok(event) => Some((event, Some(talk))),
                Err(last) => Some((last, None)),
            }
        });
        StreamBody::new(events, Framing::Sse, ticket)
            .ending(Ending::Finish)
            .into_response()
    }

    /// The next event; the last one is an `Err`.
    async fn next(&mut self) -> Result<Bytes, Bytes> {
        loop {
            match self.exchange.next().await {
                Heard::Note(note) => {
                    if let Some(progress) = plain::progress(&note.method, note.params.as_deref()) {
                        return Ok(Framing::Sse.event("progress", &progress));
                    }
                }
                Heard::Answer(outcome) => {
                    let envelope = match told(outcome) {
                        Ok(data) => envelope::success(&data, self.facts()),
                        Err(failure) => failure.envelope(self.facts()),
                    };
                    // In JSON a line break is white space; here it would end the event.
                    let envelope = envelope.replace(['\n', '\r'], " ");
                    return Err(Framing::Sse.event("result", &envelope));
                }
            }
        }
    }
}

/// What a client is told of an answer.
fn told(outcome: Result<RawResult, CallError>) -> Result<RawResult, Failure> {
    let result = outcome.map_err(|error| failed(&error))?;
    match plain::verdict(&result) {
        Verdict::Done => Ok(result),
        Verdict::Failed(message) => Err(Failure::of_tool(message).with_data(result)),
        Verdict::Asks => {
            let message = "the tool asks its caller for more, which can be given over `/mcp` only";
            Err(Failure::new(Code::ExecutionError, message).with_data(result))
        }
        Verdict::Broken => {
            let message = "the server's answer is no result of a tool";
            Err(Failure::new(Code::ExecutionError, message).with_data(result))
        }
    }
}

fn failed(error: &CallError) -> Failure {
    match error {
        CallError::Timeout { .. } => Failure::new(Code::Timeout, error.to_string()),
        CallError::Unavailable { .. } | CallError::UnknownServer(_) => {
            Failure::new(Code::ServiceUnavailable, error.to_string())
        }
        CallError::Refused(raw) => {
            let refusal = plain::refusal(raw);
            let code = if refusal.of_arguments {
                Code::InvalidArguments
            } else {
                Code::ExecutionError
            };
            let message = if refusal.message.is_empty() {
                error.to_string()
            } else {
                refusal.message
            };
            Failure::new(code, message).with_meta("upstream_error", raw)
        }
    }
}
