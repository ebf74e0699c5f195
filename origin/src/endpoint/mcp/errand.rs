//! One request of a session on its way to a server and back.

use std::sync::Arc;
use std::time::Duration;

use mcp::Error;
use mcp::forward::Forward;
use mcp::rounds::{Required, may_ask};
use mcp::seal::Moment;
use tokio::time::timeout;

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
    /// Brings the answer to the session. Dropped, the request is cancelled at the server.
    pub(super) async fn run(self) {
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
        self.live.with(|state| {
            if state.session.finish(self.forward.id()) {
                state.session.outbox.push(self.lane, answer.body, true);
            }
        });
        self.app.sessions.trim(&self.live);
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

/// How long a client may take to answer one question: as long as a client of 2026-07-28 may ([`mcp::seal::LIFETIME`]).
const PATIENCE: Duration = mcp::seal::LIFETIME;

/// How often one request may ask its client: a form of many pages passes, a server that asks for ever does not.
const MAX_ROUNDS: usize = 32;
