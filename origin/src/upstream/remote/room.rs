//! What all requests of one connection to a remote server share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use mcp::jsonrpc::Id;
use mcp::post::Posts;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::client::{Ask, Client, Fault};
use super::errand::{FIRST_PAUSE, Failure, RETRIES};
use super::feed::{Feed, is, oddity, whole};

/// The client, the session, and the way back.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) client: Arc<Client>,
    session: Mutex<Option<HeaderValue>>,
    /// The requests that a server is at work on.
    busy: AtomicUsize,
    reports: mpsc::Sender<Report>,
}

/// What a request tells of its way.
#[derive(Debug)]
pub(super) enum Report {
    /// A message of the server.
    Message {
        message: String,
        /// The request that it answers.
        ends: Option<Id>,
    },
    /// A request has no answer.
    Lost { id: Id, reason: String },
    /// A request could not be sent.
    Unreachable { id: Id, reason: String },
    /// The session is gone, and with it a request that was not done.
    Gone { id: Option<Id> },
    /// The server takes requests now.
    Open,
    /// Nothing more will come.
    Over(String),
}

impl Room {
    pub(super) fn new(client: Arc<Client>, reports: mpsc::Sender<Report>) -> Self {
        Self {
            client,
            session: Mutex::new(None),
            busy: AtomicUsize::new(0),
            reports,
        }
    }

    /// Reports, unless nobody is there to hear it.
    pub(super) async fn report(&self, report: Report) {
        let _ = self.reports.send(report).await;
    }

    /// Takes the session that a server has given.
    pub(super) fn enter(&self, headers: &HeaderMap) {
        *self.lock() = headers.get(&SESSION).cloned();
    }

    /// Puts the session to the headers of a request.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        if let Some(session) = self.lock().clone() {
            headers.insert(SESSION, session);
        }
    }

    /// Leaves the session: it is the caller's to end it.
    pub(super) fn leave(&self) -> Option<HeaderValue> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request as one that the server is at work on, until this is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Whether the server is at work on any.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Asks for a stream, on from the event `last` where there is one.
    pub(super) async fn stream(
        &self,
        headers: &HeaderMap,
        last: Option<&str>,
    ) -> Result<Feed, Refusal> {
        let mut headers = headers.clone();
        let in_session = headers.contains_key(SESSION);
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last) = last.and_then(|last| HeaderValue::from_str(last).ok()) {
            headers.insert("last-event-id", last);
        }
        let ask = Ask {
            method: Method::GET,
            headers,
            body: Bytes::new(),
        };
        let response = self.client.send(ask).await.map_err(Refusal::Fault)?;
        match response.status() {
            StatusCode::NOT_FOUND if in_session => Err(Refusal::Gone),
            status if status.is_server_error() => Err(Refusal::Passing(oddity(&response))),
            StatusCode::TOO_MANY_REQUESTS => Err(Refusal::Passing(oddity(&response))),
            StatusCode::OK if is(&response, "text/event-stream") => {
                Ok(Feed::new(response.into_body(), self.client.patience))
            }
            _ => Err(Refusal::Never(oddity(&response))),
        }
    }

    /// Asks the server whether the session of `headers` lives, by a ping.
    ///
    /// The status for a session that is not known is 404, and many servers say 400: only a ping, which cannot be wrong in any other
    /// way, tells the one from a request that is. A server that has never answered one may not know pings: it is believed to live.
    pub(super) async fn life(&self, headers: &HeaderMap) -> Life {
        let ask = Ask {
            method: Method::POST,
            headers: headers.clone(),
            body: Bytes::from(Posts::ping()),
        };
        match self.client.send(ask).await {
            Ok(response) => {
                let refused = matches!(
                    response.status(),
                    StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST
                );
                let answers = &self.client.answers_pings;
                answers.fetch_or(response.status().is_success(), Ordering::Relaxed);
                // Read, so that the connection can be used again.
                let _ = whole(response.into_body(), PONG, self.client.patience).await;
                let known = headers.contains_key(SESSION) && answers.load(Ordering::Relaxed);
                if refused && known {
                    Life::Gone
                } else {
                    Life::Lives
                }
            }
            Err(Fault::Unsent(reason)) => Life::Unreachable(reason),
            // Slow is not dead.
            Err(Fault::Broken(_)) => Life::Lives,
        }
    }

    /// Goes on with the stream of a request that was cut off, for which `why` is the reason.
    pub(super) async fn resume(
        &self,
        headers: &HeaderMap,
        last: &str,
        why: String,
    ) -> Result<Feed, Failure> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..RETRIES {
            match self.stream(headers, Some(last)).await {
                Ok(feed) => return Ok(feed),
                Err(Refusal::Gone) => break,
                Err(Refusal::Never(reason)) => {
                    return Err(Failure::Lost(format!(
                        "{why}, and it cannot be gone on with: {reason}"
                    )));
                }
                Err(Refusal::Fault(_) | Refusal::Passing(_)) => sleep(pause).await,
            }
            pause *= 3;
        }
        // The request was under way in the session: it may have been done.
        Err(Failure::Lost(why))
    }
}

/// What a ping shows.
#[derive(Debug)]
pub(super) enum Life {
    /// Nothing that is wrong.
    Lives,
    /// The session is not known.
    Gone,
    /// The server is not there.
    Unreachable(String),
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The session is not known.
    Gone,
    /// There is none for now.
    Passing(String),
    /// There is none.
    Never(String),
    /// The request broke.
    Fault(Fault),
}

/// See [`Room::busy`].
#[derive(Debug)]
pub(super) struct Busy(Arc<Room>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a session has to be opened anew.
pub(super) const GONE: &str = "it does not know the session any more";

/// The most of the answer to a ping that is read.
const PONG: usize = 64 << 10;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
