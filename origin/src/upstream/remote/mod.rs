//! The link to a server that runs elsewhere: each message is a POST, its answer comes back as messages (MCP's Streamable HTTP).
//!
//! What a request does on its way is in [`errand`]; here is the order in which they go, and what ends the connection.

mod client;
mod connect;
mod errand;
mod feed;
mod room;
mod secrets;
mod standing;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mcp::Era;
use mcp::jsonrpc::Id;
use mcp::post::{Posts, Sort};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::lines::Message;
use super::link::Heard;
use super::trip::Trip;
use client::{Ask, Client};
use errand::{Errand, Weighed};
use room::{GONE, Report, Room, SESSION};

/// How a server by URL is reached: one client for all connections to it.
#[derive(Debug)]
pub(super) struct Site {
    server: String,
    remote: origin_config::Remote,
    environment: Vec<(OsString, OsString)>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Site {
    pub(super) fn new(
        server: &str,
        remote: &origin_config::Remote,
        environment: &[(OsString, OsString)],
    ) -> Self {
        Self {
            server: server.to_owned(),
            remote: remote.clone(),
            environment: environment.to_vec(),
            client: Mutex::new(None),
        }
    }

    /// Reads what a client needs, and makes none.
    pub(super) fn prepare(&self) -> Result<(), String> {
        Client::new(&self.remote, &self.environment).map(drop)
    }

    /// Opens a connection: nothing is sent yet. Files are read at the first one, and again after one could not be read.
    pub(super) fn open(&self) -> Result<Remote, String> {
        let mut kept = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match &*kept {
            Some(client) => Arc::clone(client),
            None => Arc::new(Client::new(&self.remote, &self.environment)?),
        };
        *kept = Some(Arc::clone(&client));
        tracing::info!(server = self.server, url = %self.remote.url, "server by URL");
        Ok(Remote::new(client))
    }
}

/// One connection, in MCP's sense: a session, or requests without one. Dropped, nothing of it goes on.
#[derive(Debug)]
pub(super) struct Remote {
    room: Arc<Room>,
    posts: Posts,
    flying: HashMap<Id, (Era, AbortHandle)>,
    tasks: JoinSet<()>,
    reports: mpsc::Receiver<Report>,
    /// What waits until the server has heard that the handshake is done.
    held: Option<Vec<Held>>,
    backlog: Arc<AtomicUsize>,
    /// Why, and until when the requests in flight are waited for.
    over: Option<(String, Instant)>,
}

#[derive(Debug)]
struct Held {
    message: String,
    trip: Option<Arc<Trip>>,
}

impl Remote {
    fn new(client: Arc<Client>) -> Self {
        let (sender, reports) = mpsc::channel(REPORTS);
        Self {
            room: Arc::new(Room::new(client, sender)),
            posts: Posts::default(),
            flying: HashMap::new(),
            tasks: JoinSet::new(),
            reports,
            held: None,
            backlog: Arc::default(),
            over: None,
        }
    }

    /// Takes a message for the server.
    pub(super) fn send(&mut self, message: &str, trip: Option<&Arc<Trip>>) {
        if let Some(held) = &mut self.held {
            self.backlog.fetch_add(message.len(), Ordering::Relaxed);
            held.push(Held {
                message: message.to_owned(),
                trip: trip.cloned(),
            });
            return;
        }
        let post = self.posts.outgoing(message);
        let mut headers = named(&post.headers);
        let modern = matches!(
            post.sort,
            Sort::Request {
                era: Era::Modern,
                ..
            }
        );
        if !modern {
            self.room.add_to(&mut headers);
        }
        if let Some(trip) = trip {
            trip.add_to(&mut headers);
        }
        let body = Weighed::new(Bytes::copy_from_slice(message.as_bytes()), &self.backlog);
        match post.sort {
            Sort::Request { id, purpose, era } => {
                let errand = Errand {
                    room: Arc::clone(&self.room),
                    id: id.clone(),
                    purpose,
                    era,
                    headers,
                    body,
                    trip: trip.cloned(),
                };
                let task = self.tasks.spawn(errand.run());
                self.flying.insert(id, (era, task));
            }
            Sort::Cancel(id) => {
                // "Closing the response stream is the cancellation" of 2026-07-28; before, a notification is.
                let Some((era, task)) = self.flying.remove(&id) else {
                    return;
                };
                task.abort();
                if era == Era::Legacy {
                    self.tasks
                        .spawn(notify(Arc::clone(&self.room), headers, body, false));
                }
            }
            Sort::Open => {
                self.held = Some(Vec::new());
                self.tasks
                    .spawn(notify(Arc::clone(&self.room), headers, body, true));
            }
            Sort::Notice => {
                self.tasks
                    .spawn(notify(Arc::clone(&self.room), headers, body, false));
            }
        }
    }

    /// Whether requests have a chance.
    pub(super) fn is_open(&self) -> bool {
        self.over.is_none()
    }

    /// The bytes that the server has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// What comes next, or why nothing will. May be dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Heard>, String> {
        if let Some((why, _)) = self.over.as_ref().filter(|_| self.flying.is_empty()) {
            return Err(why.clone());
        }
        let deadline = self.over.as_ref().map(|(_, deadline)| *deadline);
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            report = self.reports.recv() => report.map_or(Ok(None), |report| self.heard(report)),
            () = late => Err(self.over.take().map(|(why, _)| why).unwrap_or_default()),
            // What has ended is taken out, so that it does not gather.
            Some(_) = self.tasks.join_next() => Ok(None),
        }
    }

    fn heard(&mut self, report: Report) -> Result<Option<Heard>, String> {
        Ok(match report {
            Report::Message { message, ends } => {
                if let Some(id) = ends {
                    self.flying.remove(&id);
                }
                self.posts.incoming(&message);
                Some(Heard::Message(Message::Whole(message.into_bytes())))
            }
            Report::Lost { id, reason } => self.lost(id, reason, false),
            Report::Unreachable { id, reason } => {
                if !self.room.is_busy() {
                    self.end_soon(&reason);
                }
                self.lost(id, reason, false)
            }
            Report::Gone { id } => {
                self.room.leave();
                self.end_soon(GONE);
                id.and_then(|id| self.lost(id, GONE.to_owned(), true))
            }
            Report::Open => {
                for held in self.held.take().into_iter().flatten() {
                    self.backlog
                        .fetch_sub(held.message.len(), Ordering::Relaxed);
                    self.send(&held.message, held.trip.as_ref());
                }
                let mut headers = named(&self.posts.legacy());
                self.room.add_to(&mut headers);
                self.tasks
                    .spawn(standing::keep(Arc::clone(&self.room), headers));
                None
            }
            Report::Over(reason) => return Err(reason),
        })
    }

    fn lost(&mut self, id: Id, reason: String, again: bool) -> Option<Heard> {
        // One that was cancelled meanwhile is nobody's any more.
        self.flying.remove(&id)?;
        Some(Heard::Lost { id, reason, again })
    }

    /// The connection is of no use any more; what the server is at work on may still be answered.
    fn end_soon(&mut self, reason: &str) {
        let deadline = Instant::now() + LAST_ANSWERS;
        self.over
            .get_or_insert_with(|| (reason.to_owned(), deadline));
    }

    /// Stops all that is under way, and ends the session at the server.
    pub(super) async fn end(mut self) {
        self.tasks.abort_all();
        let Some(session) = self.room.leave() else {
            return;
        };
        let mut headers = named(&self.posts.legacy());
        headers.insert(SESSION, session);
        let ask = Ask {
            method: Method::DELETE,
            headers,
            body: Bytes::new(),
        };
        // A server may not let its sessions be ended (405), or be gone: both are well.
        let _ = timeout(FAREWELL, self.room.client.send(ask)).await;
    }
}

fn named(headers: &[(Cow<'static, str>, String)]) -> HeaderMap {
    let parsed = headers.iter().map(|(name, value)| {
        let name: HeaderName = name.parse().ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    });
    // None is left out: names are tokens and values were encoded to be visible ASCII.
    parsed.flatten().collect()
}

/// Sends what has no answer. `opens`: nothing may go before the server has taken it.
async fn notify(room: Arc<Room>, headers: HeaderMap, body: Weighed, opens: bool) {
    let ask = Ask {
        method: Method::POST,
        headers,
        body: body.bytes.clone(),
    };
    let reason = match room.client.send(ask).await {
        Ok(response) if response.status().is_success() => None,
        Ok(response) => Some(feed::oddity(&response)),
        Err(fault) => Some(fault.reason()),
    };
    match (opens, reason) {
        (true, None) => room.report(Report::Open).await,
        (true, Some(reason)) => room.report(Report::Over(reason)).await,
        (false, Some(reason)) => tracing::warn!(reason, "a notification did not reach the server"),
        (false, None) => {}
    }
}

/// Messages that were read and not yet handed on; each may have 16 MiB.
const REPORTS: usize = 16;

/// How long the answers of a connection are waited for whose session is gone: callers are held for as long.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How long the end of a session may take.
const FAREWELL: Duration = Duration::from_secs(2);
