//! Requests of the revisions that open with a handshake.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use mcp::headers::{Accept, Field};
use mcp::jsonrpc::Id;
use mcp::legacy::{Asked, Opening, Parcel, Post, Routed, route};
use mcp::session::outbox::{Next, Reader, STANDING};
use mcp::{Catalog, Error, Revision, dispatch, reply, sse};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::errand::{Errand, UnderWay};
use super::live::{Live, Taken};
use super::read::{SESSION_ID, accept, headers, last_event_id, session_id};
use super::scope::Scope;
use super::{accepted, later, plain, refusal, stream};
use crate::app::App;
use crate::body::{self, Body};
use crate::middleware::request_id;
use crate::stream::{Ending, Turn};
use crate::upstream::{Call, Trace};

/// Opens a session.
pub(super) fn open(
    app: &App,
    opening: &Opening,
    scope: &Scope,
    catalog: &Catalog,
    accept: Accept,
) -> Response<Body> {
    let id = match app
        .sessions
        .open(Arc::clone(&opening.greeting), scope.clone())
    {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(error = %error, "no session was opened");
            let error = Error::unavailable(error.to_string());
            return later(plain(
                StatusCode::SERVICE_UNAVAILABLE,
                Some(&opening.id),
                &error,
            ));
        }
    };
    let mut response = stream::answer(opening.answer(&app.service, catalog), accept);
    // Hex digits are a header value.
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(SESSION_ID, id);
    }
    response
}

/// The session that a request names, or the answer to a request that names none.
fn session(app: &App, head: &Parts, scope: &Scope, id: Option<&Id>) -> Result<Arc<Live>, Refused> {
    let named = match session_id(head) {
        Field::One(named) => named,
        Field::Absent => {
            let message = "`Mcp-Session-Id` is missing: a session begins with `initialize`";
            return Err(Refused::new(StatusCode::BAD_REQUEST, id, message));
        }
        Field::Bad => {
            let message = "`Mcp-Session-Id` is repeated or not visible ASCII";
            return Err(Refused::new(StatusCode::BAD_REQUEST, id, message));
        }
    };
    // One of another path or another key is none of here. 404 tells a client to begin anew (2025-11-25, session management).
    app.sessions
        .find(named)
        .filter(|live| live.scope == *scope)
        .ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, id, NO_SESSION))
}

/// An answer to a request that is not served.
struct Refused(Box<Response<Body>>);

impl Refused {
    fn new(status: StatusCode, id: Option<&Id>, message: &str) -> Self {
        Self(Box::new(plain(status, id, &refusal(message))))
    }
}

/// Takes messages for a session.
pub(super) async fn post(
    app: &Arc<App>,
    post: Post,
    head: &Parts,
    scope: &Scope,
    accept: Accept,
) -> Response<Body> {
    if session_id(head) == Field::Absent
        && let Some(answer) = post.without_session()
    {
        return stream::answer(answer, accept);
    }
    let live = match session(app, head, scope, post.id()) {
        Ok(live) => live,
        Err(refused) => return *refused.0,
    };
    if post.batch
        && let Err(error) = live.with(|state| state.session.may_batch())
    {
        return plain(StatusCode::BAD_REQUEST, None, &error);
    }
    let (batch, answers) = (post.batch, post.answers());
    let lane = live.with(|state| state.session.outbox.open(answers));
    let _opened = Opened { live: &live, lane };
    let (mut taken, mut under_way) = (Taken::Yes, UnderWay::default());
    for parcel in post.parcels {
        match parcel {
            // Of several only the last is waited for here.
            Parcel::Request(asked) => under_way = request(app, &live, &asked, lane, head),
            Parcel::Notification { method, params } => live.told(&method, params.as_deref()),
            Parcel::Response { id, outcome } => {
                taken = taken.max(live.responded(id.as_ref(), outcome));
            }
            Parcel::Refused(answer) => push(app, &live, lane, answer, true),
        }
    }
    if answers == 0 {
        return match taken {
            Taken::Yes => accepted(),
            Taken::Unknown => {
                let error = refusal("nothing was asked under this id");
                plain(StatusCode::BAD_REQUEST, None, &error)
            }
            Taken::Later => {
                let error = Error::unavailable("the server does not read its answers");
                later(plain(StatusCode::SERVICE_UNAVAILABLE, None, &error))
            }
        };
    }
    let patience = app.sessions.patience();
    match settled(&live, lane, accept, (&mut under_way, patience)).await {
        Settled::Whole(answers) => whole(&answers, batch, accept),
        Settled::Stream => read(app, &live, head, lane, None),
        Settled::Ended => plain(StatusCode::NOT_FOUND, None, &refusal(NO_SESSION)),
    }
}

/// A stream that its client has not heard of yet. A client that leaves before that cannot come back to it.
struct Opened<'a> {
    live: &'a Live,
    lane: u64,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.live
            .with(|state| state.session.outbox.abandon(self.lane));
    }
}

/// What becomes of a POST.
enum Settled {
    /// All its answers are there, and nothing else.
    Whole(Vec<Box<str>>),
    /// They take longer, or do not come alone.
    Stream,
    /// The session was ended meanwhile.
    Ended,
}

/// Waits for the answers of a POST, a little.
async fn settled(
    live: &Live,
    lane: u64,
    accept: Accept,
    (under_way, mut patience): (&mut UnderWay, Turn),
) -> Settled {
    let mut bell = live.bell();
    loop {
        bell.borrow_and_update();
        let settled = live.with(|state| {
            let outbox = &mut state.session.outbox;
            let answers = match (accept.json, accept.events) {
                (false, _) => None,
                (true, true) => outbox.whole(lane),
                (true, false) => outbox.answers(lane),
            };
            match answers {
                Some(answers) => Some(Settled::Whole(answers)),
                None if state.ended => Some(Settled::Ended),
                None if !accept.json => Some(Settled::Stream),
                None if accept.events && outbox.has_remarks(lane) => Some(Settled::Stream),
                None => None,
            }
        });
        if let Some(settled) = settled {
            return settled;
        }
        tokio::select! {
            biased;
            done = under_way.go_on() => match done {
                Some(done) if accept.json => if let Some(answer) = done.hand_over() {
                    return Settled::Whole(vec![answer]);
                },
                Some(done) => done.deliver(),
                None => {}
            },
            rung = bell.changed() => if rung.is_err() {
                return Settled::Ended;
            },
            () = &mut patience, if accept.events => return Settled::Stream,
        }
    }
}

/// The answers of a POST as JSON.
fn whole(answers: &[Box<str>], batch: bool, accept: Accept) -> Response<Body> {
    let body = match answers {
        // Every request of it was cancelled.
        [] => return accepted(),
        [answer] if !batch => answer.to_string(),
        answers => format!("[{}]", answers.join(",")),
    };
    stream::answer(mcp::forward::Answer { status: 200, body }, accept)
}

/// Begins a request; its answer comes on `lane`, if it is not there at once.
fn request(app: &Arc<App>, live: &Arc<Live>, asked: &Asked, lane: u64, head: &Parts) -> UnderWay {
    let answered = |answer| {
        push(app, live, lane, answer, true);
        UnderWay::default()
    };
    let catalog = live.catalog();
    let (forward, watch) = match route(asked, &catalog, &app.service) {
        Routed::Answered(answer) => return answered(answer),
        Routed::Level { id, level } => {
            live.level(level);
            return answered(reply::result(&id, "{}"));
        }
        Routed::Watch { forward, uri, on } if !live.is_private(&forward.server) => {
            if !on {
                live.watch(&forward.server, &uri, false);
                return answered(reply::result(&asked.id, "{}"));
            }
            (forward, Some(uri))
        }
        Routed::Forward(forward) | Routed::Watch { forward, .. } => (forward, None),
    };
    let token = CancellationToken::new();
    let entered = live.with(|state| {
        let session = &mut state.session;
        session.begin(&asked.id, &forward.server, lane, token.clone())
    });
    if let Err(error) = entered {
        return answered(reply::error(Some(&asked.id), &error));
    }
    let errand = Errand {
        app: Arc::clone(app),
        live: Arc::clone(live),
        lane,
        call: Call {
            method: forward.method.clone(),
            params: forward.params.clone(),
            caller: live.caller(),
            request_id: request_id::of(&head.extensions).to_owned(),
            trace: Trace::of(&head.headers),
            endless: false,
        },
        forward: *forward,
        watch,
    };
    errand.begin(token)
}

fn push(app: &App, live: &Live, lane: u64, message: String, answer: bool) {
    live.with(|state| state.session.outbox.push(lane, message, answer));
    app.sessions.trim(live);
}

/// GET: the standing stream, or a broken one from where it broke.
pub(super) fn listen(app: &Arc<App>, head: &Parts, scope: &Scope) -> Response<Body> {
    if let Err(error) = dispatch::legacy_version(headers(head, &[]).protocol_version) {
        return plain(StatusCode::BAD_REQUEST, None, &error);
    }
    let live = match session(app, head, scope, None) {
        Ok(live) => live,
        Err(refused) => return *refused.0,
    };
    if !accept(head).events {
        let error = refusal("`Accept` does not take `text/event-stream`");
        return plain(StatusCode::NOT_ACCEPTABLE, None, &error);
    }
    match last_event_id(head) {
        Field::Absent => read(app, &live, head, STANDING, None),
        Field::One(id) => match sse::read_id(id) {
            Some((lane, after)) => read(app, &live, head, lane, Some(after)),
            None => plain(StatusCode::BAD_REQUEST, None, &refusal(FOREIGN_EVENT)),
        },
        Field::Bad => plain(StatusCode::BAD_REQUEST, None, &refusal(FOREIGN_EVENT)),
    }
}

/// DELETE: ends the session.
pub(super) fn end(app: &Arc<App>, head: &Parts, scope: &Scope) -> Response<Body> {
    if let Err(refused) = session(app, head, scope, None) {
        return *refused.0;
    }
    if let Field::One(id) = session_id(head) {
        app.sessions.end(id);
    }
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// A stream of a session as an answer.
fn read(
    app: &Arc<App>,
    live: &Arc<Live>,
    head: &Parts,
    lane: u64,
    after: Option<u64>,
) -> Response<Body> {
    let (reader, revision) = live.with(|state| {
        let reader = state.session.outbox.read(lane, after);
        (reader, state.session.revision())
    });
    let Some(reader) = reader else {
        let error = refusal("that stream is over, or what followed the event is not kept any more");
        return plain(StatusCode::BAD_REQUEST, None, &error);
    };
    // Clients of the older revisions take an empty event for a message.
    let first = match after {
        Some(_) => None,
        None if revision >= Revision::V2025_11_25 => {
            Some(sse::priming(lane, reader.after, RETRY_MS))
        }
        None => Some(sse::retry(RETRY_MS)),
    };
    let reading = Reading {
        bell: live.bell(),
        live: Arc::clone(live),
        reader,
        first,
    };
    let events = stream::events(reading, |mut reading| async {
        let event = reading.next().await?;
        Some((event, reading))
    });
    let ending = if lane == STANDING {
        Ending::Text(Bytes::new())
    } else {
        Ending::Finish
    };
    stream::open(app, head, events, ending)
}

/// One who reads a stream of a session.
struct Reading {
    live: Arc<Live>,
    bell: watch::Receiver<()>,
    reader: Reader,
    first: Option<String>,
}

impl Reading {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first.into());
        }
        loop {
            self.bell.borrow_and_update();
            match self.live.next(&mut self.reader) {
                Next::Message(number, message) => {
                    let id = Some((self.reader.lane, number));
                    return Some(sse::event(id, &message).into());
                }
                Next::End => return None,
                Next::Wait => self.bell.changed().await.ok()?,
            }
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let reader = &self.reader;
        self.live.with(|state| state.session.outbox.leave(reader));
    }
}

const NO_SESSION: &str = "there is no such session";
const FOREIGN_EVENT: &str = "`Last-Event-ID` is none of this origin";

/// How long a client whose stream broke is to wait: long enough that a thousand of them do not come back in one instant, short
/// enough that nobody notices.
const RETRY_MS: u64 = 500;
