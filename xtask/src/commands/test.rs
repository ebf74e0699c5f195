//! `cargo xtask test`: the suites in the order that fails soonest, each with its time, then the totals.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ValueEnum as _;

use crate::cache::Cache;
use crate::cli::Suite;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::suites::{self, Counts, Outcome};
use crate::talk;

struct Row {
    suite: Suite,
    outcome: Outcome,
    took: Duration,
}

/// Runs the suites named, or all; a suite that fails does not stop the others.
pub(crate) fn run(repository: &Repository, named: &[Suite]) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    let mut rows = Vec::new();
    for &suite in chosen(named) {
        talk::progress(format_args!("== {}", name(suite)));
        let start = Instant::now();
        let outcome = suites::run(repository, &cache, suite).unwrap_or_else(|failure| {
            talk::failure(&failure);
            Outcome::failed(Counts::FAILED)
        });
        let row = Row {
            suite,
            outcome,
            took: start.elapsed(),
        };
        talk::progress(line(&row));
        rows.push(row);
    }
    let total = rows
        .iter()
        .fold(Counts::default(), |sum, row| sum + row.outcome.counts);
    let failed = rows.iter().any(|row| !row.outcome.passed);
    talk::data("");
    for row in &rows {
        talk::data(line(row));
    }
    for row in rows.iter().filter(|row| !row.outcome.passed) {
        talk::data(format_args!("next: {}", next(row.suite)));
    }
    // the plain closing line, so that a machine can read how many tests ran; alone on its line
    talk::data(format_args!("\n{total}"));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// All suites but `goldens`, whose tests are in `unit`.
fn chosen(named: &[Suite]) -> &[Suite] {
    const ALL: &[Suite] = &[
        Suite::Fmt,
        Suite::Tidy,
        Suite::Clippy,
        Suite::Unit,
        Suite::Doc,
        Suite::Docs,
        Suite::Deny,
        Suite::E2e,
        Suite::Machine,
        Suite::Demo,
        Suite::Conformance,
    ];
    if named.is_empty() { ALL } else { named }
}

/// What to do about a suite that failed.
fn next(suite: Suite) -> &'static str {
    match suite {
        Suite::Fmt => "cargo fmt --all (where it is missing: rustup component add rustfmt)",
        Suite::Tidy => "cargo xtask tidy",
        Suite::Clippy => {
            "cargo clippy --workspace --all-targets (where it is missing: rustup component add clippy)"
        }
        Suite::Unit => "cargo test -p PACKAGE TEST, as nextest names them above",
        Suite::Goldens => {
            "UPDATE_GOLDENS=1 cargo test -p deploy, then read the difference with git diff"
        }
        Suite::Doc => "cargo test --workspace --doc",
        Suite::Docs => "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        Suite::Deny => "cargo xtask test deny, and cargo tree -i PACKAGE for the package it names",
        Suite::E2e => "eval \"$(cargo xtask tools --env)\" && cargo test -p e2e TEST",
        Suite::Machine => "cargo xtask test machine, after reading the machine's journal above",
        Suite::Demo => "cargo xtask demo --once",
        Suite::Conformance => "cargo xtask conformance",
    }
}

fn name(suite: Suite) -> String {
    suite
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

fn line(row: &Row) -> String {
    let word = if row.outcome.passed { "ok" } else { "FAILED" };
    let seconds = row.took.as_secs_f64();
    let mut line = format!(
        "{:<11} {word:<6} {seconds:>6.1} s  {}",
        name(row.suite),
        row.outcome.counts
    );
    for note in &row.outcome.notes {
        line.push_str("  ");
        line.push_str(note);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_names_every_suite_runs_but_the_one_that_is_a_part_of_another() {
        let all = chosen(&[]);
        for suite in Suite::value_variants() {
            assert_eq!(all.contains(suite), *suite != Suite::Goldens, "{suite:?}");
        }
    }

    #[test]
    fn a_line_names_the_suite_its_fate_and_what_was_skipped() {
        let row = Row {
            suite: Suite::Deny,
            outcome: Outcome {
                passed: true,
                counts: Counts {
                    passed: 3,
                    failed: 0,
                    skipped: 1,
                },
                notes: vec!["advisories: no database".to_owned()],
            },
            took: Duration::from_millis(1500),
        };
        let line = line(&row);
        assert!(
            line.starts_with("deny        ok        1.5 s  3 passed, 0 failed, 1 skipped"),
            "{line}"
        );
        assert!(line.ends_with("advisories: no database"), "{line}");
    }
}
