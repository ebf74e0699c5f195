//! The driver of the fuzz targets.

use std::path::PathBuf;

use super::python::{self, CARGO_FUZZ};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

/// `cargo-fuzz`: the one on PATH, else the pinned one.
pub(crate) fn ensure(repository: &Repository, cache: &Cache) -> Result<PathBuf, Failure> {
    match process::on_path("cargo-fuzz") {
        Some(path) => Ok(path),
        None => Ok(python::ensure(repository, cache, &CARGO_FUZZ)?.program("cargo-fuzz")),
    }
}
