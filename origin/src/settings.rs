//! The configuration's layers: defaults < file < environment < flags.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use findings::{Document, Finding, Report};
use origin_config::OriginConfig;

use crate::cli::Serve;
use crate::upstream;

/// Reads a file and lays the environment over it. `None` when the report has an error.
pub fn from_file(
    path: &Path,
    environment: &[(OsString, OsString)],
) -> (Option<OriginConfig>, Report) {
    let name = path.display().to_string();
    let mut report = Report::new();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read `{name}`: {error}");
            let hint = "name a file that is there; `origin serve -- COMMAND` needs none";
            report.push(Finding::error("config.unreadable", message).hint(hint));
            return (None, report);
        }
    };
    let file = Document::parse(&text, &name, &mut report);
    let (config, mut report) = load(file.overlaid_with(overrides(environment)), report);
    for (index, server) in config.iter().flat_map(|config| &config.servers).enumerate() {
        // The other servers are served all the same, and what is not there yet may come.
        if let Err(reason) = upstream::prepare(server, environment) {
            let message = format!("server `{}` cannot be asked: {reason}", server.name);
            let path = format!("servers[{index}]");
            report.push(Finding::warn("servers.unreadable", message).at(path));
        }
    }
    (config, report)
}

/// The configuration of `origin serve`: one server, its tools under their own names.
pub fn from_flags(
    flags: &Serve,
    environment: &[(OsString, OsString)],
) -> (Option<OriginConfig>, Report) {
    let mut report = Report::new();
    let text = format!(
        "name = {name}\nbind = {bind}\ntool_names = \"plain\"\n[[servers]]\nname = {name}\ncommand = {command}\n",
        name = toml_string(&flags.name),
        bind = toml_array(&flags.bind),
        command = toml_array(&flags.command),
    );
    let command = flags.command.first().map_or("", String::as_str);
    if !is_there(command, environment) {
        let message = format!("the command `{}` was not found", command.escape_debug());
        let hint = "install it, or write its path: `origin serve -- /path/to/server`";
        report.push(Finding::error("servers.command", message).hint(hint));
        return (None, report);
    }
    let flags = Document::parse(&text, "command line", &mut report);
    load(overrides(environment).overlaid_with(flags), report)
}

/// Where a person finds what `origin serve` serves, and what to look at when it does not come up.
pub fn directions(config: &OriginConfig) -> String {
    let mut text = String::new();
    for bind in &config.bind {
        // Writing to a string does not fail.
        let _ = match bind.unix_path() {
            Some(path) => writeln!(text, "MCP: the socket {}, path /mcp", path.display()),
            None => writeln!(
                text,
                "MCP: http://{bind}/mcp   tools: http://{bind}/tools   state: http://{bind}/readyz"
            ),
        };
    }
    text + "Ctrl-C ends it. A line with `server is down` says why the server does not start.\n"
}

/// Whether there is a program of this name, found as a shell finds it. With a file the origin starts all the same, since what
/// is not there yet may come; a person who has just typed the name wants to know.
fn is_there(command: &str, environment: &[(OsString, OsString)]) -> bool {
    let is_program = |path: &Path| {
        path.metadata()
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if command.contains('/') {
        return is_program(Path::new(command));
    }
    let path = environment.iter().find(|(name, _)| name == "PATH");
    path.is_none_or(|(_, folders)| {
        std::env::split_paths(folders).any(|folder| is_program(&folder.join(command)))
    })
}

fn load(over: Document, mut report: Report) -> (Option<OriginConfig>, Report) {
    let (config, found) = origin_config::load(over);
    report.append(found);
    if let Some(config) = &config {
        let keys = config.api_keys_file.as_deref();
        let state_key = config.state_key_file.as_deref();
        report.append(keys.map(crate::keys::check).unwrap_or_default());
        report.append(state_key.map(crate::state_key::check).unwrap_or_default());
    }
    if let Some(config) = &config {
        report.append(crate::tls::check(&config.tls));
    }
    (config.filter(|_| !report.has_errors()), report)
}

/// `ORIGIN_*`; a variable that is not UTF-8 cannot be a value of TOML.
fn overrides(environment: &[(OsString, OsString)]) -> Document {
    let variables = environment
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())));
    Document::from_environment("ORIGIN", variables)
}

/// A basic string: quotes, backslashes and control characters are escaped, everything else is as it is.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn toml_array(items: &[String]) -> String {
    let items: Vec<_> = items.iter().map(|item| toml_string(item)).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_server_needs_and_cannot_be_read_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("origin.toml");
        let text = "[[servers]]\nname = \"far\"\nurl = \"https://a.example\"\nbearer_token_file = \"/nowhere/token\"\n";
        let mut file = fs::File::create(&path).expect("a file");
        std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
        let (config, report) = from_file(&path, &[]);
        assert!(config.is_some(), "{report}");
        let finding = &report.findings()[0];
        assert_eq!(finding.path.as_deref(), Some("servers[0]"));
        assert!(finding.message.contains("/nowhere/token"), "{report}");
    }

    #[test]
    fn a_command_that_is_not_there_is_said_before_anything_is_served() {
        let path = |folders: &str| [(OsString::from("PATH"), OsString::from(folders))];
        let (config, report) = from_flags(&serve("a", &["no-such-server"]), &path("/bin"));
        assert!(
            config.is_none() && report.to_string().contains("no-such-server"),
            "{report}"
        );
        assert!(
            from_flags(&serve("a", &["sh"]), &path("/nowhere:/bin"))
                .0
                .is_some()
        );
        assert!(from_flags(&serve("a", &["/etc/passwd"]), &[]).0.is_none());
    }

    fn serve(name: &str, command: &[&str]) -> Serve {
        Serve {
            bind: vec!["127.0.0.1:0".to_owned()],
            name: name.to_owned(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    #[test]
    fn a_command_arrives_as_it_was_typed() {
        let command = ["sh", "-c", "printf \"%s\\n\" 'a\u{7f}\u{1}b' ü $(x)"];
        let (config, report) = from_flags(&serve("demo", &command), &[]);
        let config = config.unwrap_or_else(|| panic!("{report}"));
        assert_eq!(config.servers[0].command, command);
        assert_eq!(config.servers[0].name, "demo");
        assert_eq!(config.tool_names, origin_config::ToolNames::Plain);
    }

    #[test]
    fn flags_win_over_the_environment_and_the_environment_over_the_defaults() {
        let environment = [
            ("ORIGIN_BIND", "[\"127.0.0.1:1\"]"),
            ("ORIGIN_TIMEOUTS__SMOKE", "7s"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let (config, report) = from_flags(&serve("demo", &["x"]), &environment);
        let config = config.unwrap_or_else(|| panic!("{report}"));
        assert_eq!(config.bind[0].to_string(), "127.0.0.1:0");
        assert_eq!(config.timeouts.smoke.as_secs(), 7);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_finding() {
        let (config, report) = from_file(Path::new("/nonexistent/origin.toml"), &[]);
        assert!(config.is_none());
        assert_eq!(report.findings()[0].id, "config.unreadable");
    }
}
