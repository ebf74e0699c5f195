//! The MCP client of rmcp, built in its own workspace.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

/// The program, built when its sources or its lock are new; cargo knows that best.
pub(crate) fn ensure(repository: &Repository) -> Result<PathBuf, Failure> {
    let programs = repository.programs()?;
    let target = programs.parent().unwrap_or(&programs).join("interop-rmcp");
    let manifest = repository.root().join("tests/interop-rmcp/Cargo.toml");
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--quiet", "--manifest-path"]);
    build.arg(&manifest).arg("--target-dir").arg(&target);
    if process::status(&mut build)?.success() {
        return Ok(target.join("debug/interop-rmcp"));
    }
    Err(
        Failure::new("the client of rmcp does not build").or_try(format!(
            "cargo build --manifest-path {}",
            manifest.display()
        )),
    )
}
