//! Requests of 2026-07-28: a call that goes to a server, and the stream of changes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use mcp::Catalog;
use mcp::forward::{Answer, Forward};
use mcp::headers::Accept;
use mcp::listen::Listen;
use mcp::reply;
use mcp::seal::Moment;
use mcp::sse;
use mcp::upstream::Caller;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::scope::Scope;
use super::{failure, json, since_epoch, stream};
use crate::app::App;
use crate::body::Body;
use crate::middleware::request_id;
use crate::snapshot::Snapshot;
use crate::stream::Ending;
use crate::upstream::{Call, CallError, Exchange, Heard, Note, RawResult, Update, Watch};

/// Asks the server. The answer is JSON where it is there soon and nothing is said before it, else a stream. A client that goes
/// away drops what is waited for, which cancels the request at the server: nobody could fetch its answer later.
pub(super) async fn call(
    app: &Arc<App>,
    forward: Forward,
    head: &Parts,
    accept: Accept,
) -> Response<Body> {
    let call = Call {
        method: forward.method.clone(),
        params: forward.params.clone(),
        caller: Caller::Modern(forward.level),
        request_id: request_id::of(&head.extensions).to_owned(),
        endless: false,
    };
    let mut exchange = match app.upstreams.begin(&forward.server, call) {
        Ok(exchange) => exchange,
        Err(error) => return json(forward.failed(&failure(&error))),
    };
    let patience = Instant::now() + app.config.sessions.answer_wait;
    let first = loop {
        if !accept.json {
            break None;
        }
        tokio::select! {
            heard = exchange.next() => match heard {
                Heard::Answer(outcome) => return json(made(app, &forward, outcome)),
                Heard::Note(note) if accept.events => break Some(note),
                Heard::Note(_) => {}
            },
            () = sleep_until(patience), if accept.events => break None,
        }
    };
    let talk = Talk {
        app: Arc::clone(app),
        forward,
        exchange,
        first,
    };
    let events = stream::events(Some(talk), |talk| async {
        let mut talk = talk?;
        match talk.next().await {
            Ok(event) => Some((event, Some(talk))),
            Err(last) => Some((last, None)),
        }
    });
    stream::open(app, head, events, Ending::Finish)
}

/// A call whose answer is a stream.
struct Talk {
    app: Arc<App>,
    forward: Forward,
    exchange: Exchange,
    first: Option<Note>,
}

impl Talk {
    /// The next event; the last one is an `Err`.
    async fn next(&mut self) -> Result<Bytes, Bytes> {
        let heard = match self.first.take() {
            Some(note) => Heard::Note(note),
            None => self.exchange.next().await,
        };
        match heard {
            Heard::Note(note) => Ok(event(&reply::notification(
                &note.method,
                note.params.as_deref(),
            ))),
            Heard::Answer(outcome) => Err(event(&made(&self.app, &self.forward, outcome).body)),
        }
    }
}

fn made(app: &App, forward: &Forward, outcome: Result<RawResult, CallError>) -> Answer {
    let mut nonce = [0; 12];
    if let Err(error) = getrandom::fill(&mut nonce) {
        tracing::error!(%error, "no randomness to seal a state with");
        return forward.failed(&mcp::Error::unavailable("there is no randomness"));
    }
    let now = since_epoch(app);
    let sealing = (&app.seal, Moment { now, nonce });
    match outcome {
        Ok(result) => forward.answer(&app.service, Ok(&result), sealing),
        Err(CallError::Refused(error)) => forward.answer(&app.service, Err(&error), sealing),
        Err(error) => forward.failed(&failure(&error)),
    }
}

/// Tells of changes until the client goes or the origin ends.
pub(super) fn listen(
    app: &Arc<App>,
    listen: Listen,
    head: &Parts,
    scope: &Scope,
    snapshot: &Arc<Snapshot>,
) -> Response<Body> {
    let ending = Ending::Text(event(&listen.end()));
    let watches = listen.resources().iter();
    let watches = watches.filter_map(|(server, uri)| app.upstreams.watch(server, uri.clone()));
    let (sender, tasks) = mpsc::channel(TASK_NOTES);
    for ask in listen.asks() {
        let call = Call {
            method: ask.method.into(),
            params: ask.params,
            caller: ask.caller,
            request_id: request_id::of(&head.extensions).to_owned(),
            endless: true,
        };
        // Handed over before the acknowledgement goes out: what the client does after that is told.
        if let Ok(exchange) = app.upstreams.begin(&ask.server, call) {
            tokio::spawn(follow(ask.server, exchange, sender.clone()));
        }
    }
    let mut snapshots = app.upstreams.snapshot();
    // The first look is at what changed since the request was read.
    snapshots.mark_changed();
    let listening = Listening {
        queue: VecDeque::from([listen.acknowledgement()]),
        seen: scope.catalog(snapshot).unwrap_or_default(),
        scope: scope.clone(),
        updates: app.upstreams.updates(),
        _watches: watches.collect(),
        _open: sender,
        snapshots,
        tasks,
        listen,
    };
    let events = stream::events(listening, |mut listening| async {
        let event = listening.next().await?;
        Some((event, listening))
    });
    stream::open(app, head, events, ending)
}

/// Passes on what a server says of tasks, until nobody listens or the server ends it.
async fn follow(server: Arc<str>, mut exchange: Exchange, sender: mpsc::Sender<(Arc<str>, Note)>) {
    loop {
        tokio::select! {
            heard = exchange.next() => match heard {
                Heard::Note(note) => {
                    if sender.send((Arc::clone(&server), note)).await.is_err() {
                        return;
                    }
                }
                Heard::Answer(_) => return,
            },
            () = sender.closed() => return,
        }
    }
}

/// One client that listens.
struct Listening {
    listen: Listen,
    scope: Scope,
    queue: VecDeque<String>,
    seen: Arc<Catalog>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    updates: broadcast::Receiver<Arc<Update>>,
    tasks: mpsc::Receiver<(Arc<str>, Note)>,
    /// Keeps the channel open for a request that listens to no task.
    _open: mpsc::Sender<(Arc<str>, Note)>,
    _watches: Vec<Watch>,
}

impl Listening {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Some(event(&message));
            }
            tokio::select! {
                changed = self.snapshots.changed() => {
                    changed.ok()?;
                    self.look();
                }
                update = self.updates.recv() => match update {
                    Ok(update) => self.queue.extend(self.listen.updated(&update.server, &update.params)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                Some((server, note)) = self.tasks.recv() => {
                    let params = note.params.unwrap_or_default();
                    self.queue.extend(self.listen.task(&server, &note.method, &params));
                }
            }
        }
    }

    fn look(&mut self) {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        if let Some(catalog) = self.scope.catalog(&snapshot) {
            self.queue.extend(self.listen.changed(&self.seen, &catalog));
            self.seen = catalog;
        }
    }
}

fn event(message: &str) -> Bytes {
    sse::event(None, message).into()
}

/// Notifications of tasks that a listener has not taken yet.
const TASK_NOTES: usize = 64;
