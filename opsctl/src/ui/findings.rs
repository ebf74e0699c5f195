//! Findings as people read them: the sentence, the operator's own line underlined, the way out.

use std::fmt::Write as _;

use findings::{Finding, Report, Severity};

use super::{Paint, printable};

/// A file whose lines can be shown.
#[derive(Debug, Clone)]
pub(crate) struct Source<'a> {
    /// The name that findings use.
    file: &'a str,
    /// Its lines, split once: there may be as many findings as lines.
    lines: Vec<&'a str>,
}

impl<'a> Source<'a> {
    /// The lines of `text`, which findings call `file`.
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            lines: text.lines().collect(),
        }
    }
}

/// All findings, each a paragraph, and a last line that counts them.
pub(crate) fn human(report: &Report, source: Option<&Source<'_>>, paint: Paint) -> String {
    let mut out = String::new();
    for finding in report.findings() {
        paragraph(&mut out, finding, source, paint);
    }
    let count = |severity| {
        report
            .findings()
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts: Vec<_> = [(Severity::Error, "error"), (Severity::Warn, "warning")]
        .into_iter()
        .map(|(severity, noun)| (count(severity), noun))
        .filter(|(number, _)| *number > 0)
        .collect();
    if counts.iter().map(|(number, _)| number).sum::<usize>() > 1 {
        let words: Vec<_> = counts
            .into_iter()
            .map(|(number, noun)| counted(number, noun))
            .collect();
        let _ = writeln!(out, "{}", words.join(", "));
    }
    out
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn paragraph(out: &mut String, finding: &Finding, source: Option<&Source<'_>>, paint: Paint) {
    let severity = match finding.severity {
        Severity::Error => paint.red(finding.severity),
        Severity::Warn => paint.yellow(finding.severity),
        Severity::Note => paint.bold(finding.severity),
    };
    let path = finding
        .path
        .as_deref()
        .filter(|path| !path.is_empty())
        .map(|path| format!("{}: ", printable(path)))
        .unwrap_or_default();
    let id = paint.dim(format_args!("[{}]", finding.id));
    let _ = writeln!(
        out,
        "{severity}: {path}{} {id}",
        printable(&finding.message)
    );
    let gutter = finding.line.map_or(1, |line| line.to_string().len());
    if let Some(file) = &finding.file {
        let line = finding
            .line
            .map(|line| format!(":{line}"))
            .unwrap_or_default();
        let arrow = paint.dim("-->");
        let _ = writeln!(out, "{:gutter$}{arrow} {}{line}", "", printable(file));
    }
    if let Some((number, text)) = own_line(finding, source) {
        let (start, length) = underlined(finding, &text);
        let bar = paint.dim("|");
        let caret = paint.red("^".repeat(length));
        let _ = writeln!(out, "{number:>gutter$} {bar} {text}");
        let _ = writeln!(out, "{:gutter$} {bar} {:start$}{caret}", "", "");
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(
            out,
            "{:gutter$} {} {}",
            "",
            paint.bold("hint:"),
            printable(hint)
        );
    }
}

fn own_line(finding: &Finding, source: Option<&Source<'_>>) -> Option<(usize, String)> {
    let source = source.filter(|source| Some(source.file) == finding.file.as_deref())?;
    let number = finding.line?;
    let line = source.lines.get(number.checked_sub(1)?)?.trim_end();
    let text = match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", printable(&line[..end])),
        None => printable(line),
    };
    (!text.is_empty()).then_some((number, text))
}

/// Characters of a line that are shown: a file without line ends must not fill the screen.
const WIDEST: usize = 200;

/// Which characters of the line to underline: the key that the finding names, else the whole line without its indent.
fn underlined(finding: &Finding, line: &str) -> (usize, usize) {
    let key = finding
        .path
        .as_deref()
        .and_then(|path| path.rsplit('.').next())
        .map(|key| key.split('[').next().unwrap_or(key))
        .filter(|key| !key.is_empty());
    let place = key.and_then(|key| Some((line.find(key)?, key.chars().count())));
    let (byte, length) = place.unwrap_or_else(|| {
        let indent = line.len() - line.trim_start().len();
        (indent, line.trim().chars().count())
    });
    (line[..byte].chars().count(), length.max(1))
}

#[cfg(test)]
mod tests {
    use findings::Place;

    use super::*;

    const TEXT: &str = "name = \"x\"\n  lisen = [\"é\"]\n";

    fn shown(finding: Finding) -> String {
        let mut report = Report::new();
        report.push(finding);
        human(
            &report,
            Some(&Source::new("deploy.toml", TEXT)),
            Paint(false),
        )
    }

    fn placed(line: usize) -> Place {
        Place {
            file: "deploy.toml".into(),
            line: Some(line),
        }
    }

    #[test]
    fn the_operators_own_line_is_underlined_at_the_key() {
        let finding = Finding::error("key.unknown", "unknown key `lisen`")
            .at("edge.lisen")
            .placed(&placed(2))
            .hint("did you mean `listen`?");
        assert_eq!(
            shown(finding),
            "error: edge.lisen: unknown key `lisen` [key.unknown]\n --> deploy.toml:2\n2 |   lisen = [\"é\"]\n  |   ^^^^^\n  hint: did you mean `listen`?\n"
        );
    }

    #[test]
    fn a_line_without_the_key_is_underlined_whole() {
        let text = shown(Finding::error("toml.syntax", "broken").placed(&placed(1)));
        assert!(text.contains("  | ^^^^^^^^^^\n"), "{text}");
    }

    #[test]
    fn a_line_that_is_not_there_is_not_shown() {
        let text = shown(Finding::error("x", "y").placed(&placed(99)));
        assert!(!text.contains('^'), "{text}");
    }

    #[test]
    fn a_very_long_line_is_cut() {
        let mut report = Report::new();
        report.push(Finding::error("toml.syntax", "broken").placed(&placed(1)));
        let text = "é".repeat(100_000);
        let source = Source::new("deploy.toml", &text);
        let shown = human(&report, Some(&source), Paint(false));
        assert!(shown.chars().count() < 500, "{}", shown.len());
        assert!(shown.contains('…'), "{shown}");
    }

    #[test]
    fn several_findings_are_counted() {
        let mut report = Report::new();
        report.push(Finding::error("a", "a"));
        report.push(Finding::warn("b", "b"));
        assert!(human(&report, None, Paint(false)).ends_with("1 error, 1 warning\n"));
    }
}
