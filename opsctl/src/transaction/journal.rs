//! What a transaction is about to do, written down before it does it.

use std::path::PathBuf;

use deploy::plan::Change;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Transaction;
use crate::error::HostError;
use crate::host::disk::Disk;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub(crate) enum Record {
    /// Everything that will be done; all texts are kept and nothing has changed yet.
    Begin {
        /// The whole of it.
        transaction: Box<Transaction>,
    },
    /// Units are told from here on.
    Telling,
    /// More is done than could be planned: what certbot got is put into its place.
    Further {
        /// What changes.
        changes: Vec<Change>,
    },
    /// It did what it should: from here on it is finished, not taken back.
    Verified {
        /// The document of the verification; null where there was none.
        verification: Value,
    },
    /// It is taken back from here on.
    Turned {
        /// Why.
        why: String,
    },
    /// It is over.
    Ended {
        /// How.
        outcome: Outcome,
        /// What was left alone because somebody else had changed it.
        left: Vec<String>,
    },
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It is in force.
    Committed,
    /// Everything is as it was.
    Restored,
}

/// The journal of a deployment: lines are only ever added.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    path: PathBuf,
}

/// A transaction that neither ended well nor was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unfinished {
    /// What it was to do.
    pub(crate) transaction: Transaction,
    /// What changed beside it, after its own files.
    pub(crate) further: Vec<Change>,
    /// The verification, when it passed: what is left is to commit.
    pub(crate) verified: Option<Value>,
}

impl Journal {
    /// The journal at a path.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds one line, durably.
    pub(crate) fn add(&self, disk: &dyn Disk, record: &Record) -> Result<(), HostError> {
        let text = serde_json::to_string(record)
            .map_err(|error| HostError::on("write", self.path.display())(error.into()))?;
        // a line that was cut off by a power failure ends here, and is nothing
        let start = if self.is_torn() { "\n" } else { "" };
        disk.append(&self.path, &format!("{start}{text}\n"))
    }

    /// The transaction that is not over, if there is one.
    ///
    /// # Errors
    /// When there is a journal that cannot be read.
    pub(crate) fn unfinished(&self) -> Result<Option<Unfinished>, HostError> {
        let mut unfinished: Option<Unfinished> = None;
        for record in self.records()? {
            match record {
                Record::Begin { transaction } => {
                    unfinished = Some(Unfinished {
                        transaction: *transaction,
                        further: Vec::new(),
                        verified: None,
                    });
                }
                Record::Further { changes } => {
                    if let Some(open) = &mut unfinished {
                        open.further.extend(changes);
                    }
                }
                Record::Verified { verification } => {
                    if let Some(open) = &mut unfinished {
                        open.verified = Some(verification);
                    }
                }
                // a write that failed may yet have reached the disk: what was turned round is not verified
                Record::Turned { .. } => {
                    if let Some(open) = &mut unfinished {
                        open.verified = None;
                    }
                }
                Record::Ended { .. } => unfinished = None,
                Record::Telling => {}
            }
        }
        Ok(unfinished)
    }

    /// Whether the transaction that is not over has come to the units, or was turned round.
    pub(crate) fn has_touched(&self) -> Result<bool, HostError> {
        let mut touched = false;
        for record in self.records()? {
            match record {
                Record::Begin { .. } | Record::Ended { .. } => touched = false,
                Record::Telling | Record::Turned { .. } => touched = true,
                Record::Verified { .. } | Record::Further { .. } => {}
            }
        }
        Ok(touched)
    }

    fn records(&self) -> Result<Vec<Record>, HostError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(HostError::on("read", self.path.display())(error)),
        };
        // a line that is no record was cut off before anything followed from it
        Ok(bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    fn is_torn(&self) -> bool {
        std::fs::read(&self.path).is_ok_and(|bytes| bytes.last().is_some_and(|last| *last != b'\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::disk::Real;
    use crate::transaction::Purpose;

    fn begin(generation: u64) -> Record {
        Record::Begin {
            transaction: Box::new(Transaction {
                generation,
                purpose: Purpose::Apply,
                who: "ann".into(),
                time: 0,
                plan: crate::made_up::empty_plan(),
            }),
        }
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::at(folder.path().join("journal"));
        (folder, journal)
    }

    #[test]
    fn what_began_and_did_not_end_is_unfinished() {
        let (_folder, journal) = journal();
        assert_eq!(journal.unfinished().expect("none"), None);
        let add = |record: &Record| journal.add(&Real, record).expect("written");
        add(&begin(1));
        add(&Record::Ended {
            outcome: Outcome::Committed,
            left: Vec::new(),
        });
        assert_eq!(journal.unfinished().expect("readable"), None);
        add(&begin(2));
        add(&Record::Verified {
            verification: Value::Bool(true),
        });
        let open = journal.unfinished().expect("readable").expect("open");
        assert_eq!(open.transaction.generation, 2);
        assert_eq!(open.verified, Some(Value::Bool(true)));
    }

    #[test]
    fn a_line_that_was_cut_off_is_nothing_and_hides_nothing() {
        let (_folder, journal) = journal();
        journal.add(&Real, &begin(1)).expect("written");
        Real.append(&journal.path, "{\"record\":\"verif")
            .expect("written");
        let open = journal.unfinished().expect("readable").expect("open");
        assert_eq!(open.verified, None);
        journal.add(&Real, &Record::Telling).expect("written");
        journal
            .add(
                &Real,
                &Record::Ended {
                    outcome: Outcome::Restored,
                    left: Vec::new(),
                },
            )
            .expect("written");
        assert_eq!(journal.unfinished().expect("readable"), None);
    }
}
