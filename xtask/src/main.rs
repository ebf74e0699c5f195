//! The repository's own commands: `cargo xtask demo`, `test`, `conformance`, `bench`, `fuzz`, `package`, `tidy` and `tools`.
//!
//! It is built before anything else, so it depends on little and starts no async runtime.

mod apt;
mod cache;
mod cli;
mod commands;
mod conformance;
mod failure;
mod files;
mod package;
mod process;
mod repository;
mod suites;
mod talk;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            talk::failure(&failure);
            ExitCode::FAILURE
        }
    }
}
