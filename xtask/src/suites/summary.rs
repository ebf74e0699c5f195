//! How many tests ran, read from what the test runners themselves say at their end.

use std::fmt;
use std::ops::Add;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Counts {
    pub(crate) const PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    pub(crate) const FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// nextest's line `Summary [ 1.2s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 2 skipped`.
///
/// `None` where there is no such line: the runner did not get as far as a test.
pub(crate) fn nextest(output: &str) -> Option<Counts> {
    let line = output
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with("Summary ["))?;
    let (_, counts) = line.split_once(" run: ")?;
    Some(sum(&outside_brackets(counts), ','))
}

/// The lines `test result: ok. 3 passed; 0 failed; 1 ignored; …` of cargo's own runner, added up.
pub(crate) fn libtest(output: &str) -> Option<Counts> {
    let mut lines = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: "))
        .peekable();
    lines.peek()?;
    let per_binary = lines.filter_map(|line| line.split_once(". "));
    Some(per_binary.fold(Counts::default(), |total, (_, counts)| {
        total + sum(counts, ';')
    }))
}

/// `3 passed (1 slow), 1 failed` → `3 passed , 1 failed`: what is in brackets is part of what is before it.
fn outside_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|&c| {
            let inside = depth > 0;
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            !inside && c != '('
        })
        .collect()
}

fn sum(text: &str, separator: char) -> Counts {
    let mut counts = Counts::default();
    for part in text.split(separator) {
        let mut words = part.split_whitespace();
        let number = words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(number), Some(word)) = (number, words.next()) else {
            continue;
        };
        match word {
            "passed" => counts.passed += number,
            "skipped" | "ignored" => counts.skipped += number,
            // failed, timed out, exec failed; a word that is not known here counts as a failure, not as nothing
            "filtered" | "measured" => {}
            _ => counts.failed += number,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn nextests_summary_is_read_with_every_kind_of_failure() {
        let clean = "     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped\n";
        assert_eq!(nextest(clean), Some(counts(3, 0, 0)));
        let mixed = "Summary [ 61.0s] 9 tests run: 5 passed (1 slow, 1 flaky), 2 failed, 1 timed out, 1 exec failed, 4 skipped";
        assert_eq!(nextest(mixed), Some(counts(5, 4, 4)));
    }

    #[test]
    fn a_run_without_a_summary_is_not_a_run() {
        assert_eq!(nextest("error: could not compile `origin`\n"), None);
        assert_eq!(libtest("error: could not compile `origin`\n"), None);
    }

    #[test]
    fn the_lines_of_every_test_binary_are_added_up() {
        let text = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                    test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.1s\n";
        assert_eq!(libtest(text), Some(counts(3, 3, 1)));
    }

    #[test]
    fn the_closing_line_has_the_plain_form() {
        assert_eq!(
            counts(12, 0, 1).to_string(),
            "12 passed, 0 failed, 1 skipped"
        );
    }
}
