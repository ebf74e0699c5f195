//! A transaction in force: forwards with everything written down first, and back again.

use std::collections::BTreeMap;
use std::path::Path;

use deploy::plan::{Change, Step};
use serde_json::Value;

use super::files::{Beside, Files, MoveError, Toward};
use super::units::Units;
use super::{Journal, Outcome, Purpose, Record, Transaction, Unfinished};
use crate::acme;
use crate::error::HostError;
use crate::generations::{Draft, Generations};
use crate::host::disk::{Disk, remove_tree};
use crate::host::services::Services;
use crate::state::State;

/// The machine on which transactions run.
#[derive(Clone, Copy)]
pub(crate) struct Machine<'a> {
    /// What changes the disk.
    pub(crate) disk: &'a dyn Disk,
    /// The folder that the machine's paths are below; `/` for this machine.
    pub(crate) root: &'a Path,
    /// The state of the deployment.
    pub(crate) state: &'a State,
    /// What tells the units.
    pub(crate) services: &'a Services,
}

/// A transaction that did not come to its end.
#[derive(Debug)]
pub(crate) struct Failed<E> {
    /// Why.
    pub(crate) cause: Cause<E>,
    /// What the machine is like now.
    pub(crate) end: End,
}

/// Why a transaction did not come to its end.
#[derive(Debug)]
pub(crate) enum Cause<E> {
    /// Something could not be moved, or a unit not be told.
    Move(MoveError),
    /// One of the two questions had a bad answer.
    Proof(E),
}

/// What the machine is like after a transaction that did not come to its end.
#[derive(Debug)]
pub(crate) enum End {
    /// It had not begun.
    Untouched,
    /// As before, but for these, which somebody else has changed meanwhile.
    Restored(Vec<String>),
    /// Neither as before nor as it should be; the next run tries again.
    NotRestored(MoveError),
    /// In force and verified; only the generation is not written yet, which the next run does.
    InForce,
}

/// What came of a transaction that an earlier run left behind.
#[derive(Debug, PartialEq)]
pub(crate) enum Recovered {
    /// There was none.
    Nothing,
    /// It had passed its verification, and is committed now: what it was.
    Finished(String),
    /// It is taken back: what it was. These were changed by somebody else meanwhile, and left alone.
    Undone(String, Vec<String>),
}

impl Machine<'_> {
    /// The journal of the deployment.
    pub(crate) fn journal(&self) -> Journal {
        Journal::at(self.state.journal())
    }

    /// Does it: everything is written down, installed and taken up by the units; `installed` is asked before the units are
    /// told and `taken_up` after it, and what that returns is kept as the verification. Where anything fails everything is
    /// taken back. Without a draft it makes no generation.
    pub(crate) async fn run<E>(
        &self,
        transaction: &Transaction,
        draft: Option<&Draft>,
        installed: impl AsyncFnOnce() -> Result<(), E>,
        taken_up: impl AsyncFnOnce() -> Result<Value, E>,
    ) -> Result<(), Failed<E>> {
        if let Err(error) = self.begin(transaction, draft) {
            // what was prepared is nothing without its line in the journal; the next run clears it away
            return Err(Failed {
                cause: Cause::Move(error),
                end: End::Untouched,
            });
        }
        let (first, rest) = halves(&transaction.plan.steps);
        let forwards = async {
            self.install(first).await.map_err(Cause::Move)?;
            installed().await.map_err(Cause::Proof)?;
            self.take_up(first, rest).await.map_err(Cause::Move)?;
            let verification = taken_up().await.map_err(Cause::Proof)?;
            let verified = Record::Verified {
                verification: verification.clone(),
            };
            self.journal()
                .add(self.disk, &verified)
                .map_err(|error| Cause::Move(error.into()))?;
            Ok(verification)
        };
        let cause = match forwards.await {
            Ok(verification) => {
                let finished = self
                    .further()
                    .and_then(|further| self.finish(transaction, &further, &verification));
                return finished.map_err(|error| Failed {
                    cause: Cause::Move(error.into()),
                    end: End::InForce,
                });
            }
            Err(cause) => cause,
        };
        let why = match &cause {
            Cause::Move(error) => error.to_string(),
            Cause::Proof(_) => "it did not pass".to_owned(),
        };
        let end = match self.undo(transaction, &why).await {
            Ok(left) => End::Restored(left),
            Err(error) => End::NotRestored(error),
        };
        Err(Failed { cause, end })
    }

    /// Finishes or takes back what an earlier run left behind.
    pub(crate) async fn recover(&self) -> Result<Recovered, MoveError> {
        let Some(Unfinished {
            transaction,
            further,
            verified,
        }) = self.journal().unfinished()?
        else {
            return Ok(Recovered::Nothing);
        };
        let what = match transaction.purpose {
            Purpose::Certificate => "a new certificate".to_owned(),
            _ => format!("generation {}", transaction.generation),
        };
        if let Some(verification) = verified {
            self.finish(&transaction, &further, &verification)?;
            return Ok(Recovered::Finished(what));
        }
        let left = self
            .undo(&transaction, "the run that began it did not end it")
            .await?;
        Ok(Recovered::Undone(what, left))
    }

    /// Writes down what will be done, with every text of both sides. Nothing of the machine has changed after it.
    fn begin(&self, transaction: &Transaction, draft: Option<&Draft>) -> Result<(), MoveError> {
        let files = self.files(&transaction.plan.steps);
        let moved = files.not_before()?;
        if !moved.is_empty() {
            return Err(MoveError::Moved(moved));
        }
        if let Some(draft) = draft {
            Generations { state: self.state }.prepare(self.disk, draft)?;
        }
        files.keep(&transaction.plan.texts)?;
        let mut transaction = transaction.clone();
        transaction.plan.texts.clear();
        let begin = Record::Begin {
            transaction: Box::new(transaction),
        };
        Ok(self.journal().add(self.disk, &begin)?)
    }

    /// Accounts, then the files of the steps before the first unit is told anything.
    async fn install(&self, first: &[Step]) -> Result<(), MoveError> {
        self.units().make_accounts(first).await?;
        self.files(first).go(Toward::After)?;
        Ok(())
    }

    /// What the units are told, then the files that only go when nothing uses them any more.
    async fn take_up(&self, first: &[Step], rest: &[Step]) -> Result<(), MoveError> {
        self.journal().add(self.disk, &Record::Telling)?;
        let last_change = rest
            .iter()
            .rposition(|step| matches!(step, Step::Change(_)))
            .map_or(0, |place| place + 1);
        let (until_files, after_files) = rest.split_at(last_change);
        for step in first.iter().chain(until_files) {
            self.tell(step).await?;
        }
        self.files(rest).go(Toward::After)?;
        for step in after_files {
            self.tell(step).await?;
        }
        Ok(())
    }

    async fn tell(&self, step: &Step) -> Result<(), MoveError> {
        let Step::Issue(issue) = step else {
            return Ok(self.units().tell(step).await?);
        };
        let issued = acme::issue(self.root, issue).await;
        let (changes, texts) = issued.map_err(|source| MoveError::NotIssued {
            names: issue.names.join(" "),
            source,
        })?;
        self.go_further(&changes, &texts)
    }

    /// Changes files that the plan could not know, written down as everything else is.
    pub(crate) fn go_further(
        &self,
        changes: &[Change],
        texts: &BTreeMap<String, String>,
    ) -> Result<(), MoveError> {
        let files = self.files_of(changes);
        files.keep_more(texts)?;
        let further = Record::Further {
            changes: changes.to_vec(),
        };
        self.journal().add(self.disk, &further)?;
        files.go(Toward::After)?;
        Ok(())
    }

    /// What changed beside the plan.
    fn further(&self) -> Result<Vec<Change>, HostError> {
        let unfinished = self.journal().unfinished()?;
        Ok(unfinished.map_or_else(Vec::new, |open| open.further))
    }

    fn finish(
        &self,
        transaction: &Transaction,
        further: &[Change],
        verification: &Value,
    ) -> Result<(), HostError> {
        let generations = Generations { state: self.state };
        generations.commit(self.disk, transaction.generation, verification)?;
        let files = self.files(&transaction.plan.steps);
        files.sweep(Beside::Old)?;
        self.files_of(further).sweep(Beside::Old)?;
        let left = files.remove_folders(Toward::After)?;
        self.end(Outcome::Committed, left)
    }

    /// Takes a transaction back: what somebody else has changed meanwhile is left alone, and returned.
    async fn undo(&self, transaction: &Transaction, why: &str) -> Result<Vec<String>, MoveError> {
        let files = self.files(&transaction.plan.steps);
        let journal = self.journal();
        let further = self.further()?;
        // units that never saw a change are not told about it
        let touched = journal.has_touched()? || !files.not_before()?.is_empty();
        let turned = Record::Turned {
            why: why.to_owned(),
        };
        // a disk without room for one more line has room for going back, and the next run sees that it is not over
        let told = journal.add(self.disk, &turned);
        let steps = transaction.plan.undo(transaction.plan.steps.len());
        let first_change = steps
            .iter()
            .position(|step| matches!(step, Step::Change(_)))
            .unwrap_or(steps.len());
        let (before, after) = steps.split_at(first_change);
        if touched {
            self.tell_back(before).await?;
        }
        // last first: what came later stands on what came before
        let mut left = self.files_of(&further).go(Toward::Before)?;
        left.extend(files.go(Toward::Before)?);
        if touched {
            self.tell_back(after).await?;
        }
        files.sweep(Beside::Old)?;
        self.files_of(&further).sweep(Beside::Old)?;
        Generations { state: self.state }.discard(self.disk)?;
        if told.is_ok() {
            self.end(Outcome::Restored, left.clone())?;
        }
        Ok(left)
    }

    async fn tell_back(&self, steps: &[Step]) -> Result<(), HostError> {
        for step in steps {
            self.units().tell_where_needed(step).await?;
        }
        Ok(())
    }

    fn end(&self, outcome: Outcome, left: Vec<String>) -> Result<(), HostError> {
        let ended = Record::Ended { outcome, left };
        self.journal().add(self.disk, &ended)?;
        remove_tree(self.disk, &self.state.texts())
    }

    fn files<'s>(&'s self, steps: &'s [Step]) -> Files<'s> {
        let changes = steps.iter().filter_map(|step| match step {
            Step::Change(change) => Some(change),
            _ => None,
        });
        Files {
            disk: self.disk,
            root: self.root,
            state: self.state,
            changes: changes.collect(),
        }
    }

    fn files_of<'s>(&'s self, changes: &'s [Change]) -> Files<'s> {
        Files {
            changes: changes.iter().collect(),
            ..self.files(&[])
        }
    }

    fn units(&self) -> Units<'_> {
        Units {
            root: self.root,
            state: self.state,
            services: self.services,
        }
    }
}

/// The steps before the first unit is told anything, and the rest.
fn halves(steps: &[Step]) -> (&[Step], &[Step]) {
    let first = steps
        .iter()
        .position(|step| matches!(step, Step::Units { .. }));
    steps.split_at(first.unwrap_or(steps.len()))
}
