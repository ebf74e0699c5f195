//! The command line.

mod ask;
mod certificate;
mod doctor;
mod format;
mod init;
mod watch;
mod wrappers;

use std::path::PathBuf;
use std::time::Duration;

use api_keys::KeyId;
use jiff::Timestamp;

use clap::{Args, Parser, Subcommand, ValueHint};

pub use ask::{Probe, Verify};
pub use certificate::{Certificate, CertificateInstall};
pub use doctor::Doctor;
pub use format::{Format, OperatingSystem, OutputFormat};
pub use init::Init;
pub use watch::{Chosen, Logs, Services, ServicesCommand, ServicesLogs, Since};
pub use wrappers::Wrappers;

/// Puts MCP servers on the internet: from one spec to a verified deployment behind NGINX.
#[derive(Debug, Parser)]
#[command(name = "opsctl", version, propagate_version = true, after_help = EXIT_HELP)]
pub struct Cli {
    /// What goes for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What goes for every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The deployment spec
    #[arg(long, global = true, default_value = "deploy.toml", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub spec: PathBuf,
    /// What standard output carries
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Human, value_name = "FORMAT")]
    pub format: OutputFormat,
    /// Say nothing but findings and results
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented deploy.toml
    Init(Init),
    /// Write the files of the deployment below a folder, or compare them
    Render(Render),
    /// Make this machine what the spec says: all of it, verified, or everything as it was
    Apply(Apply),
    /// Go back to an earlier generation
    Rollback(Rollback),
    /// List the generations
    History(Named),
    /// Say what is installed, what runs, and what is not as it should be
    Status(Named),
    /// Keep a generation that would be taken back otherwise
    Confirm(Named),
    /// Take everything out again; what was made by hand stays
    Uninstall(Uninstall),
    /// Show what an apply would change, and what hands have changed; exit 3 on changes
    Diff(Diff),
    /// Decide whose a file is that a hand wrote or edited
    Adopt(Adopt),
    /// Check a running deployment over HTTP/1.1, HTTP/2 and HTTP/3
    Verify(Verify),
    /// Report what a server answers over HTTP/1.1, HTTP/2 and HTTP/3
    Probe(Probe),
    /// Judge NGINX configuration, hand-written or rendered
    Lint(Lint),
    /// Turn what is there into a spec
    #[command(subcommand)]
    Import(Import),
    /// Say what of this machine stands in the way, and the next command; exit 17, or 10 for the spec
    Doctor(Doctor),
    /// Run the whole deployment in the foreground, for development
    Up(Up),
    /// Start, stop and restart what runs, and say how it is
    Services(Services),
    /// Show one request from edge to tool
    Logs(Logs),
    /// Make, list and revoke the API keys of an origin
    Keys(Keys),
    /// Put renewed certificates into their places
    #[command(subcommand)]
    Certificate(Certificate),
    /// Make programs and modules that call the tools of an origin: `--format` bash, python, cli or skill
    Wrappers(Wrappers),
    /// Write the runbook of the deployment: bring-up, smoke tests, triage, drills, with its own names, paths and ports
    Runbook(Runbook),
    /// Write a completion script for a shell
    Completions(Completions),
    /// Write the manual pages
    Man(Man),
}

/// `opsctl runbook`
#[derive(Debug, Args)]
pub struct Runbook {
    /// Write the page into this file; standard output when absent
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// For this NGINX, as `1.26.3`, or ask this executable; the NGINX found here when absent
    #[arg(long, env = "OPSCTL_NGINX", value_name = "VERSION|PATH")]
    pub nginx: Option<String>,
}

/// `opsctl render`
#[derive(Debug, Args)]
pub struct Render {
    /// Write the tree below this folder, as DIR/etc/nginx/…
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Write nothing; compare with what is below --out (default /) and exit 3 on any difference
    #[arg(long)]
    pub check: bool,
    /// Render for Debian and Ubuntu with systemd, or for a Mac with Homebrew and launchd; this machine's own when absent
    #[arg(long, value_enum, value_name = "OS")]
    pub os: Option<OperatingSystem>,
    /// Render for this NGINX, as `1.26.3` or `1.30.6,stream=dynamic`, or ask this executable; the NGINX found here when absent
    #[arg(long, env = "OPSCTL_NGINX", value_name = "VERSION|PATH")]
    pub nginx: Option<String>,
    /// NGINX templates in place of the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
}

/// `opsctl apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// Install below this folder, and start or reload nothing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Show what would be done, and do nothing; with `--format json` it is a plan that `--plan` takes
    #[arg(long)]
    pub dry_run: bool,
    /// Do exactly what this saved plan says, or nothing when the machine moved since
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "restore")]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long to wait for another run
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = findings::parse_duration)]
    pub lock_wait: Duration,
    /// Go back by itself unless `opsctl confirm` follows within this time
    #[arg(long, value_name = "DURATION", value_parser = findings::parse_duration, conflicts_with = "root")]
    pub confirm_within: Option<Duration>,
    /// Bring back what was deleted by hand
    #[arg(long)]
    pub restore: bool,
    /// The NGINX of the machine; with --root also a version, as `1.26.3`
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
    /// NGINX templates in place of the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
}

/// `opsctl diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// A generation, as `opsctl history` numbers them, in place of the spec; with a second one the two are compared, else it is
    /// compared with what is installed
    #[arg(value_name = "N", num_args = 0..=2, conflicts_with_all = ["nginx", "templates"])]
    pub generations: Vec<u64>,
    /// The deployment whose generations are compared; that of the spec, or the only one of the machine, when absent
    #[arg(long, value_name = "NAME", requires = "generations")]
    pub name: Option<deploy::words::Name>,
    /// Compare with the tree below this folder, in place of this machine
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Render for this NGINX, as `1.26.3` or `1.30.6,stream=dynamic`, or ask this executable; the NGINX found here when absent
    #[arg(long, env = "OPSCTL_NGINX", value_name = "VERSION|PATH")]
    pub nginx: Option<String>,
    /// NGINX templates in place of the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
    /// Show the values of the servers' environments too
    #[arg(long)]
    pub show_secrets: bool,
}

/// `opsctl adopt`
#[derive(Debug, Args)]
pub struct Adopt {
    /// Files of the deployment, as `/etc/nginx/conf.d/NAME.conf`: the text that is there stands, as a hand edit of the rendering
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Let the rendering take their place instead
    #[arg(long)]
    pub replace: bool,
    /// How long to wait for another run
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = findings::parse_duration)]
    pub lock_wait: Duration,
    /// The machine is the tree below this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Render for this NGINX, as `1.26.3` or `1.30.6,stream=dynamic`, or ask this executable; the NGINX found here when absent
    #[arg(long, env = "OPSCTL_NGINX", value_name = "VERSION|PATH")]
    pub nginx: Option<String>,
    /// NGINX templates in place of the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
}

/// Which deployment a command is about.
#[derive(Debug, Args)]
pub struct Named {
    /// The deployment; that of the spec, or the only one of the machine, when absent
    #[arg(long, value_name = "NAME")]
    pub name: Option<deploy::words::Name>,
    /// The machine below this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
}

/// `opsctl rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// Which deployment
    #[command(flatten)]
    pub named: Named,
    /// The generation; the one before the newest when absent
    #[arg(long, value_name = "N")]
    pub to: Option<u64>,
    /// Put the files exactly as they were rendered: hand edits since then are kept beside them
    #[arg(long)]
    pub discard_edits: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long to wait for another run
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = findings::parse_duration)]
    pub lock_wait: Duration,
    /// The NGINX of the machine
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
    /// Only when this generation still waits to be confirmed: what the timer says
    #[arg(long, value_name = "N", hide = true)]
    pub unless_confirmed: Option<u64>,
}

/// `opsctl uninstall`
#[derive(Debug, Args)]
pub struct Uninstall {
    /// Which deployment
    #[command(flatten)]
    pub named: Named,
    /// Remove what opsctl and the origins remember too, and the accounts
    #[arg(long)]
    pub purge: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long to wait for another run
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = findings::parse_duration)]
    pub lock_wait: Duration,
    /// The NGINX of the machine
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
}

/// `opsctl lint`
#[derive(Debug, Args)]
pub struct Lint {
    /// NGINX configuration: files, folders, the output of `nginx -T`, or `-` for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath, required_unless_present = "rules")]
    pub files: Vec<PathBuf>,
    /// Mend what can be mended without changing anything else; standard input goes to standard output
    #[arg(long)]
    pub fix: bool,
    /// Show what `--fix` would change, and change nothing
    #[arg(long)]
    pub diff: bool,
    /// Judge for this NGINX, as `1.26.3`, or ask this executable; for any from 1.25.1 on when absent
    #[arg(long, value_name = "VERSION|PATH")]
    pub nginx: Option<String>,
    /// List the rules
    #[arg(long, conflicts_with_all = ["files", "fix", "diff", "nginx"])]
    pub rules: bool,
}

/// `opsctl up`
#[derive(Debug, Args)]
pub struct Up {
    /// Keep everything below this folder, and leave it there; a fresh private one, removed at the end, when absent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// The NGINX to run
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
    /// The origin to run; the one beside opsctl, else on PATH, when absent
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub origin: Option<PathBuf>,
    /// NGINX templates in place of the built-in ones
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
    /// End after the verification, with its exit code
    #[arg(long)]
    pub once: bool,
}

/// `opsctl keys`
#[derive(Debug, Args)]
pub struct Keys {
    /// Whose keys.
    #[command(flatten)]
    pub place: KeysPlace,
    /// What to do with them.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// Whose keys: those of the spec's one site, when nothing is said.
#[derive(Debug, Args)]
pub struct KeysPlace {
    /// The site of the spec, where it has several
    #[arg(long, global = true, value_name = "SITE", conflicts_with = "file")]
    pub site: Option<String>,
    /// The file of keys, with no look at a spec
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and show it, this once; to exchange one, add the new, then revoke the old
    Add(KeysAdd),
    /// List the keys: what they open, since when and until when
    List,
    /// Revoke keys: what they have open ends within a second
    Revoke(KeysRevoke),
}

/// `opsctl import`
#[derive(Debug, Subcommand)]
pub enum Import {
    /// A hand-written NGINX edge, as a deploy.toml and snippets; says what becomes of each directive
    Nginx(ImportNginx),
    /// A Hypercorn TOML, as an origin's; says what has no counterpart
    Hypercorn(ImportHypercorn),
}

/// `opsctl import hypercorn`
#[derive(Debug, Args)]
pub struct ImportHypercorn {
    /// The TOML that `hypercorn --config` reads
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: String,
    /// Write it here; to standard output when absent
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Where Hypercorn is started, for relative paths; the folder of FILE when absent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
    /// Replace the file that is there
    #[arg(long)]
    pub force: bool,
}

/// `opsctl import nginx`
#[derive(Debug, Args)]
pub struct ImportNginx {
    /// The configuration: nginx.conf, the file of one site, a folder, or the output of `nginx -T`
    #[arg(value_name = "CONF", value_hint = ValueHint::AnyPath)]
    pub conf: PathBuf,
    /// Name of the deployment
    #[arg(long, default_value = "mcp")]
    pub name: String,
    /// Which server, where several pass MCP on; the name of one that has none
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Write deploy.toml and the snippets below this folder, as DIR/etc/nginx/…; the spec (`--spec`) and the folder here when absent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Write nothing; show the files
    #[arg(long)]
    pub dry_run: bool,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
}

/// `opsctl keys add`
#[derive(Debug, Args)]
pub struct KeysAdd {
    /// Who holds the key, for people
    #[arg(value_name = "NAME", value_parser = parse_holder)]
    pub name: String,
    /// An MCP server that the key opens; may be given several times; all servers when absent
    #[arg(long = "server", value_name = "SERVER")]
    pub servers: Vec<String>,
    /// When it stops, as `90d`, `2030-01-31` or `2030-01-31T12:00:00Z`; never when absent
    #[arg(long, value_name = "TIME", value_parser = parse_expiry)]
    pub expires: Option<Expiry>,
}

/// `opsctl keys revoke`
#[derive(Debug, Args)]
pub struct KeysRevoke {
    /// The ids of the keys, as `opsctl keys list` shows them
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<KeyId>,
}

/// When a key stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// After this time.
    In(Duration),
    /// At this moment.
    At(Timestamp),
}

/// `opsctl man`
#[derive(Debug, Args)]
pub struct Man {
    /// Write a page for opsctl and one for each command into this folder; without it opsctl's own goes to standard output
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// `opsctl completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Reads the name of a key's holder.
fn parse_holder(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("is not a name of 1 to 64 printable characters".to_owned())
    }
}

/// Reads a duration, a day (its first moment in UTC) or a moment.
fn parse_expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(time) = findings::parse_duration(text) {
        return Ok(Expiry::In(time));
    }
    let moment = if text.len() == "2030-01-31".len() {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    moment.parse().map(Expiry::At).map_err(|_| {
        "is not a time such as `90d`, `2030-01-31` or `2030-01-31T12:00:00Z`".to_owned()
    })
}

const EXIT_HELP: &str = "Exit codes: 0 done, 1 unexpected, 2 usage, 3 changes pending, 10 spec invalid, 11 rendered configuration rejected, \
12 apply failed and everything is as it was, 13 apply failed and NOT everything is as it was, 14 verify failed (after apply: everything is \
as it was), 15 another run holds the lock, 16 hand edits conflict, 17 a prerequisite is missing, 18 lint found errors, 19 degraded, 20 the \
saved plan is stale.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_key_ends_after_a_time_or_at_a_moment() {
        let at = |text: &str| Expiry::At(text.parse().expect("a moment"));
        let day = Duration::from_hours(24);
        assert_eq!(parse_expiry("90d"), Ok(Expiry::In(day * 90)));
        assert_eq!(parse_expiry("2030-01-31"), Ok(at("2030-01-31T00:00:00Z")));
        let moment = "2030-01-31T12:00:00+01:00";
        assert_eq!(parse_expiry(moment), Ok(at("2030-01-31T11:00:00Z")));
        for bad in ["", "90", "soon", "2030-13-01", "2030-01-31T12:00:00"] {
            assert!(parse_expiry(bad).is_err(), "{bad}");
        }
    }
}
