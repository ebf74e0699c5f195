//! What things cost, each beside a peer that ran on the same input in the same run. `cargo xtask bench` builds and runs it.

mod clock;
mod gateway;
mod origin;
mod protocol;
mod serving;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// The envelope against rmcp, and the memory of sessions and streams
    Protocol(Arguments),
    /// One tool through the origin and through other bridges, and over its server's own pipe
    Gateway(gateway::Gateway),
    /// A request and a silent stream over every version of HTTP, beside other servers
    Origin(serving::Serving),
}

/// What every bench is told.
#[derive(Debug, clap::Args)]
struct Arguments {
    /// The origin to measure
    #[arg(long)]
    origin: PathBuf,
    /// The MCP server behind it
    #[arg(long)]
    fixtures: PathBuf,
    /// Write the figures to this file too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fewer and shorter rounds: to see that it runs
    #[arg(long)]
    quick: bool,
}

/// Why a bench stopped; printed and nothing else.
type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let (outcome, arguments) = match Cli::parse().bench {
        Bench::Protocol(arguments) => (protocol::run(&arguments), arguments),
        Bench::Gateway(gateway) => (gateway::run(&gateway), gateway.common),
        Bench::Origin(serving) => (serving::run(&serving), serving.common),
    };
    match outcome {
        Ok(figures) => {
            println!("{}", figures.table);
            let Some(path) = &arguments.json else {
                return ExitCode::SUCCESS;
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "figures for one reader, and nothing reads half a file"
            )]
            match std::fs::write(path, format!("{:#}\n", figures.json)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&format!("cannot write `{}`: {error}", path.display())),
            }
        }
        Err(fault) => failed(&fault.to_string()),
    }
}

fn failed(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}
