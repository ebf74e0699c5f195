//! The MCP origin server: arguments → configuration → bind → run → drain.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use findings::Report;
use origin::cli::{Attend, Check, Cli, Command, Exit, Format};
use origin::reload::Source;
use origin::{Origin, logging, settings};
use origin_config::OriginConfig;

mod man;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help to standard output and complaints to standard error; nobody is left to tell if it cannot.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            }
            .into();
        }
    };
    let environment: Vec<_> = std::env::vars_os().collect();
    let file = cli.config.clone();
    let (config, report) = match (cli.command, cli.config) {
        (Some(Command::Check(check)), _) => return self::check(&check, &environment).into(),
        (Some(Command::Attend(attend)), _) => return self::attend(&attend),
        (Some(Command::Man(man)), _) => return self::man::run(man.out.as_deref()).into(),
        (Some(Command::Serve(flags)), _) => {
            let (config, report) = settings::from_flags(&flags, &environment);
            if let Some(config) = config.as_ref().filter(|_| io::stderr().is_terminal()) {
                say(&settings::directions(config));
            }
            (config, report)
        }
        (None, Some(file)) => settings::from_file(&file, &environment),
        (None, None) => {
            say(
                "error: there is nothing to serve\n  hint: `origin serve -- COMMAND` serves one MCP server, `origin --config FILE` what a file says; `origin --help` has the rest\n",
            );
            return Exit::Usage.into();
        }
    };
    say(&report.to_string());
    match config {
        Some(config) => serve(config, environment, file, cli.follow).into(),
        None => Exit::Configuration.into(),
    }
}

/// Ends as the server did.
fn attend(attend: &Attend) -> ExitCode {
    match origin::attend::attend(&attend.command) {
        Ok(None) => Exit::Done.into(),
        Ok(Some(status)) => match status.code().map(u8::try_from) {
            Some(Ok(code)) => code.into(),
            // A signal ended it.
            _ => Exit::Internal.into(),
        },
        Err(error) => fail(Exit::CannotBind, &error).into(),
    }
}

/// Findings are what `check` is asked for, so they are its standard output.
fn check(check: &Check, environment: &[(OsString, OsString)]) -> Exit {
    let (_, report) = settings::from_file(&check.config, environment);
    let text = match check.format {
        Format::Human => report.to_string(),
        Format::Json => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
    };
    // A reader that closed the pipe has seen what it wanted.
    let _ = io::stdout().write_all(text.as_bytes());
    verdict(&report)
}

fn verdict(report: &Report) -> Exit {
    if report.has_errors() {
        Exit::Configuration
    } else {
        Exit::Done
    }
}

/// Binds, runs and drains.
fn serve(
    config: OriginConfig,
    environment: Vec<(OsString, OsString)>,
    file: Option<PathBuf>,
    follow: bool,
) -> Exit {
    let level = logging::start(config.loglevel);
    logging::log_panics();
    raise_descriptor_limit();
    let mut origin = Origin::new(config, environment.clone());
    if let Some(file) = file {
        origin = origin.source(Source {
            file,
            environment,
            level,
            follow,
        });
    }
    let bound = match origin.bind() {
        Ok(bound) => bound,
        Err(error) => return fail(Exit::CannotBind, &error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(Exit::Internal, &error),
    };
    match runtime.block_on(bound.run()) {
        Ok(()) => Exit::Done,
        Err(error) => fail(Exit::Internal, &error),
    }
}

/// A stream is a descriptor here and one more at each proxy: the soft limit of 1024 that most systems give is a few
/// hundred clients. The hard limit is what the operator allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

fn fail(exit: Exit, error: &dyn std::error::Error) -> Exit {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.push('\n');
    say(&text);
    exit
}

/// Talk goes to standard error; when nobody holds its other end there is nobody to talk to.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
