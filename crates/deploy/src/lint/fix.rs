//! Edits that cure, as small as they can be: everything else keeps its form.

use super::problem::Problem;
use crate::nginx_conf::{Config, Span, Statement};

/// A cure as edits of one configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fix {
    /// The edits; all of them or none.
    pub edits: Vec<Edit>,
}

/// One replaced place; an empty place is an insertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The index of the file.
    pub file: usize,
    /// What is replaced.
    pub span: Span,
    /// What stands there then.
    pub text: String,
}

impl Fix {
    /// Replaces one word of a statement, `index` from 0 behind its name.
    pub(super) fn replace(statement: &Statement, index: usize, text: &str) -> Option<Self> {
        let span = statement.words.get(index + 1)?.span;
        Some(Self::one(statement.file, span, text.to_owned()))
    }

    /// Takes one word behind the name away, with the blank before it.
    pub(super) fn without_word(statement: &Statement, index: usize) -> Option<Self> {
        let before = statement.words.get(index)?.span.end;
        let end = statement.words.get(index + 1)?.span.end;
        Some(Self::one(
            statement.file,
            Span::new(before, end),
            String::new(),
        ))
    }

    /// Takes a statement away: its whole line where nothing else stands on it.
    pub(super) fn without(config: &Config, statement: &Statement) -> Option<Self> {
        let source = config.document(statement.file)?.source();
        let (start, end) = (statement.span.start, statement.span.end);
        let line = source[..start]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let next = source[end..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| end + at + 1);
        let is_blank = |span: &[u8]| span.iter().all(u8::is_ascii_whitespace);
        let span = match next {
            Some(next) if is_blank(&source[line..start]) && is_blank(&source[end..next]) => {
                Span::new(line, next)
            }
            _ => Span::new(start, end),
        };
        Some(Self::one(statement.file, span, String::new()))
    }

    /// Puts directives behind a statement, one a line with the same indent and the same line ends; on its line where other
    /// directives stand there too.
    pub(super) fn behind(config: &Config, statement: &Statement, lines: &[String]) -> Option<Self> {
        let source = config.document(statement.file)?.source();
        let (start, end) = (statement.whole.start, statement.whole.end);
        let line = source[..start]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let indent = std::str::from_utf8(&source[line..start]).ok()?;
        let is_alone = indent.chars().all(char::is_whitespace);
        let rest = &source[end..];
        let stop = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        let is_crlf = rest[..stop].ends_with(b"\r");
        let mut text = String::new();
        for added in lines {
            let newline = if is_crlf { "\r\n" } else { "\n" };
            let parting = if is_alone {
                format!("{newline}{indent}")
            } else {
                " ".to_owned()
            };
            text.push_str(&parting);
            text.push_str(added);
        }
        // behind a comment that ends the line, so that it stays with its directive
        let tail = rest[..stop].trim_ascii();
        let at = if is_alone && (tail.is_empty() || tail.starts_with(b"#")) {
            end + rest[..stop].trim_ascii_end().len()
        } else {
            end
        };
        Some(Self::one(statement.file, Span::new(at, at), text))
    }

    fn one(file: usize, span: Span, text: String) -> Self {
        Self {
            edits: vec![Edit { file, span, text }],
        }
    }

    /// Both together.
    #[must_use]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.edits.extend(other.edits);
        self
    }
}

/// The new bytes of each file that the fixes of these problems change, by its index. A fix that would touch a place that
/// another one has changed is left out: the next run makes it.
pub fn apply_fixes(config: &Config, problems: &[Problem]) -> Vec<(usize, Vec<u8>)> {
    let mut taken: Vec<&Edit> = Vec::new();
    for fix in problems.iter().filter_map(|problem| problem.fix.as_ref()) {
        let is_new = |edit: &Edit| !taken.contains(&edit);
        let collides = fix
            .edits
            .iter()
            .filter(|edit| is_new(edit))
            .any(|edit| taken.iter().any(|other| overlap(edit, other)));
        if !collides {
            let new: Vec<&Edit> = fix.edits.iter().filter(|edit| is_new(edit)).collect();
            taken.extend(new);
        }
    }
    let mut files: Vec<usize> = taken.iter().map(|edit| edit.file).collect();
    files.sort_unstable();
    files.dedup();
    files
        .into_iter()
        .filter_map(|file| {
            let source = config.document(file)?.source();
            let edits = taken.iter().filter(|edit| edit.file == file).copied();
            Some((file, edited(source, edits.collect())))
        })
        .collect()
}

/// Two insertions at one place stand one behind the other; anything else must keep apart.
fn overlap(a: &Edit, b: &Edit) -> bool {
    let are_insertions = a.span.start == a.span.end && b.span.start == b.span.end;
    a.file == b.file && !are_insertions && a.span.start <= b.span.end && b.span.start <= a.span.end
}

fn edited(source: &[u8], mut edits: Vec<&Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut out = Vec::with_capacity(source.len());
    let mut at = 0;
    for edit in edits {
        out.extend(source.get(at..edit.span.start).unwrap_or_default());
        out.extend(edit.text.bytes());
        at = edit.span.end;
    }
    out.extend(source.get(at..).unwrap_or_default());
    out
}
