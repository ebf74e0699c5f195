//! One thing that is wrong with a configuration.

use findings::{Finding, Severity};

use super::fix::Fix;
use super::rules;
use crate::nginx_conf::{Config, Span};

/// One thing that is wrong, with its place to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The id of its rule.
    pub rule: &'static str,
    /// How bad it is here; never worse than its rule.
    pub severity: Severity,
    /// The index of the file.
    pub file: usize,
    /// The place in that file.
    pub span: Span,
    /// The directive and the blocks around it, as `http.server.listen`.
    pub path: String,
    /// What is wrong: a lower-case fragment, values in backticks; never the value of a secret.
    pub message: String,
    /// An edit that cures it and changes nothing else.
    pub fix: Option<Fix>,
}

impl Problem {
    /// As a finding, with the rule's cure as its hint.
    pub fn finding(&self, config: &Config) -> Finding {
        let mut finding = Finding::new(self.severity, self.rule, &self.message);
        if !self.path.is_empty() {
            finding = finding.at(&self.path);
        }
        if let Some(file) = config.files.get(self.file) {
            finding.file = Some(file.name.clone());
            finding.line = Some(file.document.line(self.span.start));
        }
        match rules::find(self.rule) {
            Some(rule) => finding.hint(rule.cure),
            None => finding,
        }
    }
}
