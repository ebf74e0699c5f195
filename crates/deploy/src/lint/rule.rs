//! What a rule is, and how it says what it found.

use findings::Severity;

use super::fix::Fix;
use super::model::Model;
use super::problem::Problem;
use crate::nginx_conf::{Config, Span, Statement};

/// One thing that a configuration should not have.
#[derive(Debug)]
pub struct Rule {
    /// Its name in findings, suppressions and the documentation: lower-case words with hyphens.
    pub id: &'static str,
    /// How bad it is at its worst.
    pub severity: Severity,
    /// Why, in one sentence.
    pub why: &'static str,
    /// The way out, in one sentence: a lower-case fragment.
    pub cure: &'static str,
    /// A configuration in which it is found.
    pub bad: &'static str,
    /// The same one, cured.
    pub good: &'static str,
    /// How the harm is known.
    pub proof: Proof,
    /// Looks for it.
    pub(super) check: fn(&Model<'_>, &mut Found<'_>),
}

/// How the harm of a rule is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// `nginx -t` refuses the bad example, and the test suite asks it.
    Refused,
    /// `nginx -t` warns of the bad example, and the test suite asks it.
    Warned,
    /// The test suite runs both examples' like on a real NGINX: what it sees with the bad one.
    Shown(&'static str),
    /// No test shows it: where it is known from.
    Known(&'static str),
}

/// Takes what one rule finds.
#[derive(Debug)]
pub(super) struct Found<'p> {
    rule: &'static Rule,
    config: &'p Config,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Found<'p> {
    pub(super) fn new(
        rule: &'static Rule,
        config: &'p Config,
        problems: &'p mut Vec<Problem>,
    ) -> Self {
        Self {
            rule,
            config,
            problems,
        }
    }

    /// The configuration that is judged.
    pub(super) fn config(&self) -> &'p Config {
        self.config
    }

    /// Something is wrong with this directive. A block that stands in no file has no fault of its own: nothing is told.
    pub(super) fn at(&mut self, statement: &Statement, message: impl Into<String>) -> Told<'_> {
        let place = Place {
            file: statement.file,
            span: statement.span,
            path: statement.path(),
        };
        self.place(place, message.into(), !statement.is_implied)
    }

    /// Something is wrong at a place that is no directive.
    pub(super) fn at_span(
        &mut self,
        file: usize,
        span: Span,
        message: impl Into<String>,
    ) -> Told<'_> {
        let path = String::new();
        self.place(Place { file, span, path }, message.into(), true)
    }

    fn place(&mut self, place: Place, message: String, is_real: bool) -> Told<'_> {
        if !is_real {
            return Told(None);
        }
        self.problems.push(Problem {
            rule: self.rule.id,
            severity: self.rule.severity,
            file: place.file,
            span: place.span,
            path: place.path,
            message,
            fix: None,
        });
        Told(self.problems.last_mut())
    }
}

struct Place {
    file: usize,
    span: Span,
    path: String,
}

/// A problem that was just told, to say more of it.
pub(super) struct Told<'p>(Option<&'p mut Problem>);

impl Told<'_> {
    /// It is only this bad here; a worse one than the rule's own is not taken.
    pub(super) fn only(mut self, severity: Severity) -> Self {
        if let Some(problem) = &mut self.0 {
            problem.severity = problem.severity.min(severity);
        }
        self
    }

    /// It can be cured so.
    pub(super) fn fix(mut self, fix: Option<Fix>) -> Self {
        if let Some(problem) = &mut self.0 {
            problem.fix = fix;
        }
        self
    }
}
