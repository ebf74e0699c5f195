//! `cargo xtask bench`: what things cost, each beside a peer that ran in the same run.

use std::process::ExitCode;

use clap::ValueEnum as _;

use crate::cli::Bench;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;

/// Builds the programs as they are shipped, then the benches in their own workspace, and runs the one named.
pub(crate) fn run(repository: &Repository, arguments: &Bench) -> Result<ExitCode, Failure> {
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--release", "-p", "origin"]);
    build.args(["-p", "fixtures", "--bins"]);
    if !process::status(&mut build)?.success() {
        return Err(Failure::new("the programs do not build")
            .or_try("cargo build --release -p origin -p fixtures"));
    }
    let debug = repository.programs()?;
    let target = debug.parent().unwrap_or(&debug);
    let programs = target.join("release");
    let mut bench = repository.cargo();
    bench.args(["run", "--locked", "--release", "--quiet"]);
    bench
        .arg("--manifest-path")
        .arg(repository.root().join("bench/Cargo.toml"));
    bench
        .arg("--target-dir")
        .arg(target.join("bench"))
        .arg("--");
    let name = arguments.name.to_possible_value();
    bench.arg(name.as_ref().map_or("", |value| value.get_name()));
    bench.arg("--origin").arg(programs.join("origin"));
    bench.arg("--fixtures").arg(programs.join("mcp-fixtures"));
    if let Some(path) = &arguments.json {
        // the bench starts in the root of the checkout, the caller need not be there
        let path = std::path::absolute(path).map_err(|error| Failure::at("find", path, error))?;
        bench.arg("--json").arg(path);
    }
    if arguments.quick {
        bench.arg("--quick");
    }
    Ok(if process::status(&mut bench)?.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
