//! The client h3i, built in its own workspace, with what BoringSSL needs for that.

use std::path::PathBuf;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

const PACKAGES: &[Package] = &[
    Package {
        name: "cmake",
        brings: Brings::Program("cmake"),
    },
    Package {
        name: "g++",
        brings: Brings::Program("g++"),
    },
    // its library reads BoringSSL's headers for the bindings
    Package {
        name: "clang",
        brings: Brings::Program("clang"),
    },
];

/// The program, built when its sources or its lock are new; cargo knows that best.
pub(crate) fn ensure(repository: &Repository, cache: &Cache) -> Result<PathBuf, Failure> {
    apt::ensure(cache, PACKAGES)?;
    let programs = repository.programs()?;
    let target = programs.parent().unwrap_or(&programs).join("interop-h3i");
    let manifest = repository.root().join("tests/interop-h3i/Cargo.toml");
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--quiet", "--manifest-path"]);
    build.arg(&manifest).arg("--target-dir").arg(&target);
    if process::status(&mut build)?.success() {
        return Ok(target.join("debug/interop-h3i"));
    }
    Err(
        Failure::new("the client h3i does not build").or_try(format!(
            "cargo build --manifest-path {}",
            manifest.display()
        )),
    )
}
