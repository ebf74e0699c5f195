//! Processes that are lent to one request at a time: for clients without a session whom a server up to 2025-11-25 may ask
//! something. A pipe does not say which request a question belongs to; with one request on it there is no doubt.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp::jsonrpc::Id;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::private::{Private, Said};
use super::{Call, Exchange, Hears};

/// A process that serves one request. Dropped, it is ended; [`Loan::give_back`] keeps it for the next one.
#[derive(Debug)]
pub struct Loan {
    process: Private,
    said: mpsc::Receiver<Said>,
    of: Of,
    home: Arc<Loans>,
}

/// What a process was started as: its server, and the capabilities that it was greeted with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Of {
    pub(super) server: Arc<str>,
    pub(super) capabilities: Box<str>,
}

/// The processes that nobody needs at the moment.
#[derive(Default)]
pub(super) struct Loans {
    idle: Mutex<HashMap<Of, Vec<Idle>>>,
    number: AtomicU64,
}

struct Idle {
    number: u64,
    process: Private,
    said: mpsc::Receiver<Said>,
}

impl Loan {
    /// A process that has just been started, and heard by what [`ear`] gave.
    pub(super) fn new(home: &Arc<Loans>, of: Of, process: Private, said: Heard) -> Self {
        Self {
            process,
            said: said.0,
            of,
            home: Arc::clone(home),
        }
    }

    /// Hands over the request.
    pub fn begin(&self, call: Call) -> Exchange {
        self.process.way().begin(call)
    }

    /// Sends a request whose answer nobody wants.
    pub fn send(&self, method: &'static str, params: String) {
        self.process.send(method, params);
    }

    /// Answers what the process asked.
    pub fn respond(&self, id: Id, outcome: Result<Box<str>, Box<str>>) {
        self.process.respond(id, outcome);
    }

    /// What the process has to say beside the answer to its request. May be dropped and called again.
    pub async fn said(&mut self) -> Said {
        match self.said.recv().await {
            Some(said) => said,
            // Its request is answered with its end.
            None => pending().await,
        }
    }

    /// The same, if there is something already.
    pub fn said_already(&mut self) -> Option<Said> {
        self.said.try_recv().ok()
    }

    /// Its request is answered: another one may have it.
    pub fn give_back(mut self) {
        while let Ok(said) = self.said.try_recv() {
            // One that still asks something is not done with its request, whatever it has answered.
            if matches!(said, Said::Asked { .. } | Said::Ended) {
                return;
            }
        }
        if !self.process.is_over() {
            self.home.clone().keep(self);
        }
    }
}

/// See [`ear`].
pub(super) struct Heard(mpsc::Receiver<Said>);

/// The two ends of what a process says.
pub(super) fn ear() -> (Hears, Heard) {
    let (sender, said) = mpsc::channel(SAID);
    let hears = Box::new(move |said| {
        if sender.try_send(said).is_err() {
            tracing::debug!("what a process said was not taken in time");
        }
    });
    (hears, Heard(said))
}

impl Loans {
    /// A process that waits for a request.
    pub(super) fn take(self: &Arc<Self>, of: &Of) -> Option<Loan> {
        let mut idle = self.lock();
        let waiting = idle.get_mut(of)?;
        while let Some(Idle { process, said, .. }) = waiting.pop() {
            if !process.is_over() {
                drop(idle);
                return Some(Loan::new(self, of.clone(), process, Heard(said)));
            }
        }
        None
    }

    /// Ends the idle processes of a server: their places are needed.
    pub(super) fn clear(&self, server: &str) {
        self.lock().retain(|of, _| *of.server != *server);
    }

    fn keep(self: Arc<Self>, loan: Loan) {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (of, process, said) = (loan.of, loan.process, loan.said);
        let entry = Idle {
            number,
            process,
            said,
        };
        self.lock().entry(of.clone()).or_default().push(entry);
        let home = Arc::downgrade(&self);
        tokio::spawn(async move {
            sleep(IDLE).await;
            if let Some(home) = home.upgrade() {
                let mut idle = home.lock();
                if let Some(waiting) = idle.get_mut(&of) {
                    waiting.retain(|idle| idle.number != number);
                    if waiting.is_empty() {
                        idle.remove(&of);
                    }
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Of, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Loans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loans")
            .field("idle", &self.lock().values().map(Vec::len).sum::<usize>())
            .finish_non_exhaustive()
    }
}

/// How long a process waits for its next request: the longest pause of a model between two calls that was seen is below it, and
/// a Python process that nobody needs holds 40 to 60 MB.
const IDLE: Duration = Duration::from_mins(1);

/// What a process may say before it is heard. It has one request, and asks one thing after another.
const SAID: usize = 256;
