//! The official conformance suite; each scored scenario by each way counts as one test.

use std::ops::Add as _;

use super::{Counts, Outcome};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{conformance, talk};

pub(crate) fn run(repository: &Repository, cache: &Cache) -> Result<Outcome, Failure> {
    let runs = conformance::run(repository, cache)?;
    talk::progress(conformance::table(&runs));
    let counts = runs.iter().map(counts).fold(Counts::default(), Counts::add);
    let mut outcome = Outcome::new(runs.iter().all(conformance::Run::conforms), counts);
    for run in &runs {
        let scored = run.count(true, conformance::Verdict::Passed);
        outcome.notes.push(format!(
            "({} {}: {scored} of {})",
            run.set.name,
            run.way.word(),
            run.set.scored
        ));
    }
    Ok(outcome)
}

/// A scenario that is scored and did not run, or checked nothing, has failed.
fn counts(run: &conformance::Run) -> Counts {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let passed = run.count(true, conformance::Verdict::Passed);
    Counts {
        passed: number(passed),
        failed: number(run.set.scored.saturating_sub(passed)),
        skipped: number(run.count(false, conformance::Verdict::Empty)),
    }
}
