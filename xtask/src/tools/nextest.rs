//! The test runner.

use std::path::PathBuf;

use super::python::{self, NEXTEST};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

/// `cargo-nextest`: the one on PATH, else the pinned one.
pub(crate) fn ensure(repository: &Repository, cache: &Cache) -> Result<PathBuf, Failure> {
    match process::on_path("cargo-nextest") {
        Some(path) => Ok(path),
        None => Ok(python::ensure(repository, cache, &NEXTEST)?.program("cargo-nextest")),
    }
}
