//! The tests on a whole Debian with systemd, where this machine can boot one.

use std::env;
use std::path::PathBuf;

use super::{Counts, Outcome, cargo};
use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::files;
use crate::package::{self, Build};
use crate::repository::Repository;
use crate::talk;
use crate::tools::roots;

const TOOLS: &[Package] = &[
    Package {
        name: "systemd-container",
        brings: Brings::Program("systemd-nspawn"),
    },
    Package {
        name: "iproute2",
        brings: Brings::Program("ip"),
    },
    Package {
        name: "util-linux",
        brings: Brings::Program("nsenter"),
    },
];

/// Which of the tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tests {
    /// Those of the suite.
    Suite,
    /// Those that are `#[ignore]`d because they take so long.
    Long,
}

pub(crate) fn run(
    repository: &Repository,
    cache: &Cache,
    tests: Tests,
) -> Result<Outcome, Failure> {
    if let Err(failure) = can_boot(cache) {
        return skipped(failure);
    }
    if !cargo::programs(repository)? {
        return Ok(Outcome::single(false));
    }
    let environment = vec![
        ("MACHINE_DEBIAN_13", roots::ensure(cache, &roots::TRIXIE)?),
        (
            "MACHINE_DEBIAN_TESTING",
            roots::ensure(cache, &roots::FORKY)?,
        ),
        (
            "MACHINE_PACKAGE",
            package::make(repository, cache, Build::Debug)?,
        ),
        (
            "MACHINE_FIXTURES",
            repository.programs()?.join("mcp-fixtures"),
        ),
        ("MACHINE_FOLDER", folder(repository)?),
    ];
    cargo::machine(repository, cache, environment, tests)
}

/// Where the machines' disks are, with nothing of an earlier run in it: layers that tests share have its package in them.
fn folder(repository: &Repository) -> Result<PathBuf, Failure> {
    let programs = repository.programs()?;
    let folder = programs.with_file_name("machine");
    files::remove_tree(&folder)?;
    files::create_folder(&folder)?;
    Ok(folder)
}

fn can_boot(cache: &Cache) -> Result<(), Failure> {
    if !apt::is_root() {
        return Err(
            Failure::new("only root boots a machine").or_try("sudo -E cargo xtask test machine")
        );
    }
    apt::ensure(cache, TOOLS)
}

/// A desk may be unable to boot a machine; CI has to be able to.
fn skipped(failure: Failure) -> Result<Outcome, Failure> {
    if env::var_os("CI").is_some() {
        return Err(failure);
    }
    talk::failure(&failure);
    talk::progress("THE MACHINE TESTS ARE SKIPPED");
    let mut outcome = Outcome::new(true, Counts::default());
    outcome.counts.skipped = 1;
    outcome.notes.push(format!("(all skipped: {failure})"));
    Ok(outcome)
}
