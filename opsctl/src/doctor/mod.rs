//! What `opsctl doctor` looks at. What was seen comes from `host`; here it is judged, and what is not well is a finding with the
//! next command.

pub(crate) mod certificates;
pub(crate) mod firewall;
pub(crate) mod names;
pub(crate) mod servers;
pub(crate) mod udp;

use findings::{Finding, Report, Severity};

use crate::checks::Status;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    /// The name that scripts know.
    pub(crate) id: &'static str,
    /// What was seen, in one line.
    pub(crate) detail: String,
    /// What is not well with it.
    pub(crate) findings: Report,
    /// It could not be seen.
    pub(crate) skipped: bool,
}

impl Check {
    /// Something that was seen.
    pub(crate) fn seen(id: &'static str, detail: impl Into<String>, findings: Report) -> Self {
        Self {
            id,
            detail: detail.into(),
            findings,
            skipped: false,
        }
    }

    /// Something that is well.
    pub(crate) fn well(id: &'static str, detail: impl Into<String>) -> Self {
        Self::seen(id, detail, Report::new())
    }

    /// Something with one finding, whose message is what was seen.
    pub(crate) fn found(id: &'static str, finding: Finding) -> Self {
        let mut findings = Report::new();
        let detail = finding.message.clone();
        findings.push(finding);
        Self::seen(id, detail, findings)
    }

    /// Something that could not be seen, and why.
    pub(crate) fn unseen(id: &'static str, why: impl Into<String>) -> Self {
        Self {
            skipped: true,
            ..Self::well(id, why)
        }
    }

    /// How it is.
    pub(crate) fn status(&self) -> Status {
        let worst = |severity| {
            let mut findings = self.findings.findings().iter();
            findings.any(|finding| finding.severity == severity)
        };
        if worst(Severity::Error) {
            Status::Fail
        } else if worst(Severity::Warn) {
            Status::Warn
        } else if self.skipped {
            Status::Skip
        } else {
            Status::Pass
        }
    }
}
