//! `cargo xtask conformance`: the official suite, both requirement sets, directly, through NGINX, and over HTTP/3.

use std::process::ExitCode;

use crate::cache::Cache;
use crate::cli::Conformance;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{conformance, files, talk};

/// Runs the suite and prints its table; any scored scenario that does not pass is a failure.
pub(crate) fn run(repository: &Repository, arguments: &Conformance) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    let runs = conformance::run(repository, &cache)?;
    if let Some(path) = &arguments.json {
        files::replace(path, &format!("{:#}\n", conformance::json(&runs)))?;
    }
    talk::data(conformance::table(&runs));
    Ok(if runs.iter().all(conformance::Run::conforms) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
