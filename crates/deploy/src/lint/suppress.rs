//! `# opsctl-lint: allow RULE reason`: for the directive that follows, with its block, or for the line that it ends.

use findings::{Severity, nearest};

use super::problem::Problem;
use super::rules;
use crate::nginx_conf::{Config, Document, End, Node, Part, Span};

/// How such a comment begins, behind its `#`.
const MARK: &str = "opsctl-lint:";

/// The id of what is wrong with a suppression itself.
pub(super) const RULE: &str = "lint-comment";

struct Allowed {
    rule: String,
    file: usize,
    /// The comment.
    comment: Span,
    /// What it is about.
    reach: Span,
}

/// Takes away what the comments of the files allow, and tells which of them allow nothing.
pub(super) fn apply(config: &Config, problems: &mut Vec<Problem>) {
    let mut allowed = Vec::new();
    let mut faults = Vec::new();
    for (file, loaded) in config.files.iter().enumerate() {
        for (comment, reach) in comments(&loaded.document) {
            let text = String::from_utf8_lossy(loaded.document.bytes(comment)).into_owned();
            match read(&text) {
                None => {}
                Some(Ok(rule)) => allowed.push(Allowed {
                    rule,
                    file,
                    comment,
                    reach,
                }),
                Some(Err(message)) => faults.push(fault(file, comment, &message)),
            }
        }
    }
    for entry in allowed {
        let before = problems.len();
        problems.retain(|problem| {
            let is_inside =
                entry.reach.start <= problem.span.start && problem.span.start <= entry.reach.end;
            !(problem.rule == entry.rule && problem.file == entry.file && is_inside)
        });
        if problems.len() == before {
            let message = format!("allows `{}`, which is not found here", entry.rule);
            let mut unused = fault(entry.file, entry.comment, &message);
            unused.severity = Severity::Note;
            faults.push(unused);
        }
    }
    problems.extend(faults);
}

/// The rule that a comment allows, or what is wrong with it; nothing for any other comment.
fn read(comment: &str) -> Option<Result<String, String>> {
    let text = comment
        .trim_start_matches('#')
        .trim()
        .strip_prefix(MARK)?
        .trim();
    let mut words = text.split_whitespace();
    if words.next() != Some("allow") {
        return Some(Err(
            "says something else than `allow RULE reason`".to_owned()
        ));
    }
    let Some(rule) = words.next() else {
        return Some(Err("names no rule".to_owned()));
    };
    if rules::find(rule).is_none() {
        let meant = nearest(rule, rules::ALL.iter().map(|rule| rule.id));
        let hint = meant
            .map(|name| format!("; did you mean `{name}`?"))
            .unwrap_or_default();
        return Some(Err(format!("allows a rule that is not known{hint}")));
    }
    if words.next().is_none() {
        return Some(Err(format!("allows `{rule}` without a reason")));
    }
    Some(Ok(rule.to_owned()))
}

fn fault(file: usize, span: Span, message: &str) -> Problem {
    Problem {
        rule: RULE,
        severity: Severity::Warn,
        file,
        span,
        path: String::new(),
        message: format!("the comment {message}"),
        fix: None,
    }
}

/// Every comment and what it is about.
pub(super) fn comments(document: &Document) -> Vec<(Span, Span)> {
    let mut out = Vec::new();
    let mut levels = vec![document.nodes()];
    while let Some(nodes) = levels.pop() {
        for (index, node) in nodes.iter().enumerate() {
            match node {
                Node::Comment(span) => {
                    out.push((*span, reach(document, *span, &nodes[index + 1..])));
                }
                Node::Directive(directive) => {
                    for part in &directive.parts {
                        if let Part::Comment(span) = part {
                            out.push((*span, line(document, *span)));
                        }
                    }
                    if let End::Block { nodes, .. } = &directive.end {
                        levels.push(nodes);
                    }
                }
                Node::Blank(_) | Node::Stray(_) => {}
            }
        }
    }
    out
}

/// A comment behind something is about its line, one on a line of its own about the next directive.
fn reach(document: &Document, comment: Span, behind: &[Node]) -> Span {
    let own = line(document, comment);
    let before = document.bytes(Span::new(own.start, comment.start));
    if !before.trim_ascii().is_empty() {
        return own;
    }
    let next = behind.iter().find_map(|node| match node {
        Node::Directive(directive) => Some(directive),
        _ => None,
    });
    let Some(next) = next else { return own };
    let start = next
        .words()
        .next()
        .map_or(comment.end, |word| word.span.start);
    let last = next.words().last().map_or(start, |word| word.span.end);
    let end = match &next.end {
        End::Semicolon(span) => span.end,
        End::Block { close, open, .. } | End::Lua { close, open, .. } => {
            close.map_or(open.end, |span| span.end)
        }
        End::Missing => last,
    };
    Span::new(start, end)
}

fn line(document: &Document, span: Span) -> Span {
    let source = document.source();
    let start = source[..span.start]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    Span::new(start, span.end)
}
