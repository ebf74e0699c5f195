//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// The MCP origin server: puts MCP servers that already exist on HTTP, behind NGINX or alone.
#[derive(Debug, Parser)]
#[command(name = "origin", version, args_conflicts_with_subcommands = true)]
#[command(after_help = AFTER_HELP)]
pub struct Cli {
    /// The configuration to run with
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read the configuration again whenever its file changes, and not at SIGHUP only
    #[arg(long, requires = "config")]
    pub follow: bool,
    /// What to do instead of running with a file.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of running with a file.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve one stdio MCP server without a configuration file; tools keep their own names
    Serve(Serve),
    /// Say everything that is wrong with a configuration: exit code 0 or 78
    Check(Check),
    /// Run one stdio MCP server on the connection that is standard input, and end it with its client
    Attend(Attend),
    /// Write the manual pages
    Man(Man),
}

/// `origin attend`.
#[derive(Debug, clap::Args)]
#[command(after_help = ATTEND_HELP)]
pub struct Attend {
    /// The command that speaks MCP over its standard input and output
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `origin serve`.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// Where to listen: `address:port` or `unix:/path`; may be repeated
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub bind: Vec<String>,
    /// What the service and its one server are called
    #[arg(long, default_value = "server")]
    pub name: String,
    /// The command that speaks MCP over its standard input and output
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `origin check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The configuration to judge
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// How findings are written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// `origin man`.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Write a page for origin and one for each command into this folder; without it origin's own goes to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One finding after the other, as a compiler writes them.
    Human,
    /// A JSON array of `{severity, id, path, file, line, message, hint}`.
    Json,
}

/// How the process ends; the numbers are those of `sysexits.h`, which systemd knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done; after a signal, everything was drained.
    Done = 0,
    /// `EX_USAGE`: the command line was not understood.
    Usage = 64,
    /// `EX_SOFTWARE`: the origin itself failed.
    Internal = 70,
    /// `EX_OSERR`: a socket could not be bound, or a server not started.
    CannotBind = 71,
    /// `EX_CONFIG`: the configuration has errors.
    Configuration = 78,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

const ATTEND_HELP: &str = "\
For units of systemd: a socket unit with Accept=yes starts it for each connection, with StandardInput=socket.
Exit codes: that of the command; 0 when its client left first; 71 when it does not start.";

const AFTER_HELP: &str = "\
SIGHUP reads the configuration again; one that has errors changes nothing. The log names what needs a restart.
Environment variables ORIGIN_<KEY> and ORIGIN_<SECTION>__<KEY> override the file.
Exit codes: 0 done, 64 usage, 70 internal, 71 cannot bind, 78 configuration.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_after_the_dashes_is_the_command() {
        let cli = Cli::try_parse_from(["origin", "serve", "--name", "git", "--", "run", "--bind"]);
        let Some(Command::Serve(serve)) = cli.expect("a valid line").command else {
            panic!("not serve");
        };
        assert_eq!(serve.command, ["run", "--bind"]);
        assert_eq!(serve.bind, ["127.0.0.1:8000"]);
    }
}
