//! `opsctl`: arguments and environment in, exit code out.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::Parser as _;
use opsctl::cli::{Cli, Global};
use opsctl::exit::Exit;
use opsctl::{Options, Ui};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // help and version come this way too, and are no fault; a closed pipe has nobody to tell
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            return exit.into();
        }
    };
    let mut ui = Ui::new(
        Box::new(io::stdout()),
        Box::new(io::stderr()),
        options(&cli.global),
    );
    trace(&cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(opsctl::run(cli, &mut ui)).into(),
        Err(_) => Exit::Unexpected.into(),
    }
}

fn options(global: &Global) -> Options {
    // no-color.org: any value that is not empty
    let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Options {
        format: global.format.into(),
        colour_out: colour && io::stdout().is_terminal(),
        colour_talk: colour && io::stderr().is_terminal(),
        progress: io::stderr().is_terminal(),
        asks: io::stdin().is_terminal() && io::stderr().is_terminal(),
        quiet: global.quiet,
    }
}

/// What the libraries say goes to standard error: nothing, unless asked for with `-v` (or `RUST_LOG`).
fn trace(global: &Global) {
    let level = match global.verbose {
        0 => "off",
        1 => "opsctl=debug,warn",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}
