//! `cargo xtask fuzz`: the fuzz targets for a while each, from their seeds.

use std::process::{Command, ExitCode};

use clap::ValueEnum as _;

use crate::cache::Cache;
use crate::cli::{Fuzz, FuzzTarget};
use crate::failure::Failure;
use crate::repository::Repository;
use crate::tools::cargo_fuzz;
use crate::{files, process, talk};

/// The longest input: the seeds and what grows from them are small, and a long one is slow to no end.
const MAX_LENGTH: u32 = 4096;

/// Builds and runs the targets named, or all. What was found that crashes one stays in `fuzz/artifacts`.
pub(crate) fn run(repository: &Repository, arguments: &Fuzz) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    let program = cargo_fuzz::ensure(repository, &cache)?;
    let programs = repository.programs()?;
    let target = programs.parent().unwrap_or(&programs).join("fuzz");
    let root = repository.root().join("fuzz");
    let targets = match arguments.targets.as_slice() {
        [] => FuzzTarget::value_variants(),
        named => named,
    };
    let mut held = true;
    for target_of in targets {
        let value = target_of.to_possible_value();
        let name = value.as_ref().map_or("", |value| value.get_name());
        talk::progress(format_args!("== {name}, {} s", arguments.seconds));
        let grown = root.join("corpus").join(name);
        files::create_folder(&grown)?;
        let mut command = Command::new(&program);
        repository.enter(&mut command);
        command.current_dir(&root);
        // the instrumentation is an unstable flag of a compiler that is stable otherwise
        command.env("RUSTC_BOOTSTRAP", "1");
        // this code has nothing unsafe for a sanitizer to find, and runs several times as fast without one
        command.args(["fuzz", "run", "--sanitizer", "none", "--target-dir"]);
        command.arg(&target).arg(name);
        command.arg(&grown).arg(root.join("seeds").join(name));
        command.arg("--");
        command.arg(format!("-max_total_time={}", arguments.seconds));
        command.arg(format!("-max_len={MAX_LENGTH}"));
        command.arg("-print_final_stats=1");
        held &= process::status(&mut command)?.success();
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_of_the_folder_can_be_named() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets");
        let files = std::fs::read_dir(folder).expect("the targets");
        let there: BTreeSet<_> = files
            .filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()))
            .collect();
        let named: BTreeSet<_> = FuzzTarget::value_variants()
            .iter()
            .filter_map(|target| Some(target.to_possible_value()?.get_name().to_owned()))
            .collect();
        assert_eq!(there, named);
    }
}
