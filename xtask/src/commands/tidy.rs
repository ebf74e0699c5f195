//! `cargo xtask tidy`: the house rules that a program can check.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::repository::Repository;
use crate::{talk, tidy};

/// Checks the tree and names every place that breaks a rule.
pub(crate) fn run(repository: &Repository) -> Result<ExitCode, Failure> {
    let report = tidy::check(repository.root())?;
    report.show();
    talk::progress(format_args!(
        "{} rules kept, {} broken",
        report.kept(),
        report.broken()
    ));
    Ok(if report.broken() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
