//! One thing that is wrong, and all things that are wrong.

use std::fmt;

use serde::Serialize;

use crate::place::Place;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// It works, and will hurt.
    Warn,
    /// It does not work: nothing is done until it is mended.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warn => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that is wrong, with its place and the way out.
///
/// The JSON form has exactly these fields: `{severity, id, path, file, line, message, hint}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name such as `spec.unknown-key`: scripts and documents refer to it.
    pub id: String,
    /// The key path in the input, as `edge.https_port` or `servers[1].name`.
    pub path: Option<String>,
    /// The file it stands in, or `environment`.
    pub file: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<usize>,
    /// What is wrong: a lower-case fragment, values in backticks.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl Finding {
    /// A finding without a place.
    pub fn new(severity: Severity, id: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity,
            id: id.into(),
            path: None,
            file: None,
            line: None,
            message: message.into(),
            hint: None,
        }
    }

    /// An error without a place.
    pub fn error(id: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, id, message)
    }

    /// A warning without a place.
    pub fn warn(id: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warn, id, message)
    }

    /// The same finding, at this key path.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same finding, at this place in a file.
    #[must_use]
    pub fn placed(mut self, place: &Place) -> Self {
        self.file = Some(place.file.to_string());
        self.line = place.line;
        self
    }

    /// The same finding, with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// One line, as a compiler writes it: `deploy.toml:7: error: edge.https_port: … [id]`, and the hint on a second line.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        write!(f, "{}: ", self.severity)?;
        if let Some(path) = &self.path {
            write!(f, "{path}: ")?;
        }
        write!(f, "{} [{}]", self.message, self.id)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// All findings of one input, in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// An empty report.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds all findings of another report.
    pub fn append(&mut self, other: Report) {
        self.findings.extend(other.findings);
    }

    /// True when at least one finding is an error.
    pub fn has_errors(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings in the order in which they were found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The findings sorted by file and line, those without a place last.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.findings.sort_by_key(|finding| {
            (
                finding.file.is_none(),
                finding.file.clone(),
                finding.line.is_none(),
                finding.line,
            )
        });
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let place = Place {
            file: "deploy.toml".into(),
            line: Some(7),
        };
        let finding = Finding::error("spec.unknown-key", "unknown key `lisen`")
            .at("edge.lisen")
            .placed(&place)
            .hint("did you mean `listen`?");
        assert_eq!(
            finding.to_string(),
            "deploy.toml:7: error: edge.lisen: unknown key `lisen` [spec.unknown-key]\n  hint: did you mean `listen`?"
        );
    }

    #[test]
    fn the_json_form_has_all_seven_fields() {
        let json = serde_json::to_value(Finding::warn("x", "y")).expect("plain data");
        let keys: Vec<_> = json
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        assert_eq!(keys.len(), 7, "{keys:?}");
    }

    #[test]
    fn warnings_alone_are_not_errors() {
        let mut report = Report::new();
        report.push(Finding::warn("x", "y"));
        assert!(!report.has_errors());
        report.push(Finding::error("x", "y"));
        assert!(report.has_errors());
    }
}
