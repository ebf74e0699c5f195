//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// The repository's own commands.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring up NGINX and the origin in front of real MCP servers on this machine, verified over h1, h2, h3
    Demo(Demo),
    /// Run everything that CI runs, or the suites named
    Test(Test),
    /// Run the official conformance suite, both requirement sets, directly, through NGINX, and over HTTP/3
    Conformance(Conformance),
    /// Measure what things cost, each beside a peer in the same run
    Bench(Bench),
    /// Run the long versions of tests: many rounds of the same
    Soak(Soak),
    /// Run the fuzz targets for a while each, from their seeds
    Fuzz(Fuzz),
    /// Build the Debian package of this checkout
    Package,
    /// Check the house rules that a program can check
    Tidy,
    /// Provide the tools of the tests: NGINX, Debian roots, Python environments, nextest, cargo-deny
    Tools(Tools),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How clients reach the origin
    #[arg(long, value_enum, default_value_t = Topology::H3Termination)]
    pub(crate) topology: Topology,
    /// Exit after the verification, with its exit code
    #[arg(long)]
    pub(crate) once: bool,
    /// Keep the deployment's folder (configuration, logs) after the end
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Topology {
    /// NGINX speaks HTTP/3, /2 and /1.1; the origin HTTP/1.1 behind it
    H3Termination,
    /// NGINX passes TCP and UDP through; the origin ends TLS and QUIC itself
    StreamPassthrough,
}

impl Topology {
    /// The word of the spec.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::H3Termination => "h3-termination",
            Self::StreamPassthrough => "stream-passthrough",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The suites to run; all of them when none is named
    #[arg(value_enum)]
    pub(crate) suites: Vec<Suite>,
}

/// A suite of `cargo xtask test`, in the order in which all of them run: what fails soonest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Suite {
    /// Formatting
    Fmt,
    /// House rules
    Tidy,
    /// Lints, warnings are errors
    Clippy,
    /// Unit and integration tests of every crate but the end-to-end tests
    Unit,
    /// Only the rendered references and goldens (they are part of `unit`)
    Goldens,
    /// Examples in the documentation
    Doc,
    /// The documentation itself, warnings are errors
    Docs,
    /// Licences, bans, sources and advisories of the dependencies
    Deny,
    /// Real NGINX, origin and opsctl on free ports
    E2e,
    /// The Debian package on a whole Debian with systemd, and clients outside it
    Machine,
    /// `cargo xtask demo --once`, as a newcomer runs it
    Demo,
    /// The official conformance suite, both requirement sets, directly, through NGINX, and over HTTP/3
    Conformance,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Conformance {
    /// Write every scenario and check to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum)]
    pub(crate) name: BenchName,
    /// Write the figures to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Fewer and shorter rounds: to see that it runs
    #[arg(long)]
    pub(crate) quick: bool,
    /// What the bench itself takes, as `-- --part streams --only NGINX` for `origin`
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) more: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum BenchName {
    /// The envelope against rmcp, the memory of sessions and streams, and a flood of sessions
    Protocol,
    /// One tool of a stdio server through the origin, through other bridges, and over its own pipe
    Gateway,
    /// A request and a silent stream over HTTP/1.1, /2 and /3, beside other servers and bare hyper, and the topologies
    Origin,
    /// One call of a tool through generated wrappers from a cold start, beside curl alone
    Wrappers,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Soak {
    /// What to run; all of them when none is named
    #[arg(value_enum)]
    pub(crate) names: Vec<SoakName>,
    /// How many rounds of `gateway`
    #[arg(long, default_value_t = 1000)]
    pub(crate) rounds: u32,
}

/// A test with a long version.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SoakName {
    /// Every fault of a stdio server, and what it leaves behind
    Gateway,
    /// Floods of forged first datagrams against the origin's HTTP/3, and what they cost
    Floods,
    /// Kills of an apply every 50 ms of its life, and power cuts, on a whole Debian
    Machine,
    /// A hundred streams through twenty reloads of the edge, in each topology
    Reload,
    /// A hundred streams through twenty restarts of the origin
    Restart,
    /// All that HTTP/3 forbids, said by the client h3i, which is built for it with BoringSSL
    H3i,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fuzz {
    /// The targets to run; all of them when none is named
    #[arg(value_enum)]
    pub(crate) targets: Vec<FuzzTarget>,
    /// How long each of them runs
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u32,
}

/// A target of `fuzz/`; the rules that they hold are in `tests/fuzz`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FuzzTarget {
    /// The JSON-RPC envelope
    Envelope,
    /// The headers that repeat what a body says
    Headers,
    /// The event stream, read and written
    Events,
    /// Streams of HTTP/3, cut anywhere
    Http3,
    /// The PROXY protocol header before a connection
    Proxy,
    /// NGINX configuration, read and judged
    Conf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Tools {
    /// The tools to provide; all of them when none is named
    #[arg(value_enum)]
    pub(crate) tools: Vec<Tool>,
    /// Print the environment of the end-to-end tests as shell lines
    #[arg(long, conflicts_with = "tools")]
    pub(crate) env: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Tool {
    /// NGINX with HTTP/3, built from its pinned source
    Nginx,
    /// Debian 13 with its own NGINX and curl, as a folder to chroot into
    RootTrixie,
    /// Debian testing, the same
    RootForky,
    /// Python environment with the MCP servers of the demo
    Servers,
    /// Python environment with MCP clients
    Clients,
    /// Python environment with mypy, ruff and shellcheck
    Checkers,
    /// Another MCP client, in a Python environment of its own
    Fastmcp,
    /// The official conformance suite, with the Node that runs it
    Conformance,
    /// MCP Inspector, whose command line is a client
    Inspector,
    /// A browser, with letters for it to draw
    Chromium,
    /// The client of rmcp, built in its own workspace
    Rmcp,
    /// The test runner
    Nextest,
    /// The judge of dependencies
    CargoDeny,
    /// The driver of the fuzz targets
    CargoFuzz,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
