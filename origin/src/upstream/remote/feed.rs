//! The events of one stream of a remote server.

use std::collections::VecDeque;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mcp::sse::{Event, Item, Reader};
use tokio::time::timeout;

use super::client::broken;
use crate::upstream::MAX_MESSAGE;

/// The body of an answer that is `text/event-stream`.
pub(super) struct Feed {
    body: Incoming,
    reader: Reader,
    events: VecDeque<Event>,
    patience: Duration,
}

impl Feed {
    pub(super) fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            reader: Reader::new(MAX_MESSAGE),
            events: VecDeque::new(),
            patience,
        }
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// Why the stream cannot be read on: it broke, it was silent, an event was too long.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let frame = timeout(self.patience, self.body.frame()).await;
            let frame =
                frame.map_err(|_| format!("its stream was silent for {:?}", self.patience))?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| broken(&error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let items = self.reader.feed(&data).map_err(|_| TOO_LONG.to_owned())?;
            self.events
                .extend(items.into_iter().filter_map(|item| match item {
                    Item::Event(event) => Some(event),
                    Item::Comment(_) => None,
                }));
        }
    }
}

/// Whether the answer's body is of this kind.
pub(super) fn is(response: &Response<Incoming>, kind: &str) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let found = found.split(';').next().unwrap_or_default().trim();
    found.eq_ignore_ascii_case(kind) && !response.headers().contains_key(CONTENT_ENCODING)
}

/// Reads a body that is not a stream.
///
/// # Errors
/// Why it cannot be read.
pub(super) async fn whole(
    mut body: Incoming,
    longest: usize,
    patience: Duration,
) -> Result<String, String> {
    let mut text = Vec::new();
    loop {
        let frame = timeout(patience, body.frame()).await;
        let frame = frame.map_err(|_| format!("its answer stood still for {patience:?}"))?;
        let Some(frame) = frame else { break };
        if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
            if text.len() + data.len() > longest {
                return Err(TOO_LONG.to_owned());
            }
            text.extend_from_slice(&data);
        }
    }
    String::from_utf8(text).map_err(|_| "its answer is not UTF-8".to_owned())
}

/// What an answer is that nothing can be made of.
pub(super) fn oddity(response: &Response<Incoming>) -> String {
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let status = response.status();
    if let Some(coding) = header(CONTENT_ENCODING) {
        return format!("it answered in the encoding `{coding}`, which nobody asked for");
    }
    if status.is_redirection() {
        let target = header(http::header::LOCATION).unwrap_or("nowhere");
        return format!(
            "it answered {status} and redirects to `{target}`, which is not followed: a `url` is to name the endpoint itself"
        );
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("it answered {status}: it does not take the origin's credentials")
        }
        status if status.is_success() => {
            let kind = header(CONTENT_TYPE).unwrap_or("nothing");
            format!("it answered {status} with `{kind}` in place of JSON or a stream")
        }
        status => format!("it answered {status}"),
    }
}

const TOO_LONG: &str = "it sent a message longer than 16 MiB";
