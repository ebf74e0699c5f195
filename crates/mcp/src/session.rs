//! One session of a client up to 2025-11-25: its streams, its requests in flight, and what servers asked it.

pub mod outbox;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::dispatch::method;
use crate::error::{Error, INVALID_REQUEST};
use crate::jsonrpc::Id;
use crate::listen::{changes, updated_uri};
use crate::raw::Object;
use crate::reply;
use crate::upstream::Greeting;
use crate::version::Revision;
use outbox::{Outbox, STANDING};

/// One session. `T` is what the one who drives it needs to cancel a request.
#[derive(Debug)]
pub struct Session<T> {
    /// Who the client is.
    pub greeting: Arc<Greeting>,
    /// Its streams.
    pub outbox: Outbox,
    flights: HashMap<Id, Flight<T>>,
    began: u64,
    asked: HashMap<u64, Asker>,
    next_ask: u64,
    watched: HashSet<String>,
}

#[derive(Debug)]
struct Flight<T> {
    server: Arc<str>,
    lane: u64,
    began: u64,
    handle: T,
}

/// Who asks a client.
#[derive(Debug)]
enum Asker {
    /// A server, with this id.
    Server(Arc<str>, Id),
    /// The origin, for one of the client's requests.
    Origin,
}

/// Who asked what a client answers.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// A server, with this id.
    Server(Arc<str>, Id),
    /// The origin, with what [`Session::ask_for`] gave.
    Origin(u64),
    /// Somebody who does not wait any more.
    Nobody,
    /// Nothing was ever asked under this id.
    Unknown,
}

impl<T> Session<T> {
    /// A session that has just been opened.
    pub fn new(greeting: Arc<Greeting>) -> Self {
        Self {
            greeting,
            outbox: Outbox::default(),
            flights: HashMap::new(),
            began: 0,
            asked: HashMap::new(),
            next_ask: 1,
            watched: HashSet::new(),
        }
    }

    /// The revision that was agreed.
    pub fn revision(&self) -> Revision {
        self.greeting.revision
    }

    /// Whether a batch may come: one revision has them.
    ///
    /// # Errors
    /// The error to answer with, at 400.
    pub fn may_batch(&self) -> Result<(), Error> {
        if self.revision() == Revision::V2025_03_26 {
            return Ok(());
        }
        let message = format!("MCP {} has no batches", self.revision());
        Err(Error::new(INVALID_REQUEST, message))
    }

    /// Enters a request that goes to `server` and is answered on `lane`.
    ///
    /// # Errors
    /// A request of this id has no answer yet, or too many have none.
    pub fn begin(&mut self, id: &Id, server: &Arc<str>, lane: u64, handle: T) -> Result<(), Error> {
        if self.flights.contains_key(id) {
            let message = format!("a request with the id {id} has no answer yet");
            return Err(Error::new(INVALID_REQUEST, message));
        }
        if self.flights.len() >= MAX_FLIGHTS {
            let message = format!("{MAX_FLIGHTS} requests of this session have no answer yet");
            return Err(Error::unavailable(message));
        }
        self.began += 1;
        let flight = Flight {
            server: Arc::clone(server),
            lane,
            began: self.began,
            handle,
        };
        self.flights.insert(id.clone(), flight);
        Ok(())
    }

    /// A request is answered. `false` when it was cancelled meanwhile: its answer must not be sent.
    pub fn finish(&mut self, id: &Id) -> bool {
        self.flights.remove(id).is_some()
    }

    /// Takes the client's `notifications/cancelled`: what the request was entered with, if it has no answer yet.
    pub fn cancel(&mut self, params: &str) -> Option<T> {
        let params = Object::read(params)?;
        let id = params.find("requestId")?.value;
        let known = self.flights.keys().find(|known| known.as_json() == id)?;
        let known = known.clone();
        let flight = self.flights.remove(&known)?;
        self.outbox.give_up(flight.lane);
        Some(flight.handle)
    }

    /// Gives up all requests: what they were entered with.
    pub fn abandon(&mut self) -> impl Iterator<Item = T> + use<'_, T> {
        self.flights.drain().map(|(_, flight)| flight.handle)
    }

    /// How many requests have no answer yet.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Puts a server's request before the client, under an id of this session.
    pub fn ask(&mut self, server: &Arc<str>, id: Id, method: &str, params: Option<&str>) {
        let lane = self.lane_of(server);
        self.put(Asker::Server(Arc::clone(server), id), lane, method, params);
    }

    /// Puts a question before the client that one of its requests needs answered, which is itself answered on `lane`.
    pub fn ask_for(&mut self, lane: u64, method: &str, params: Option<&str>) -> u64 {
        self.put(Asker::Origin, lane, method, params)
    }

    fn put(&mut self, asker: Asker, lane: u64, method: &str, params: Option<&str>) -> u64 {
        let number = self.next_ask;
        self.next_ask += 1;
        self.asked.insert(number, asker);
        let message = reply::request(&Id::of(number), method, params);
        self.outbox.push(lane, message, false);
        number
    }

    /// Takes back a question of [`Session::ask_for`] that has no answer yet.
    pub fn take_back(&mut self, lane: u64, number: u64) {
        if self.asked.remove(&number).is_some() {
            let params = format!("{{\"requestId\":{number}}}");
            let message = reply::notification(method::CANCELLED, Some(&params));
            self.outbox.push(lane, message, false);
        }
    }

    /// The server whose question a client's response would answer.
    pub fn asker(&self, id: Option<&Id>) -> Option<&Arc<str>> {
        match self.asked.get(&id?.number()?)? {
            Asker::Server(server, _) => Some(server),
            Asker::Origin => None,
        }
    }

    /// Whose request a client's response answers.
    pub fn answered(&mut self, id: Option<&Id>) -> Answered {
        let Some(number) = id.and_then(Id::number) else {
            return Answered::Unknown;
        };
        match self.asked.remove(&number) {
            Some(Asker::Server(server, id)) => Answered::Server(server, id),
            Some(Asker::Origin) => Answered::Origin(number),
            None if number < self.next_ask && number > 0 => Answered::Nobody,
            None => Answered::Unknown,
        }
    }

    /// Passes on a server's notification that names no request: with the request of that server that is likely its cause, else
    /// on the standing stream. One message goes to one stream (2025-11-25, Streamable HTTP).
    pub fn notice(&mut self, server: &Arc<str>, method: &str, params: Option<&str>) {
        if method == method::CANCELLED {
            return self.withdraw(server, params.unwrap_or_default());
        }
        let message = reply::notification(method, params);
        if method == method::RESOURCE_UPDATED {
            return self.outbox.tell(message);
        }
        let lane = self.lane_of(server);
        if lane == STANDING {
            self.outbox.tell(message);
        } else {
            self.outbox.push(lane, message, false);
        }
    }

    /// Passes on a notification of a request that is answered on `lane`.
    pub fn note(&mut self, lane: u64, method: &str, params: Option<&str>) {
        let message = reply::notification(method, params);
        self.outbox.push(lane, message, false);
    }

    /// Tells of the lists that changed from `old` to `new`.
    pub fn changed(&mut self, old: &Catalog, new: &Catalog) {
        for kind in changes(old, new) {
            let message = reply::notification(method::change_of(kind), None);
            self.outbox.tell(message);
        }
    }

    /// Notes that the client wants to hear of changes of a resource that a shared server has, or no more.
    pub fn watch(&mut self, uri: &str, on: bool) {
        if on {
            self.watched.insert(uri.to_owned());
        } else {
            self.watched.remove(uri);
        }
    }

    /// Tells of a change of a resource that a shared server has, if the client wants to hear of it.
    pub fn updated(&mut self, params: &str) {
        if updated_uri(params).is_some_and(|uri| self.watched.contains(&uri)) {
            let message = reply::notification(method::RESOURCE_UPDATED, Some(params));
            self.outbox.tell(message);
        }
    }

    /// A server is gone: what it asked needs no answer any more.
    pub fn lost(&mut self, server: &str) {
        self.asked
            .retain(|_, asker| !matches!(asker, Asker::Server(own, _) if **own == *server));
    }

    /// A server takes its question back; the client knows it under another id.
    fn withdraw(&mut self, server: &Arc<str>, params: &str) {
        let Some(params) = Object::read(params) else {
            return;
        };
        let Some(member) = params.find("requestId") else {
            return;
        };
        let theirs = |asker: &Asker| matches!(asker, Asker::Server(own, id) if own == server && id.as_json() == member.value);
        let mut asked = self.asked.iter();
        let Some(number) = asked
            .find(|(_, asked)| theirs(asked))
            .map(|(number, _)| *number)
        else {
            return;
        };
        self.asked.remove(&number);
        let params = params.replaced(member, &number.to_string());
        let lane = self.lane_of(server);
        let message = reply::notification(method::CANCELLED, Some(&params));
        self.outbox.push(lane, message, false);
    }

    /// The stream for a message of `server` that says nothing of its cause: that of its newest request that somebody reads, else
    /// the standing one if somebody reads that, else that of its newest request, else the standing one.
    fn lane_of(&self, server: &str) -> u64 {
        let own = self
            .flights
            .values()
            .filter(|flight| *flight.server == *server);
        let newest = |read: bool| {
            own.clone()
                .filter(|flight| !read || self.outbox.is_read(flight.lane))
                .max_by_key(|flight| flight.began)
                .map(|flight| flight.lane)
        };
        newest(true)
            .or_else(|| self.outbox.is_read(STANDING).then_some(STANDING))
            .or_else(|| newest(false))
            .unwrap_or(STANDING)
    }
}

/// Whether a notification of a client is for the servers of its session: all are but those about the session itself.
pub fn is_for_servers(method: &str) -> bool {
    !matches!(method, method::INITIALIZED | method::CANCELLED)
}

/// Whether a notification is the client's wish to cancel a request.
pub fn is_cancel(method: &str) -> bool {
    method == method::CANCELLED
}

/// The requests of one session that may be without an answer: as many as an HTTP/2 connection has streams by default here. A
/// client that leaves has not cancelled, so its connections do not bound them.
const MAX_FLIGHTS: usize = 100;
