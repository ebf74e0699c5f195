//! Requests of 2026-07-28: a call that goes to a server, and the stream of changes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use mcp::Catalog;
use mcp::dispatch::{PROGRESS, SET_LEVEL};
use mcp::forward::{Answer, Forward};
use mcp::headers::Accept;
use mcp::listen::Listen;
use mcp::reply;
use mcp::seal::Moment;
use mcp::sse;
use mcp::upstream::Caller;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::asking::{Asking, Taken};
use super::parked::Waits;
use super::scope::Scope;
use super::{failure, json, since_epoch, stream};
use crate::app::App;
use crate::body::Body;
use crate::middleware::request_id;
use crate::snapshot::Snapshot;
use crate::stream::Ending;
use crate::upstream::{Call, CallError, Exchange, Heard, Note, RawResult, Trace, Update, Watch};

/// Asks the server. The answer is JSON where it is there soon and nothing is said before it, else a stream. A client that goes
/// away drops what is waited for, which cancels the request at the server: nobody could fetch its answer later.
pub(super) async fn call(
    app: &Arc<App>,
    forward: Forward,
    head: &Parts,
    accept: Accept,
) -> Response<Body> {
    let mut talk = match Talk::begin(app, forward, head).await {
        Ok(talk) => talk,
        Err(answer) => return json(answer),
    };
    let patience = Instant::now() + app.config.sessions.answer_wait;
    talk.first = loop {
        if !accept.json {
            break None;
        }
        tokio::select! {
            next = talk.hear() => match next {
                Next::Last(answer) => return json(answer),
                Next::Note(note) if accept.events => break Some(note),
                Next::Note(_) => {}
            },
            () = sleep_until(patience), if accept.events => break None,
        }
    };
    let events = stream::events(Some(talk), |talk| async {
        let mut talk = talk?;
        let next = match talk.first.take() {
            Some(note) => Next::Note(note),
            None => talk.hear().await,
        };
        match next {
            Next::Note(note) => {
                let message = reply::notification(&note.method, note.params.as_deref());
                Some((event(&message), Some(talk)))
            }
            Next::Last(answer) => Some((event(&answer.body), None)),
        }
    });
    stream::open(app, head, events, Ending::Finish)
}

/// A request on its way to a server and back.
struct Talk {
    app: Arc<App>,
    forward: Forward,
    /// Until the request waits for its client, or is answered.
    at: Option<At>,
    first: Option<Note>,
}

/// Where a request is.
struct At {
    exchange: Exchange,
    /// The process that serves it alone, where it may ask something.
    asking: Option<Asking>,
}

/// What a client hears.
enum Next {
    /// A notification.
    Note(Note),
    /// Its answer.
    Last(Answer),
}

impl Talk {
    /// Begins a request, or goes on with one that waits. `Err`: it is answered already.
    async fn begin(app: &Arc<App>, forward: Forward, head: &Parts) -> Result<Self, Answer> {
        let at = if let Some(resumed) = &forward.resumed {
            let Some(mut waits) = app.parked.take(&resumed.name) else {
                return Err(Answer::refusal(400, Some(forward.id()), &over()));
            };
            waits.asking.answer(resumed);
            waits.exchange.renew();
            At {
                exchange: waits.exchange,
                asking: Some(waits.asking),
            }
        } else {
            let call = Call {
                method: forward.method.clone(),
                params: forward.params.clone(),
                caller: Caller::Modern(forward.level),
                request_id: request_id::of(&head.extensions).to_owned(),
                trace: Trace::of(&head.headers),
                endless: false,
            };
            let at = At::begin(app, &forward, call).await;
            at.map_err(|error| forward.failed(&failure(&error)))?
        };
        let mut talk = Self {
            app: Arc::clone(app),
            forward,
            at: Some(at),
            first: None,
        };
        if talk.is_asked() {
            return Err(talk.park());
        }
        Ok(talk)
    }

    /// Waits for what comes next. May be dropped and called again, but not after the last.
    async fn hear(&mut self) -> Next {
        loop {
            let Some(at) = &mut self.at else {
                let error = mcp::Error::unavailable("the request is answered already");
                return Next::Last(self.forward.failed(&error));
            };
            let said = async {
                match &mut at.asking {
                    Some(asking) => asking.said().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                said = said => match at.asking.as_mut().map(|asking| asking.take(said)) {
                    Some(Taken::Asked) => return Next::Last(self.park()),
                    Some(Taken::Note(note)) if self.forward.level.is_some() => return Next::Note(note),
                    _ => {}
                },
                heard = at.exchange.next() => match heard {
                    Heard::Note(note) => {
                        if let Some(note) = self.told(note) {
                            return Next::Note(note);
                        }
                    }
                    Heard::Answer(outcome) => return Next::Last(self.answered(outcome)),
                },
            }
        }
    }

    /// A notification as the client of this round knows what it is about.
    fn told(&self, note: Note) -> Option<Note> {
        if self.forward.resumed.is_none() || note.method != PROGRESS {
            return Some(note);
        }
        let params = self.forward.progress(note.params.as_deref()?)?;
        Some(Note {
            method: note.method,
            params: Some(params),
        })
    }

    fn answered(&mut self, outcome: Result<RawResult, CallError>) -> Answer {
        if let Some(At {
            asking: Some(asking),
            ..
        }) = self.at.take()
            && matches!(outcome, Ok(_) | Err(CallError::Refused(_)))
        {
            asking.done();
        }
        let sealing = match self.moment() {
            Ok(moment) => (&*self.app.seal, moment),
            Err(answer) => return answer,
        };
        let (forward, service) = (&self.forward, &self.app.service);
        match outcome {
            Ok(result) => forward.answer(service, Ok(&result), sealing),
            Err(CallError::Refused(error)) => forward.answer(service, Err(&error), sealing),
            Err(error) => forward.failed(&failure(&error)),
        }
    }

    /// Whether the client has something to answer first.
    fn is_asked(&self) -> bool {
        let asking = self.at.as_ref().and_then(|at| at.asking.as_ref());
        asking.is_some_and(|asking| !asking.open().is_empty())
    }

    /// Has the request wait for the answers of its client, who gets the questions.
    fn park(&mut self) -> Answer {
        let Some(At {
            exchange,
            asking: Some(asking),
        }) = self.at.take()
        else {
            return self.forward.failed(&over());
        };
        let open = asking.open().to_vec();
        let moment = match self.moment() {
            Ok(moment) => moment,
            Err(answer) => return answer,
        };
        match self.app.parked.put(Waits { exchange, asking }) {
            Ok(name) => {
                let sealing = (&*self.app.seal, moment);
                self.forward
                    .required(&self.app.service, (&open, &name), sealing)
            }
            Err(error) => no_randomness(&self.forward, error),
        }
    }

    /// What a state is sealed with.
    fn moment(&self) -> Result<Moment, Answer> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|error| no_randomness(&self.forward, error))?;
        let now = since_epoch(&self.app);
        Ok(Moment { now, nonce })
    }
}

impl At {
    async fn begin(app: &App, forward: &Forward, call: Call) -> Result<Self, CallError> {
        let Some(greeting) = &forward.greeting else {
            let exchange = app.upstreams.begin(&forward.server, call)?;
            let asking = None;
            return Ok(Self { exchange, asking });
        };
        let loan = app.upstreams.lend(&forward.server, greeting).await?;
        if let Some(level) = forward.level {
            loan.send(SET_LEVEL, level.params());
        }
        let exchange = loan.begin(call);
        let asking = Some(Asking::new(loan, Arc::clone(greeting)));
        Ok(Self { exchange, asking })
    }
}

fn over() -> mcp::Error {
    let message = "the request that this answers does not wait any more: it was answered before, took too long, or was \
                   made to another process; make it anew";
    mcp::Error::new(mcp::error::INVALID_PARAMS, message)
}

fn no_randomness(forward: &Forward, error: getrandom::Error) -> Answer {
    tracing::error!(%error, "no randomness to seal a state with");
    forward.failed(&mcp::Error::unavailable("there is no randomness"))
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
            trace: Trace::of(&head.headers),
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
