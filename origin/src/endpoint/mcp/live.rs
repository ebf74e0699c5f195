//! One session at work: its state, the processes that it has to itself, and its requests on their way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use mcp::catalog::Source;
use mcp::dispatch::SET_LEVEL;
use mcp::forward::Forward;
use mcp::jsonrpc::Id;
use mcp::session::outbox::{Next, Reader};
use mcp::session::{Answered, Session};
use mcp::upstream::{Caller, Greeting};
use mcp::{Catalog, Kind, Level, Naming, Offers};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::scope::Scope;
use crate::snapshot::Snapshot;
use crate::upstream::{Call, CallError, Exchange, Private, Said, Upstreams, Watch, Way, source};

/// One session.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) scope: Scope,
    naming: Naming,
    upstreams: Arc<Upstreams>,
    state: Mutex<State>,
    bell: watch::Sender<()>,
    /// Bytes of messages that all sessions keep.
    kept: Arc<AtomicUsize>,
    me: Weak<Self>,
}

/// What is behind the lock. `T` of the session cancels a request.
#[derive(Debug)]
pub(super) struct State {
    pub(super) session: Session<CancellationToken>,
    /// With the number of each among the processes of this session.
    processes: HashMap<Arc<str>, (u64, Private)>,
    started: u64,
    /// The lists of processes of this session that changed there.
    own: OwnLists,
    catalog: Arc<Catalog>,
    snapshot: Option<Arc<Snapshot>>,
    /// From which level on the client wants log messages, where it has said so.
    level: Option<Level>,
    watches: Vec<Watch>,
    /// What the client was asked for requests of its own, and has not answered.
    questions: HashMap<u64, oneshot::Sender<Reply>>,
    pub(super) ended: bool,
}

/// What became of a client's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Taken {
    /// It was taken.
    Yes,
    /// Nothing was ever asked under its id.
    Unknown,
    /// The server reads too slowly: the client is to send it again.
    Later,
}

/// What a client answers: the `result`, or else the `error`, as raw JSON.
pub(super) type Reply = Result<Box<str>, Box<str>>;

/// Something that a client was asked. Dropped without an answer, it is taken back.
#[derive(Debug)]
pub(super) struct Question<'a> {
    live: &'a Live,
    lane: u64,
    number: u64,
    answer: oneshot::Receiver<Reply>,
}

impl Question<'_> {
    /// The answer; `None` when the session ended.
    pub(super) async fn answer(mut self) -> Option<Reply> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.live.with(|state| {
            state.questions.remove(&self.number);
            state.session.take_back(self.lane, self.number);
        });
    }
}

/// Lists by server.
type OwnLists = HashMap<Arc<str>, Vec<(Kind, Vec<Box<str>>)>>;

impl Live {
    pub(super) fn new(
        greeting: Arc<Greeting>,
        scope: Scope,
        naming: Naming,
        upstreams: Arc<Upstreams>,
        kept: Arc<AtomicUsize>,
    ) -> Arc<Self> {
        let snapshot = Arc::clone(&upstreams.snapshot().borrow());
        let live = Arc::new_cyclic(|me| Self {
            scope,
            naming,
            upstreams,
            state: Mutex::new(State {
                session: Session::new(greeting),
                processes: HashMap::new(),
                started: 0,
                own: HashMap::new(),
                catalog: Arc::default(),
                snapshot: None,
                level: None,
                watches: Vec::new(),
                questions: HashMap::new(),
                ended: false,
            }),
            bell: watch::Sender::new(()),
            kept,
            me: me.clone(),
        });
        live.refresh(&snapshot);
        live
    }

    /// Does something with the state, and wakes whoever reads a stream when there is something new to be read.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let outbox = &state.session.outbox;
        let (before, changes) = (outbox.bytes(), outbox.changes());
        let result = act(&mut state);
        let outbox = &state.session.outbox;
        let (after, changed) = (outbox.bytes(), outbox.changes() != changes);
        // Under the lock: taken off after it was put on.
        if after >= before {
            self.kept.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.kept.fetch_sub(before - after, Ordering::Relaxed);
        }
        drop(state);
        // One who only looked wakes nobody: two who wait would wake each other for ever.
        if changed {
            self.bell.send_replace(());
        }
        result
    }

    /// Woken by every message.
    pub(super) fn bell(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// Whether somebody listens, or waits for an answer.
    pub(super) fn is_busy(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.session.outbox.has_readers() || state.session.in_flight() > 0
    }

    /// What the session is offered now.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        let snapshot = Arc::clone(&self.upstreams.snapshot().borrow());
        self.refresh(&snapshot);
        self.with(|state| Arc::clone(&state.catalog))
    }

    /// Takes in what the servers offer now, and tells the client what of it is new.
    pub(super) fn refresh(&self, snapshot: &Arc<Snapshot>) {
        self.with(|state| {
            let known = state.snapshot.as_ref();
            if known.is_none_or(|known| !Arc::ptr_eq(known, snapshot)) {
                state.snapshot = Some(Arc::clone(snapshot));
                self.rebuild(state);
            }
        });
    }

    fn rebuild(&self, state: &mut State) {
        let Some(snapshot) = &state.snapshot else {
            return;
        };
        let new = if state.own.is_empty() {
            self.scope.catalog(snapshot)
        } else {
            Some(Arc::new(self.merged(snapshot, &state.own)))
        };
        let new = new.unwrap_or_default();
        state.session.changed(&state.catalog, &new);
        state.catalog = new;
    }

    /// The offers of the scope, with those lists that are this session's own.
    fn merged(&self, snapshot: &Snapshot, own: &OwnLists) -> Catalog {
        let servers = snapshot.servers.iter();
        let servers: Vec<_> = servers
            .filter(|server| self.scope.has(&server.name))
            .collect();
        let offers: Vec<Offers> = servers
            .iter()
            .map(|server| {
                let mut offers = server.offers.clone();
                for (kind, items) in own.get(server.name.as_str()).into_iter().flatten() {
                    offers.set(*kind, items.clone().into());
                }
                offers
            })
            .collect();
        let sources = servers.iter().zip(&offers);
        let sources: Vec<Source<'_>> = sources
            .map(|(server, offers)| Source {
                offers,
                ..source(server)
            })
            .collect();
        Catalog::build(self.scope.naming(self.naming), &sources)
    }

    /// Hands a request to the server that it is for.
    pub(super) fn begin(&self, forward: &Forward, call: Call) -> Result<Exchange, CallError> {
        if !self.upstreams.is_private(&forward.server) {
            return self.upstreams.begin(&forward.server, call);
        }
        Ok(self.process(&forward.server)?.begin(call))
    }

    /// This session's own process of a server, started when it is first needed.
    fn process(&self, server: &Arc<str>) -> Result<Way, CallError> {
        self.with(|state| {
            if state.ended {
                return Err(CallError::Unavailable {
                    server: server.to_string(),
                    reason: "the session is over".to_owned(),
                });
            }
            if let Some((_, process)) = state.processes.get(server)
                && !process.is_over()
            {
                return Ok(process.way());
            }
            state.started += 1;
            let number = state.started;
            let greeting = Arc::clone(&state.session.greeting);
            let (me, name) = (self.me.clone(), Arc::clone(server));
            let hears = Box::new(move |said| {
                if let Some(live) = me.upgrade() {
                    live.said(&name, number, said);
                }
            });
            let process = self.upstreams.private(server, greeting, hears)?;
            if let Some(level) = state.level {
                process.send(SET_LEVEL, level.params());
            }
            let way = process.way();
            let gone = state
                .processes
                .insert(Arc::clone(server), (number, process));
            if gone.is_some() {
                self.forget_process(state, server);
            }
            Ok(way)
        })
    }

    fn said(&self, server: &Arc<str>, number: u64, said: Said) {
        self.with(|state| {
            // One that has been replaced has no client any more.
            if state
                .processes
                .get(server)
                .is_none_or(|(n, _)| *n != number)
            {
                return;
            }
            match said {
                Said::Asked { id, method, params } => {
                    state.session.ask(server, id, &method, params.as_deref());
                }
                Said::Notice { method, params } => {
                    state.session.notice(server, &method, params.as_deref());
                }
                Said::Listed { kind, items } => {
                    let lists = state.own.entry(Arc::clone(server)).or_default();
                    lists.retain(|(known, _)| *known != kind);
                    lists.push((kind, items));
                    self.rebuild(state);
                }
                Said::Ended => {
                    state.processes.remove(server);
                    self.forget_process(state, server);
                }
            }
        });
    }

    /// What a process had of its own went with it.
    fn forget_process(&self, state: &mut State, server: &Arc<str>) {
        state.session.lost(server);
        if state.own.remove(server).is_some() {
            self.rebuild(state);
        }
    }

    /// Passes on a notification of the client.
    pub(super) fn told(&self, method: &str, params: Option<&str>) {
        self.with(|state| {
            if mcp::session::is_cancel(method) {
                if let Some(token) = state.session.cancel(params.unwrap_or_default()) {
                    token.cancel();
                }
            } else if mcp::session::is_for_servers(method) {
                for (_, process) in state.processes.values() {
                    process.tell(method, params);
                }
            }
        });
    }

    /// Passes on the client's answer to a server's request.
    pub(super) fn responded(&self, id: Option<&Id>, outcome: Result<Box<str>, Box<str>>) -> Taken {
        self.with(|state| {
            let asker = state.session.asker(id);
            let asker = asker.and_then(|server| state.processes.get(server));
            if asker.is_some_and(|(_, process)| !process.has_room() && !process.is_over()) {
                return Taken::Later;
            }
            match state.session.answered(id) {
                Answered::Server(server, id) => {
                    if let Some((_, process)) = state.processes.get(&server) {
                        process.respond(id, outcome);
                    }
                    Taken::Yes
                }
                Answered::Origin(number) => {
                    if let Some(reply) = state.questions.remove(&number) {
                        // Whoever asked may have given up.
                        let _ = reply.send(outcome);
                    }
                    Taken::Yes
                }
                Answered::Nobody => Taken::Yes,
                Answered::Unknown => Taken::Unknown,
            }
        })
    }

    /// Sets the level of log messages at all processes of this session, now and later.
    pub(super) fn level(&self, level: Level) {
        self.with(|state| {
            for (_, process) in state.processes.values() {
                process.send(SET_LEVEL, level.params());
            }
            state.level = Some(level);
        });
    }

    /// The client, as servers see who asks.
    pub(super) fn caller(&self) -> Caller {
        self.with(|state| Caller::Session(Arc::clone(&state.session.greeting), state.level))
    }

    /// What the client can do, as it said it.
    pub(super) fn capabilities(&self) -> Box<str> {
        self.with(|state| state.session.greeting.capabilities.clone())
    }

    /// Asks the client what one of its requests needs, which is answered on `lane`. What it answers comes back, unless the session
    /// ends first.
    pub(super) fn ask(&self, lane: u64, method: &str, params: Option<&str>) -> Question<'_> {
        let (reply, answer) = oneshot::channel();
        let number = self.with(|state| {
            let number = state.session.ask_for(lane, method, params);
            if !state.ended {
                state.questions.insert(number, reply);
            }
            number
        });
        Question {
            live: self,
            lane,
            number,
            answer,
        }
    }

    /// Notes that the client wants to hear of changes of a resource of a shared server, or no more.
    pub(super) fn watch(&self, server: &str, uri: &str, on: bool) {
        let watch = on.then(|| self.upstreams.watch(server, uri.to_owned()));
        self.with(|state| {
            state.watches.retain(|watch| watch.uri() != uri);
            state.watches.extend(watch.flatten());
            state.session.watch(uri, on);
        });
    }

    /// Whether this session has processes of a server to itself.
    pub(super) fn is_private(&self, server: &str) -> bool {
        self.upstreams.is_private(server)
    }

    /// A shared server says that a resource changed.
    pub(super) fn updated(&self, params: &str) {
        self.with(|state| state.session.updated(params));
    }

    /// The next message for a reader of a stream.
    pub(super) fn next(&self, reader: &mut Reader) -> Next {
        // Not by `with`: a reader that wakes itself never sleeps.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return Next::End;
        }
        state.session.outbox.next(reader)
    }

    /// Drops what is kept for clients that may come back.
    pub(super) fn forget(&self) {
        self.with(|state| state.session.outbox.forget());
    }

    /// Ends the session: its streams, its processes, its requests.
    pub(super) fn end(&self) {
        self.with(|state| {
            state.ended = true;
            state.processes.clear();
            state.watches.clear();
            state.questions.clear();
            for token in state.session.abandon() {
                token.cancel();
            }
            state.session.outbox = mcp::session::outbox::Outbox::default();
        });
        self.bell.send_replace(());
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let bytes = state.session.outbox.bytes();
        self.kept.fetch_sub(bytes, Ordering::Relaxed);
    }
}
