//! What people see: standard output is data, standard error is talk.

pub(crate) mod diff;
pub(crate) mod findings;
pub(crate) mod table;
pub(crate) mod verification;

use std::fmt::Display;
use std::io::{self, Write};

use owo_colors::{OwoColorize as _, Style};

use crate::cli::Format;

/// The two streams of the process and how they are to be used. `main` makes it; everything that is written goes through it.
pub struct Ui {
    out: Box<dyn Write + Send>,
    talk: Box<dyn Write + Send>,
    options: Options,
    progress_shown: bool,
    answered: bool,
}

/// How the two streams are used.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts about three streams"
)]
pub struct Options {
    /// What standard output carries.
    pub format: Format,
    /// Colours on standard output.
    pub colour_out: bool,
    /// Colours on standard error.
    pub colour_talk: bool,
    /// Standard error is a terminal: progress is shown.
    pub progress: bool,
    /// A person is there to answer.
    pub asks: bool,
    /// Only findings and results.
    pub quiet: bool,
}

impl Ui {
    /// The streams `out` and `talk`, used as `options` say.
    pub fn new(out: Box<dyn Write + Send>, talk: Box<dyn Write + Send>, options: Options) -> Self {
        Self {
            out,
            talk,
            options,
            progress_shown: false,
            answered: false,
        }
    }

    /// What standard output carries.
    pub(crate) fn format(&self) -> Format {
        self.options.format
    }

    /// Whether standard output has its one JSON document.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered
    }

    /// The colours of standard output.
    pub(crate) fn paint_out(&self) -> Paint {
        Paint(self.options.colour_out)
    }

    /// The colours of standard error.
    pub(crate) fn paint_talk(&self) -> Paint {
        Paint(self.options.colour_talk)
    }

    /// Writes data to standard output and pushes it out. A reader that has gone away is no error: it has what it wanted.
    pub(crate) fn data(&mut self, text: impl Display) -> io::Result<()> {
        self.end_progress();
        match write!(self.out, "{text}").and_then(|()| self.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// Writes one JSON document to standard output.
    pub(crate) fn json(&mut self, document: &serde_json::Value) -> io::Result<()> {
        self.answered = true;
        self.data(format_args!("{document:#}\n"))
    }

    /// Says something to the person, unless asked to be quiet.
    pub(crate) fn say(&mut self, text: impl Display) {
        if !self.options.quiet {
            self.insist(format_args!("{text}\n"));
        }
    }

    /// Says something to the person in any case. Where standard error is gone there is nobody to tell.
    pub(crate) fn insist(&mut self, text: impl Display) {
        self.end_progress();
        let _ = write!(self.talk, "{text}").and_then(|()| self.talk.flush());
    }

    /// Asks a person whether to go on; nothing where nobody is there to answer.
    pub(crate) fn agrees(&mut self, question: &str) -> Option<bool> {
        if !self.options.asks {
            return None;
        }
        self.insist(format_args!("{question} [y/N] "));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let yes = ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str());
        Some(read.is_ok() && yes)
    }

    /// Says which step is being taken: on a terminal only, and the next step takes its line.
    pub(crate) fn step(&mut self, text: &str) {
        if self.options.progress && !self.options.quiet {
            // CR and `erase in line` (ECMA-48, EL) rub the step before out
            let _ = write!(
                self.talk,
                "\r\x1b[K{}",
                self.paint_talk().dim(format_args!("{text} …"))
            )
            .and_then(|()| self.talk.flush());
            self.progress_shown = true;
        }
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.progress_shown) {
            let _ = write!(self.talk, "\r\x1b[K");
        }
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    pub(crate) fn red(self, text: impl Display) -> String {
        self.styled(text, Style::new().red().bold())
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.styled(text, Style::new().green())
    }

    pub(crate) fn yellow(self, text: impl Display) -> String {
        self.styled(text, Style::new().yellow().bold())
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.styled(text, Style::new().bold())
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.styled(text, Style::new().dimmed())
    }

    fn styled(self, text: impl Display, style: Style) -> String {
        if self.0 {
            text.style(style).to_string()
        } else {
            text.to_string()
        }
    }
}

/// A number of things, as `1 file` or `2 files`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Text that came from outside, made harmless for a terminal: control characters are shown, not obeyed.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push(' '),
            control if control.is_control() => out.extend(control.escape_debug()),
            other => out.push(other),
        }
    }
    out
}

/// The same for several lines, each one set in.
pub(crate) fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(|line| format!("    {}", printable(line)))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_colour_means_no_escape() {
        assert_eq!(Paint(false).red("x"), "x");
        assert!(Paint(true).red("x").contains("\x1b["));
    }

    #[test]
    fn text_from_outside_cannot_move_the_cursor() {
        assert_eq!(printable("a\x1b[2J\tb"), "a\\u{1b}[2J b");
    }
}
