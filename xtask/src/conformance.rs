//! The official conformance suite against the origin with the fixtures behind it: each requirement set, by each way.

mod judge;
mod report;
mod serve;

use std::path::Path;
use std::thread;

use crate::cache::Cache;
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;
use crate::talk;
use crate::tools::node::Installed;
use crate::tools::{nginx, node};

pub(crate) use judge::{Run, Verdict};
pub(crate) use report::{json, table};

/// A requirement set of the suite and how many of its scenarios are scored.
///
/// The counts stand here so that a suite that runs less than it should is seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Set {
    pub(crate) name: &'static str,
    pub(crate) scored: usize,
}

/// Both sets of the pinned suite.
pub(crate) const SETS: [Set; 2] = [
    Set {
        name: "2026-07-28",
        scored: 37,
    },
    Set {
        name: "2025-11-25",
        scored: 30,
    },
];

/// How the suite reaches the origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Its own listener, HTTP/1.1.
    Direct,
    /// NGINX in the topology `h3-termination`, HTTP/1.1.
    Nginx,
    /// Its own HTTP/3, by way of a program that speaks HTTP/1.1 with the suite.
    Http3,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Nginx, Self::Http3];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Http3 => "http3",
        }
    }
}

/// Runs both sets every way; the programs are built first.
pub(crate) fn run(repository: &Repository, cache: &Cache) -> Result<Vec<Run>, Failure> {
    let suite = node::ensure(repository, cache, &node::CONFORMANCE)?;
    let nginx = nginx::ensure(repository, cache)?;
    build(repository)?;
    let folder = serve::scratch()?;
    let mut runs = Vec::new();
    for way in Way::ALL {
        let served = match way {
            Way::Direct => serve::direct(repository, folder.path())?,
            Way::Nginx => serve::through_nginx(repository, folder.path(), &nginx)?,
            Way::Http3 => serve::over_http3(repository, folder.path())?,
        };
        // most of a set's time is waiting: both at once take no longer than the longer
        let judged = thread::scope(|scope| {
            let asked = |set| {
                let (suite, url, folder) = (&suite, served.url(), folder.path());
                scope.spawn(move || ask(suite, set, way, (url, folder)))
            };
            let asked = SETS.map(asked);
            asked.map(|set| {
                set.join()
                    .unwrap_or_else(|_| Err(Failure::new("a set ended early")))
            })
        });
        for run in judged {
            runs.push(run?);
        }
    }
    Ok(runs)
}

/// Has the suite ask at `url` for one set, and write what it saw below `folder`.
fn ask(
    suite: &Installed,
    set: Set,
    way: Way,
    (url, folder): (&str, &Path),
) -> Result<Run, Failure> {
    let output = folder.join(format!("{}-{}", way.word(), set.name));
    talk::progress(format_args!("{} {}: {url}", set.name, way.word()));
    let mut command = suite.command();
    command.args(["server", "--url", url, "--requirements", set.name]);
    command.arg("-o").arg(&output);
    let (_, text) = process::output(&mut command)?;
    judge::judge(set, way, &text, &output)
}

fn build(repository: &Repository) -> Result<(), Failure> {
    let mut command = repository.cargo();
    command.args(["build", "--locked", "-p", "origin", "-p", "opsctl"]);
    command.args(["-p", "fixtures", "-p", "e2e", "--bins"]);
    if process::status(&mut command)?.success() {
        return Ok(());
    }
    Err(Failure::new("the programs do not build").or_try("cargo build --workspace --bins"))
}
