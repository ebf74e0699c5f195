//! One message on its way to a remote server, and what comes back for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;
use mcp::Era;
use mcp::jsonrpc::Id;
use mcp::post::{self, Purpose};
use tokio::time::sleep;

use super::client::{Ask, Fault};
use super::feed::{Feed, is, oddity, whole};
use super::room::{Life, Report, Room, SESSION};
use crate::upstream::MAX_MESSAGE;
use crate::upstream::trip::Trip;

/// A request, and all that is needed to carry it.
pub(super) struct Errand {
    pub(super) room: Arc<Room>,
    pub(super) id: Id,
    pub(super) purpose: Purpose,
    pub(super) era: Era,
    pub(super) headers: HeaderMap,
    pub(super) body: Weighed,
    pub(super) trip: Option<Arc<Trip>>,
}

/// A body that counts as not sent until it is dropped.
pub(super) struct Weighed {
    pub(super) bytes: Bytes,
    backlog: Arc<AtomicUsize>,
}

/// How a request failed.
pub(super) enum Failure {
    /// It never left: the server is not there.
    Unsent(String),
    /// It has no answer.
    Lost(String),
    /// The server does not know the session any more, so it did not do it.
    Gone,
    /// Nothing will come of this connection.
    Over(String),
}

impl Weighed {
    pub(super) fn new(bytes: Bytes, backlog: &Arc<AtomicUsize>) -> Self {
        backlog.fetch_add(bytes.len(), Ordering::Relaxed);
        Self {
            bytes,
            backlog: Arc::clone(backlog),
        }
    }

    /// The server has it.
    fn release(&mut self) {
        let sent = std::mem::take(&mut self.bytes);
        self.backlog.fetch_sub(sent.len(), Ordering::Relaxed);
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.backlog.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Unsent(reason) => Self::Unsent(reason),
            Fault::Broken(reason) => Self::Lost(reason),
        }
    }
}

impl Errand {
    /// Carries the request, and reports its answer or why it has none.
    pub(super) async fn run(mut self) {
        if let Err(failure) = self.carry().await {
            let id = self.id;
            let report = match failure {
                Failure::Gone => Report::Gone { id: Some(id) },
                Failure::Unsent(reason) => Report::Unreachable { id, reason },
                Failure::Lost(reason) if self.purpose == Purpose::Handshake => Report::Over(reason),
                Failure::Lost(reason) => Report::Lost { id, reason },
                Failure::Over(reason) => Report::Over(reason),
            };
            self.room.report(report).await;
        }
    }

    async fn carry(&mut self) -> Result<(), Failure> {
        // The semaphore is never closed.
        let _place = self.room.client.places.acquire().await;
        let opens = matches!(self.purpose, Purpose::Handshake | Purpose::Discovery);
        let response = match self.send().await {
            // A broken connection says nothing of what the server is.
            Err(Failure::Unsent(reason) | Failure::Lost(reason)) if opens => {
                return Err(Failure::Over(reason));
            }
            response => response?,
        };
        self.body.release();
        let _busy = self.room.busy();
        if let Some(trip) = &self.trip {
            trip.answered(response.status().as_u16());
        }
        let status = response.status();
        if !status.is_success() {
            return match self.refused(response).await {
                Err(Failure::Lost(reason)) if opens && !speaks_of_itself(status) => {
                    Err(Failure::Over(reason))
                }
                outcome => outcome,
            };
        }
        if self.purpose == Purpose::Handshake {
            self.room.enter(response.headers());
        }
        if is(&response, "text/event-stream") {
            let feed = Feed::new(response.into_body(), self.room.client.patience);
            return self.listen(feed).await;
        }
        if !is(&response, "application/json") {
            return Err(Failure::Lost(oddity(&response)));
        }
        let text = whole(response.into_body(), MAX_MESSAGE, self.room.client.patience);
        let text = text.await.map_err(Failure::Lost)?;
        let mut answered = false;
        for message in post::messages(&text) {
            answered |= self.tell(message).await;
        }
        if answered {
            return Ok(());
        }
        Err(Failure::Lost(
            "its answer is not to what was asked".to_owned(),
        ))
    }

    /// Sends the request until it has arrived, where it is safe to send it again.
    async fn send(&self) -> Result<Response<Incoming>, Failure> {
        let mut pause = FIRST_PAUSE;
        let mut renewed = false;
        for attempt in 0.. {
            let ask = Ask {
                method: Method::POST,
                headers: self.headers.clone(),
                body: self.body.bytes.clone(),
            };
            let last = attempt == RETRIES;
            let reads = matches!(self.purpose, Purpose::Reading | Purpose::Discovery);
            match self.room.client.send(ask).await {
                Ok(response) => {
                    let refused = response.status() == StatusCode::UNAUTHORIZED;
                    let fresh = refused && !renewed && self.room.client.has_new_secrets();
                    let broken = reads && !last && is_passing(response.status());
                    if !fresh && !broken {
                        return Ok(response);
                    }
                    renewed |= fresh;
                }
                Err(Fault::Broken(reason)) if last || !reads => {
                    return Err(Failure::Lost(reason));
                }
                Err(fault) if last => return Err(fault.into()),
                Err(_) => {}
            }
            if let Some(trip) = &self.trip {
                trip.retried();
            }
            sleep(pause).await;
            pause *= 3;
        }
        Err(Failure::Lost("it was not sent".to_owned()))
    }

    /// An answer that is no success.
    async fn refused(&self, response: Response<Incoming>) -> Result<(), Failure> {
        let status = response.status();
        let reason = oddity(&response);
        if self.headers.contains_key(SESSION) {
            let gone = match status {
                StatusCode::NOT_FOUND => true,
                StatusCode::BAD_REQUEST => {
                    matches!(self.room.life(&self.headers).await, Life::Gone)
                }
                _ => false,
            };
            if gone {
                return Err(Failure::Gone);
            }
        }
        if !speaks_of_itself(status) {
            return Err(Failure::Lost(reason));
        }
        let text = whole(response.into_body(), LONGEST_REFUSAL, REFUSAL_PATIENCE).await;
        let answer = text.ok().and_then(|text| post::refusal(&self.id, &text));
        let Some(answer) = answer else {
            return Err(Failure::Lost(reason));
        };
        self.tell(&answer).await;
        Ok(())
    }

    /// Reads the stream that is the answer, also where it goes on in another one.
    async fn listen(&self, mut feed: Feed) -> Result<(), Failure> {
        let mut place = Place::default();
        loop {
            let why = match feed.next().await {
                Ok(Some(event)) => {
                    place.note(&event);
                    if !event.data.is_empty() && self.tell(&event.data).await {
                        return Ok(());
                    }
                    continue;
                }
                Ok(None) => "its stream ended before the answer".to_owned(),
                Err(why) => why,
            };
            let (Some(last), Era::Legacy) = (&place.last, self.era) else {
                return Err(Failure::Lost(why));
            };
            sleep(place.pause).await;
            if let Some(trip) = &self.trip {
                trip.retried();
            }
            feed = self.room.resume(&self.headers, last, why).await?;
        }
    }

    /// Hands a message on. `true` when it is the answer to this request.
    async fn tell(&self, message: &str) -> bool {
        let ends = post::answers(message, &self.id);
        let id = ends.then(|| self.id.clone());
        let message = message.to_owned();
        self.room
            .report(Report::Message { message, ends: id })
            .await;
        ends
    }
}

/// Where a stream is, for the one that goes on with it.
#[derive(Debug)]
pub(super) struct Place {
    /// The last event id.
    pub(super) last: Option<String>,
    /// How long to wait before coming back.
    pub(super) pause: Duration,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            last: None,
            pause: COME_BACK,
        }
    }
}

impl Place {
    pub(super) fn note(&mut self, event: &mcp::sse::Event) {
        if let Some(id) = event.id.as_ref().filter(|id| !id.is_empty()) {
            self.last = Some(id.clone());
        }
        if let Some(retry) = event.retry {
            self.pause = retry.clamp(SHORTEST_COME_BACK, LONGEST_COME_BACK);
        }
    }
}

/// Whether a refusal with this status is the MCP server's own. What stands before a server, or a server in trouble, says nothing of
/// what the server is.
fn speaks_of_itself(status: StatusCode) -> bool {
    let others = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !others.contains(&status)
}

/// Statuses of a gateway whose server is away for a moment.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// How often a request is sent again. With the pauses it has failed within a second, as long as callers are held anyway.
pub(super) const RETRIES: u32 = 3;

/// The first pause; each is three times the one before: 50, 150 and 450 ms.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// When a stream is come back to whose server names no time: the TypeScript SDK's first delay.
const COME_BACK: Duration = Duration::from_secs(1);

/// A server that asks to be asked at once for ever would be.
const SHORTEST_COME_BACK: Duration = Duration::from_millis(100);

/// A server that is to be asked again in an hour is asked before.
const LONGEST_COME_BACK: Duration = Duration::from_secs(30);

/// An error in JSON-RPC is short.
const LONGEST_REFUSAL: usize = 256 << 10;

/// How long the body of a refusal may stand still.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(2);
