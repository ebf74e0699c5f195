//! What a server up to 2025-11-25 asks during a request of 2026-07-28.

use std::sync::Arc;

use mcp::Error;
use mcp::dispatch::{MESSAGE, PING};
use mcp::error::METHOD_NOT_FOUND;
use mcp::jsonrpc::Id;
use mcp::rounds::{Open, Question, Resumed, may_ask};
use mcp::upstream::Greeting;

use crate::upstream::{Loan, Note, Said};

/// The process that serves the request and nothing else, and what it asked.
#[derive(Debug)]
pub(super) struct Asking {
    loan: Loan,
    greeting: Arc<Greeting>,
    open: Vec<Open>,
    asked: u64,
}

/// What comes of something that the process said.
pub(super) enum Taken {
    /// Nothing for the client.
    Nothing,
    /// A log message.
    Note(Note),
    /// The client is asked something.
    Asked,
}

impl Asking {
    pub(super) fn new(loan: Loan, greeting: Arc<Greeting>) -> Self {
        Self {
            loan,
            greeting,
            open: Vec::new(),
            asked: 0,
        }
    }

    /// Waits for what the process says. May be dropped and called again.
    pub(super) async fn said(&mut self) -> Said {
        self.loan.said().await
    }

    /// Takes what the process said.
    pub(super) fn take(&mut self, said: Said) -> Taken {
        match said {
            Said::Asked { id, method, params } => {
                self.asked(id, method, params);
                // What it asks at once goes out at once.
                while let Some(said) = self.loan.said_already() {
                    if let Said::Asked { id, method, params } = said {
                        self.asked(id, method, params);
                    }
                }
                if self.open.is_empty() {
                    Taken::Nothing
                } else {
                    Taken::Asked
                }
            }
            Said::Notice { method, params } if method == MESSAGE => {
                Taken::Note(Note { method, params })
            }
            _ => Taken::Nothing,
        }
    }

    fn asked(&mut self, id: Id, method: String, params: Option<String>) {
        if method == PING {
            return self.loan.respond(id, Ok("{}".into()));
        }
        if let Err(error) = may_ask(&self.greeting.capabilities, &method, params.as_deref()) {
            let error = Error::new(METHOD_NOT_FOUND, error.message);
            return self.loan.respond(id, Err(error.to_json().into()));
        }
        self.asked += 1;
        let key = self.asked.to_string();
        let question = Question {
            key,
            method,
            params,
        };
        self.open.push(Open { id, question });
    }

    /// The questions without an answer.
    pub(super) fn open(&self) -> &[Open] {
        &self.open
    }

    /// Passes the client's answers on. Questions that it left out stay open.
    pub(super) fn answer(&mut self, resumed: &Resumed) {
        let loan = &self.loan;
        self.open.retain(|open| {
            let answer = resumed.answer(&open.question);
            if let Some(answer) = answer {
                loan.respond(open.id.clone(), Ok(answer.into()));
            }
            answer.is_none()
        });
    }

    /// The request is answered.
    pub(super) fn done(self) {
        if self.open.is_empty() {
            self.loan.give_back();
        }
    }
}
