//! `cargo xtask package`: the Debian package of this checkout.

use std::process::ExitCode;

use crate::cache::Cache;
use crate::failure::Failure;
use crate::package::{self, Build};
use crate::process;
use crate::repository::Repository;
use crate::talk;

/// Builds the programs as they are shipped, packs them and prints the package's path.
pub(crate) fn run(repository: &Repository) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    let mut build = repository.cargo();
    build.args([
        "build",
        "--locked",
        "--release",
        "-p",
        "origin",
        "-p",
        "opsctl",
    ]);
    if !process::status(&mut build)?.success() {
        return Err(Failure::new("the programs do not build")
            .or_try("cargo build --release -p origin -p opsctl"));
    }
    let path = package::make(repository, &cache, Build::Release)?;
    talk::data(path.display());
    Ok(ExitCode::SUCCESS)
}
