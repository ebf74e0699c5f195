//! What a run of the suite says: its own summary, and the checks that it wrote down.

use std::path::Path;

use serde_json::Value;

use super::{Set, Way};
use crate::failure::Failure;
use crate::files;

/// One requirement set by one way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) set: Set,
    pub(crate) way: Way,
    pub(crate) scenarios: Vec<Scenario>,
}

/// A scenario and what came of its checks.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// The suite's word for a scenario that it runs without a score: `extension`, `pending`, `added-after-release`.
    pub(crate) unscored: Option<String>,
    pub(crate) passed: u32,
    /// Each check that failed, with the suite's message.
    pub(crate) failed: Vec<String>,
    /// Advice that was not followed; it does not fail a scenario.
    pub(crate) warnings: Vec<String>,
}

/// The verdict on one scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// No check failed and none passed: the suite calls this a pass, it is none.
    Empty,
}

impl Scenario {
    pub(crate) fn verdict(&self) -> Verdict {
        match (self.passed, self.failed.len()) {
            (0, 0) => Verdict::Empty,
            (_, 0) => Verdict::Passed,
            _ => Verdict::Failed,
        }
    }
}

impl Run {
    pub(crate) fn count(&self, scored: bool, verdict: Verdict) -> usize {
        let of = self.scenarios.iter().filter(|scenario| {
            scenario.unscored.is_none() == scored && scenario.verdict() == verdict
        });
        of.count()
    }

    /// Every scored scenario of the set ran, and each passed.
    pub(crate) fn conforms(&self) -> bool {
        self.count(true, Verdict::Passed) == self.set.scored
            && self.count(true, Verdict::Failed) == 0
            && self.count(true, Verdict::Empty) == 0
    }
}

/// Reads the summary that the suite printed and, for each scenario in it, the checks below `output`.
pub(crate) fn judge(set: Set, way: Way, text: &str, output: &Path) -> Result<Run, Failure> {
    let summary = summary(text);
    if summary.is_empty() {
        let tail: Vec<&str> = text.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(Failure::new(format!(
            "the suite has no summary:\n    {}",
            tail.join("\n    ")
        )));
    }
    let folders = files::entries(output)?;
    let mut scenarios = Vec::new();
    for (name, unscored) in summary {
        let mut scenario = Scenario {
            name,
            unscored,
            passed: 0,
            failed: Vec::new(),
            warnings: Vec::new(),
        };
        match folders.iter().find(|path| is_of(path, &scenario.name)) {
            Some(folder) => read_checks(&files::read(&folder.join("checks.json"))?, &mut scenario)?,
            None => scenario
                .failed
                .push("it ended without a record of its checks".to_owned()),
        }
        scenarios.push(scenario);
    }
    Ok(Run {
        set,
        way,
        scenarios,
    })
}

/// The scenarios of the summary with the reason of those without a score.
///
/// Lines `✓ NAME: 2 passed, 0 failed` follow the heading `=== SUMMARY ===`; under `Not scored for …` stand lines
/// `✓ NAME (REASON)`.
fn summary(text: &str) -> Vec<(String, Option<String>)> {
    let lines = text
        .lines()
        .skip_while(|line| !line.contains("=== SUMMARY ==="));
    let mut ran: Vec<(String, Option<String>)> = Vec::new();
    let mut scored = true;
    for line in lines {
        scored &= !line.starts_with("Not scored");
        let Some(rest) = line.trim_start().strip_prefix(['✓', '✗']) else {
            continue;
        };
        if scored {
            if let Some((name, _)) = rest.rsplit_once(": ") {
                ran.push((name.trim().to_owned(), None));
            }
        } else if let Some((name, reason)) = rest.trim().split_once(" (")
            && let Some(entry) = ran.iter_mut().find(|(other, _)| other == name)
        {
            entry.1 = Some(reason.trim_end_matches(')').to_owned());
        }
    }
    ran
}

/// `server-NAME-2026-11-22T02-42-56-785Z`: the suite puts the time of the run behind the name.
fn is_of(folder: &Path, name: &str) -> bool {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    folder
        .strip_prefix("server-")
        .and_then(|rest| rest.strip_prefix(name))
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|time| time.len() == TIME && time.ends_with('Z'))
}

/// The length of `2026-11-22T02-42-56-785Z`.
const TIME: usize = 24;

fn read_checks(text: &str, scenario: &mut Scenario) -> Result<(), Failure> {
    let checks: Value = serde_json::from_str(text)
        .map_err(|error| Failure::new("the suite's checks are not JSON").because(error))?;
    for check in checks.as_array().map_or(&[][..], Vec::as_slice) {
        let word = |key: &str| check[key].as_str().unwrap_or_default();
        let message = match word("errorMessage") {
            "" => word("description"),
            message => message,
        };
        let line = format!("{}: {message}", word("id"));
        match word("status") {
            "SUCCESS" => scenario.passed += 1,
            "INFO" | "SKIPPED" => {}
            "WARNING" => scenario.warnings.push(line),
            // FAILURE, and what a later suite may call worse
            _ => scenario.failed.push(line),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "=== SUMMARY ===\n✓ ping: 2 passed, 0 failed\n✗ caching: 1 passed, 1 failed\n\
                        ✓ tasks-x: 0 passed, 0 failed\n\nTotal: 3 passed, 1 failed\n\n\
                        Not scored for 2026-07-28: 1 scenario(s) run, 0 failing.\n  ✓ tasks-x (extension)\n";

    fn scenario(checks: &str) -> Scenario {
        let mut scenario = Scenario {
            name: "x".to_owned(),
            unscored: None,
            passed: 0,
            failed: Vec::new(),
            warnings: Vec::new(),
        };
        read_checks(checks, &mut scenario).expect("JSON");
        scenario
    }

    #[test]
    fn the_summary_names_each_scenario_once_with_its_reason() {
        let names = summary(TEXT);
        let extension = Some("extension".to_owned());
        let expected = [
            ("ping".to_owned(), None),
            ("caching".to_owned(), None),
            ("tasks-x".to_owned(), extension),
        ];
        assert_eq!(names, expected);
        assert!(summary("cannot connect\n").is_empty());
    }

    #[test]
    fn a_scenario_without_a_check_that_passed_is_none_that_passed() {
        assert_eq!(scenario("[]").verdict(), Verdict::Empty);
        let info = r#"[{"id":"a","status":"INFO"},{"id":"b","status":"SKIPPED"}]"#;
        assert_eq!(scenario(info).verdict(), Verdict::Empty);
        let good = r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"WARNING"}]"#;
        assert_eq!(scenario(good).verdict(), Verdict::Passed);
    }

    #[test]
    fn a_failed_check_is_kept_with_its_message() {
        let bad = r#"[{"id":"a","status":"SUCCESS"},{"id":"b","status":"FAILURE","errorMessage":"no header"}]"#;
        let scenario = scenario(bad);
        assert_eq!(scenario.verdict(), Verdict::Failed);
        assert_eq!(scenario.failed, ["b: no header"]);
    }

    #[test]
    fn a_run_with_a_scenario_too_few_does_not_conform() {
        let one = |scored| Run {
            set: Set { name: "x", scored },
            way: Way::Direct,
            scenarios: vec![scenario(r#"[{"id":"a","status":"SUCCESS"}]"#)],
        };
        assert!(one(1).conforms());
        assert!(!one(2).conforms());
    }

    #[test]
    fn a_folder_belongs_to_the_scenario_of_its_whole_name() {
        let folder = Path::new("out/server-tools-call-error-2026-11-22T02-42-57-218Z");
        assert!(is_of(folder, "tools-call-error"));
        assert!(!is_of(folder, "tools-call"));
    }
}
