//! The one place that prints: stdout is data, stderr is talk.

use std::error::Error as _;
use std::fmt::Display;

use crate::failure::Failure;

/// One line of data on stdout.
#[expect(clippy::print_stdout, reason = "the seam to stdout")]
pub(crate) fn data(line: impl Display) {
    println!("{line}");
}

/// One line of progress on stderr.
#[expect(clippy::print_stderr, reason = "the seam to stderr")]
pub(crate) fn progress(line: impl Display) {
    eprintln!("{line}");
}

/// A failure, its causes and the next command to try.
pub(crate) fn failure(failure: &Failure) {
    progress(format_args!("error: {failure}"));
    let mut cause = failure.source();
    while let Some(error) = cause {
        progress(format_args!("  because: {error}"));
        cause = error.source();
    }
    if let Some(next) = failure.next() {
        progress(format_args!("  next: {next}"));
    }
}
