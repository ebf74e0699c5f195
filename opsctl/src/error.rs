//! What a command that could not do its work says.

use std::error::Error;

use findings::{Finding, Report};

use crate::exit::Exit;

/// The end of a command that could not do its work: the exit code, the sentence, and what was found.
#[derive(Debug)]
pub(crate) struct CommandError {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What went wrong, with its causes as `source()`; nothing where the findings say it all.
    pub(crate) error: Option<Box<dyn Error + Send + Sync>>,
    /// Ways out.
    pub(crate) hints: Vec<String>,
    /// What was found, with places.
    pub(crate) findings: Report,
}

impl CommandError {
    /// An error of any kind, without findings.
    pub(crate) fn new(exit: Exit, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            exit,
            error: Some(error.into()),
            hints: Vec::new(),
            findings: Report::new(),
        }
    }

    /// Findings that end the command.
    pub(crate) fn found(exit: Exit, findings: Report) -> Self {
        Self {
            exit,
            error: None,
            hints: Vec::new(),
            findings,
        }
    }

    /// One finding that ends the command.
    pub(crate) fn finding(exit: Exit, finding: Finding) -> Self {
        let mut findings = Report::new();
        findings.push(finding);
        Self::found(exit, findings)
    }

    /// The same error with one more way out.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The sentence and its causes, outermost first; empty where the findings say it all.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut cause: Option<&dyn Error> = self
            .error
            .as_deref()
            .map(|error| error as &(dyn Error + 'static));
        while let Some(error) = cause {
            let text = error.to_string();
            if lines.last() != Some(&text) {
                lines.push(text);
            }
            cause = error.source();
        }
        lines
    }
}

/// An effect on the machine failed: what was tried, on what, and the system's own error as the cause.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{subject}`")]
pub(crate) struct HostError {
    /// A verb: `read`, `write`, `run`.
    pub(crate) action: &'static str,
    /// The path, program or address.
    pub(crate) subject: String,
    /// The system's answer.
    pub(crate) source: std::io::Error,
}

impl HostError {
    /// For `map_err`: keeps the action and subject beside the system's error.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "called with `path.display()`"
    )]
    pub(crate) fn on(
        action: &'static str,
        subject: impl ToString,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let subject = subject.to_string();
        move |source| Self {
            action,
            subject,
            source,
        }
    }
}

impl From<HostError> for CommandError {
    fn from(error: HostError) -> Self {
        Self::new(Exit::Unexpected, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_and_after_its_effect() {
        let error = HostError::on("read", "/x")(std::io::Error::other("disk on fire"));
        let error = CommandError::from(error);
        assert_eq!(error.chain(), ["cannot read `/x`", "disk on fire"]);
        assert_eq!(error.exit, Exit::Unexpected);
    }
}
