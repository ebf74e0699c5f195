//! One request of a session on its way to a server and back.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mcp::Error;
use mcp::forward::Forward;
use mcp::rounds::{Required, may_ask};
use mcp::seal::Moment;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::live::Live;
use super::{failure, since_epoch};
use crate::app::App;
use crate::upstream::{Call, CallError, Heard, RawResult};

/// One request on its way to a server and back.
pub(super) struct Errand {
    pub(super) app: Arc<App>,
    pub(super) live: Arc<Live>,
    pub(super) lane: u64,
    pub(super) call: Call,
    pub(super) forward: Forward,
    /// The resource that the client wants to hear of when the server agrees.
    pub(super) watch: Option<String>,
}

/// Why a request has no result.
enum Failed {
    /// The server did not answer, or with an error.
    Call(CallError),
    /// The client did not answer what the server asked of it.
    Client(Error),
    /// The client refused to, with this error.
    Refused(Box<str>),
}

impl Errand {
    /// Sets out, until `over` is cancelled.
    pub(super) fn begin(self, over: CancellationToken) -> UnderWay {
        UnderWay(Some(Box::pin(async move {
            over.run_until_cancelled(self.run()).await
        })))
    }

    /// Comes back with the answer. Dropped, the request is cancelled at the server.
    async fn run(self) -> Done {
        let outcome = self.rounds().await;
        if let (Ok(_), Some(uri)) = (&outcome, &self.watch) {
            self.live.watch(&self.forward.server, uri, true);
        }
        // Up to 2025-11-25 there is no state to seal.
        let (now, nonce) = (since_epoch(&self.app), [0; 12]);
        let sealing = (&*self.app.seal, Moment { now, nonce });
        let (forward, service) = (&self.forward, &self.app.service);
        let answer = match &outcome {
            Ok(result) => forward.answer(service, Ok(result), sealing),
            Err(Failed::Call(CallError::Refused(error)) | Failed::Refused(error)) => {
                forward.answer(service, Err(error), sealing)
            }
            Err(Failed::Call(error)) => forward.failed(&failure(error)),
            Err(Failed::Client(error)) => forward.failed(error),
        };
        Done {
            answer: answer.body,
            errand: self,
        }
    }

    /// Asks the server again and again, with what the client answers to its questions.
    async fn rounds(&self) -> Result<RawResult, Failed> {
        let mut call = self.call.clone();
        for _ in 0..MAX_ROUNDS {
            let result = self.round(call).await.map_err(Failed::Call)?;
            let Some(required) = Required::read(&result) else {
                return Ok(result);
            };
            let mut answers = Vec::new();
            for question in &required.questions {
                let params = question.params.as_deref();
                answers.push(self.asked(&question.method, params).await?);
            }
            call = Call {
                params: required.answered(&self.call.params, &answers),
                ..self.call.clone()
            };
        }
        let message = format!("the server asked more than {MAX_ROUNDS} times");
        Err(Failed::Client(Error::unavailable(message)))
    }

    async fn round(&self, call: Call) -> Result<RawResult, CallError> {
        let mut exchange = self.live.begin(&self.forward, call)?;
        loop {
            match exchange.next().await {
                Heard::Answer(outcome) => return outcome,
                Heard::Note(note) => {
                    let params = note.params.as_deref();
                    self.live
                        .with(|state| state.session.note(self.lane, &note.method, params));
                    self.app.sessions.trim(&self.live);
                }
            }
        }
    }

    /// Asks the client, which may take a person's time.
    async fn asked(&self, method: &str, params: Option<&str>) -> Result<Box<str>, Failed> {
        let capabilities = self.live.capabilities();
        may_ask(&capabilities, method, params).map_err(Failed::Client)?;
        let question = self.live.ask(self.lane, method, params);
        self.app.sessions.trim(&self.live);
        match timeout(PATIENCE, question.answer()).await {
            Ok(Some(answer)) => answer.map_err(Failed::Refused),
            Ok(None) => Err(Failed::Client(Error::unavailable("the session is over"))),
            Err(_) => {
                let message = format!("the client did not answer `{method}` within {PATIENCE:?}");
                Err(Failed::Client(Error::timeout(message)))
            }
        }
    }
}

/// An errand that came back.
pub(super) struct Done {
    errand: Errand,
    answer: String,
}

impl Done {
    /// Puts the answer on its stream.
    pub(super) fn deliver(self) {
        let Self { errand, answer } = self;
        errand.live.with(|state| {
            if state.session.finish(errand.forward.id()) {
                state.session.outbox.push(errand.lane, answer, true);
            }
        });
        errand.app.sessions.trim(&errand.live);
    }

    /// Hands the answer to one who waits for it as JSON, where it is the whole of its stream; else puts it there. Nobody is woken
    /// for it in the first case: whoever waits is here.
    pub(super) fn hand_over(mut self) -> Option<Box<str>> {
        let errand = &self.errand;
        let answer = std::mem::take(&mut self.answer);
        let direct = errand.live.with(|state| {
            // one that was cancelled has no answer any more
            let outbox = &mut state.session.outbox;
            if !outbox.awaits_only(errand.lane) {
                return Err(answer);
            }
            if !state.session.finish(errand.forward.id()) {
                return Err(answer);
            }
            state.session.outbox.abandon(errand.lane);
            Ok(answer.into_boxed_str())
        });
        match direct {
            Ok(answer) => {
                // what earlier answers left may be given back now that their clients have read them
                self.errand.app.sessions.trim(&self.errand.live);
                Some(answer)
            }
            Err(answer) => {
                self.answer = answer;
                self.deliver();
                None
            }
        }
    }
}

/// An errand that is run by whoever waits for it: a task of its own wakes other threads, which costs more than the rest. When nobody
/// waits any more it goes on in one: a client that goes away has not cancelled anything (2025-11-25, Streamable HTTP), and may
/// come back for the answer.
#[derive(Default)]
pub(super) struct UnderWay(Option<Running>);

type Running = Pin<Box<dyn Future<Output = Option<Done>> + Send>>;

impl UnderWay {
    /// Goes on with it, to its end; `None`: it was cancelled. May be dropped at any time; waits for ever where there is nothing to do.
    pub(super) async fn go_on(&mut self) -> Option<Done> {
        let done = match &mut self.0 {
            Some(errand) => errand.await,
            None => pending().await,
        };
        self.0 = None;
        done
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(errand) = self.0.take() {
            tokio::spawn(async move {
                if let Some(done) = errand.await {
                    done.deliver();
                }
            });
        }
    }
}

/// How long a client may take to answer one question: as long as a client of 2026-07-28 may ([`mcp::seal::LIFETIME`]).
const PATIENCE: Duration = mcp::seal::LIFETIME;

/// How often one request may ask its client: a form of many pages passes, a server that asks for ever does not.
const MAX_ROUNDS: usize = 32;
