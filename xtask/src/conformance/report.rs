//! The table and the JSON of what the suite said.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::judge::{Run, Scenario, Verdict};

/// A line for each run, then every scenario that failed and why.
pub(crate) fn table(runs: &[Run]) -> String {
    let mut text = format!(
        "{:<12} {:<8} {:>14} {:>14} {:>8} {:>16}\n",
        "set", "way", "scored passed", "scored failed", "checks", "others passed"
    );
    for run in runs {
        let scored = format!("{} of {}", run.count(true, Verdict::Passed), run.set.scored);
        let failed = run.count(true, Verdict::Failed) + run.count(true, Verdict::Empty);
        let others = run
            .scenarios
            .iter()
            .filter(|scenario| scenario.unscored.is_some());
        let others = format!(
            "{} of {}",
            run.count(false, Verdict::Passed),
            others.count()
        );
        let checks: u32 = run.scenarios.iter().map(|scenario| scenario.passed).sum();
        let _ = writeln!(
            text,
            "{:<12} {:<8} {scored:>14} {failed:>14} {checks:>8} {others:>16}",
            run.set.name,
            run.way.word()
        );
    }
    for run in runs {
        for scenario in &run.scenarios {
            explain(&mut text, run, scenario);
        }
    }
    text
}

fn explain(text: &mut String, run: &Run, scenario: &Scenario) {
    let word = match (scenario.verdict(), &scenario.unscored) {
        (Verdict::Failed, None) => "FAILED".to_owned(),
        (Verdict::Failed, Some(reason)) => format!("failed, not scored ({reason})"),
        (Verdict::Empty, None) => "FAILED: nothing was checked".to_owned(),
        (Verdict::Empty, Some(reason)) => format!("skipped by the suite, not scored ({reason})"),
        (Verdict::Passed, _) if scenario.warnings.is_empty() => return,
        (Verdict::Passed, _) => "passed with warnings".to_owned(),
    };
    let _ = writeln!(
        text,
        "\n{} {} {}: {word}",
        run.set.name,
        run.way.word(),
        scenario.name
    );
    for line in scenario.failed.iter().chain(&scenario.warnings) {
        // a message may be a page of JSON
        let short: String = line.chars().take(LONGEST).collect();
        let _ = writeln!(text, "  {}", short.replace('\n', "\n  "));
    }
}

/// The longest message that the table shows, in characters; the JSON has it whole.
const LONGEST: usize = 400;

/// The same for a program: `runs[]` with `set`, `way`, `conforms`, counts and each scenario.
pub(crate) fn json(runs: &[Run]) -> Value {
    let scenario = |scenario: &Scenario| {
        json!({
            "name": scenario.name,
            "scored": scenario.unscored.is_none(),
            "unscored_reason": scenario.unscored,
            "verdict": match scenario.verdict() {
                Verdict::Passed => "passed",
                Verdict::Failed => "failed",
                Verdict::Empty => "nothing-checked",
            },
            "checks_passed": scenario.passed,
            "checks_failed": scenario.failed,
            "warnings": scenario.warnings,
        })
    };
    let run = |run: &Run| {
        let count = |scored| {
            json!({
                "passed": run.count(scored, Verdict::Passed),
                "failed": run.count(scored, Verdict::Failed),
                "nothing_checked": run.count(scored, Verdict::Empty),
            })
        };
        json!({
            "set": run.set.name,
            "way": run.way.word(),
            "conforms": run.conforms(),
            "scored_expected": run.set.scored,
            "scored": count(true),
            "unscored": count(false),
            "scenarios": run.scenarios.iter().map(scenario).collect::<Vec<_>>(),
        })
    };
    json!({ "runs": runs.iter().map(run).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::super::{Set, Way};
    use super::*;

    fn run() -> Run {
        let scenario = |name: &str, failed: &[&str], unscored: Option<&str>| Scenario {
            name: name.to_owned(),
            unscored: unscored.map(str::to_owned),
            passed: 1,
            failed: failed.iter().map(|&line| line.to_owned()).collect(),
            warnings: Vec::new(),
        };
        Run {
            set: Set {
                name: "2026-07-28",
                scored: 2,
            },
            way: Way::Nginx,
            scenarios: vec![
                scenario("ping", &[], None),
                scenario("caching", &["ttl: it is missing"], None),
                scenario("tasks-x", &[], Some("extension")),
            ],
        }
    }

    #[test]
    fn a_failure_is_named_with_its_reason() {
        let text = table(&[run()]);
        assert!(text.contains("1 of 2"), "{text}");
        assert!(text.contains("2026-07-28 nginx caching: FAILED\n  ttl: it is missing"));
        assert!(!text.contains("ping"), "{text}");
    }

    #[test]
    fn the_json_counts_by_score() {
        let json = json(&[run()]);
        let run = &json["runs"][0];
        assert_eq!(run["scored"]["failed"], 1);
        assert_eq!(run["unscored"]["passed"], 1);
        assert_eq!(run["conforms"], false);
    }
}
