//! From an [`OriginConfig`] to its TOML: what is written is read back as the same value.

use std::fmt::Write as _;
use std::path::Path;

use findings::{format_duration, format_size};
use toml::Value;

use crate::dependency;
use crate::expose::Exposed;
use crate::filter;
use crate::launch;
use crate::model::{OriginConfig, Server};
use crate::quic;
use crate::remote::Remote;
use crate::tls;

/// Writes a configuration as TOML. Every key is written, so that the file says all that is in force; `heading` is put
/// before it as comment lines.
pub fn write(config: &OriginConfig, heading: &str) -> String {
    let mut out = String::new();
    for line in heading.lines() {
        let _ = writeln!(out, "{}", format!("# {line}").trim_end());
    }
    out.push('\n');
    for (key, value) in top_level(config) {
        let _ = writeln!(out, "{key} = {value}");
    }
    tls::write(&mut out, &config.tls);
    quic::write_keys(&mut out, &config.quic);
    quic::write_table(&mut out, &config.quic);
    let timeouts = &config.timeouts;
    out.push_str("\n[timeouts]\n");
    for (key, duration) in [
        ("request", timeouts.request),
        ("mcp", timeouts.mcp),
        ("smoke", timeouts.smoke),
        ("write_stall", timeouts.write_stall),
    ] {
        let _ = writeln!(out, "{key} = {}", text(format_duration(duration)));
    }
    let sessions = &config.sessions;
    out.push_str("\n[sessions]\n");
    for (key, value) in [
        ("max", sessions.max.to_string()),
        ("idle_timeout", text(format_duration(sessions.idle_timeout))),
        ("max_bytes", text(format_size(sessions.max_bytes))),
        ("answer_wait", text(format_duration(sessions.answer_wait))),
    ] {
        let _ = writeln!(out, "{key} = {value}");
    }
    for (table, limit) in [
        ("client", &config.limits.client),
        ("key", &config.limits.key),
    ] {
        let rate = limit.rate.map(|rate| rate.to_string());
        let _ = writeln!(out, "\n[limits.{table}]");
        for (key, value) in [
            ("rate", text(rate.unwrap_or_default())),
            ("burst", limit.burst.to_string()),
            ("calls", limit.calls.to_string()),
            ("streams", limit.streams.to_string()),
        ] {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
    for server in &config.servers {
        write_server(&mut out, server);
    }
    for dependency in &config.dependencies {
        dependency::write(&mut out, dependency);
    }
    out
}

fn top_level(config: &OriginConfig) -> Vec<(&'static str, String)> {
    vec![
        ("name", text(&config.name)),
        ("generation", text(&config.generation)),
        ("bind", texts(&config.bind)),
        ("admin_bind", texts(&config.admin_bind)),
        ("umask", format!("0o{:03o}", config.umask)),
        ("backlog", config.backlog.to_string()),
        ("trusted_peers", texts(&config.trusted_peers)),
        ("trusted_hops", config.trusted_hops.to_string()),
        ("proxy_protocol", texts(&config.proxy_protocol)),
        ("allowed_hosts", texts(&config.allowed_hosts)),
        ("allowed_origins", texts(&config.allowed_origins)),
        ("expose", exposed(&config.expose)),
        ("api_keys_file", text(file(config.api_keys_file.as_deref()))),
        (
            "state_key_file",
            text(file(config.state_key_file.as_deref())),
        ),
        ("tool_names", text(config.tool_names)),
        (
            "include_server_header",
            config.include_server_header.to_string(),
        ),
        ("accesslog", text(if config.accesslog { "-" } else { "" })),
        ("loglevel", text(config.loglevel)),
        (
            "graceful_timeout",
            text(format_duration(config.graceful_timeout)),
        ),
        (
            "keep_alive_timeout",
            text(format_duration(config.keep_alive_timeout)),
        ),
        ("read_timeout", text(format_duration(config.read_timeout))),
        (
            "h11_max_incomplete_size",
            text(format_size(config.h11_max_incomplete_size)),
        ),
        (
            "h2_max_concurrent_streams",
            config.h2_max_concurrent_streams.to_string(),
        ),
        (
            "h2_max_header_list_size",
            config.h2_max_header_list_size.to_string(),
        ),
        ("max_body_size", text(format_size(config.max_body_size))),
        (
            "stream_keep_alive",
            text(format_duration(config.stream_keep_alive)),
        ),
        ("h3check", config.h3check.to_string()),
        ("metrics", config.metrics.to_string()),
        (
            "health_check_interval",
            text(format_duration(config.health_check_interval)),
        ),
    ]
}

fn exposed(endpoints: &[Exposed]) -> String {
    let words: Vec<_> = endpoints.iter().map(|exposed| exposed.word()).collect();
    texts(&words)
}

/// Empty where there is none.
fn file(path: Option<&Path>) -> std::path::Display<'_> {
    path.unwrap_or(Path::new("")).display()
}

fn write_server(out: &mut String, server: &Server) {
    out.push_str("\n[[servers]]\n");
    let _ = writeln!(out, "name = {}", text(&server.name));
    match (&server.remote, &server.socket) {
        (Some(remote), _) => write_remote(out, remote),
        (None, Some(socket)) => {
            let _ = writeln!(out, "socket = {}", text(socket.display()));
        }
        (None, None) => {
            let _ = writeln!(out, "command = {}", texts(&server.command));
        }
    }
    if let Some(directory) = &server.working_directory {
        let _ = writeln!(out, "working_directory = {}", text(directory.display()));
    }
    let _ = writeln!(
        out,
        "start_timeout = {}",
        text(format_duration(server.start_timeout))
    );
    let _ = writeln!(
        out,
        "call_timeout = {}",
        text(format_duration(server.call_timeout))
    );
    let _ = writeln!(out, "process = {}", text(server.process));
    let _ = writeln!(out, "max_processes = {}", server.max_processes);
    launch::write(out, &server.launch);
    filter::write(out, &server.filter);
    if !server.environment_pass.is_empty() {
        let _ = writeln!(
            out,
            "environment_pass = {}",
            texts(&server.environment_pass)
        );
    }
    if !server.environment.is_empty() {
        out.push_str("\n[servers.environment]\n");
        for (name, value) in &server.environment {
            let _ = writeln!(out, "{} = {}", text(name), text(value));
        }
    }
}

fn write_remote(out: &mut String, remote: &Remote) {
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    line("url", text(&remote.url));
    line(
        "connect_timeout",
        text(format_duration(remote.connect_timeout)),
    );
    line("read_timeout", text(format_duration(remote.read_timeout)));
    line("max_connections", remote.max_connections.to_string());
    for (key, file) in [
        ("bearer_token_file", &remote.bearer_token_file),
        ("ca_file", &remote.ca_file),
    ] {
        if let Some(file) = file {
            line(key, text(file.display()));
        }
    }
    let files = remote.header_files.iter();
    let files: Vec<_> = files
        .map(|(name, file)| (name, file.display().to_string()))
        .collect();
    for (key, entries) in [
        ("headers", remote.headers.iter().collect::<Vec<_>>()),
        (
            "header_files",
            files.iter().map(|(name, file)| (*name, file)).collect(),
        ),
        (
            "header_environment",
            remote.header_environment.iter().collect(),
        ),
    ] {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, value)| format!("{} = {}", text(name), text(value)))
            .collect();
        if !entries.is_empty() {
            line(key, format!("{{ {} }}", entries.join(", ")));
        }
    }
}

/// A TOML string with TOML's own quoting; a quoted string is also a valid key.
#[expect(clippy::needless_pass_by_value, reason = "called with temporaries")]
pub(crate) fn text(value: impl ToString) -> String {
    let value = value.to_string();
    // the library chooses a multi-line literal for a text with a newline, which is no key and hides the newline
    if value.contains(|c: char| c.is_control() || c == '\'') {
        return basic_string(&value);
    }
    Value::String(value).to_string()
}

fn basic_string(value: &str) -> String {
    let mut out = String::from('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

pub(crate) fn texts<T: ToString>(values: &[T]) -> String {
    let items: Vec<_> = values.iter().map(|value| text(value.to_string())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use findings::{Document, Report};

    use super::*;
    use crate::read::load;

    #[test]
    fn what_is_written_is_read_back_as_the_same_value() {
        let source = "name = \"a \\\"quoted\\\" name\"\nbind = [\"unix:/run/x/o.sock\", \"[::1]:80\"]\n\
                      trusted_peers = [\"unix:\", \"10.0.0.0/8\"]\n\
                      allowed_hosts = [\"*.a.example\", \"[::1]:1\"]\nallowed_origins = [\"https://b.example:8443\"]\nmax_body_size = \"5KiB\"\n\
                      expose = [\"capz\"]\napi_keys_file = \"/etc/x/keys.toml\"\nmetrics = true\nh3check = true\nstate_key_file = \"/var/lib/x/state.key\"\n\
                      certfile = [\"/c\", \"/d\"]\nkeyfile = [\"/k\", \"/l\"]\ninsecure_bind = \"[::1]:81\"\nalpn_protocols = [\"h2\"]\nssl_handshake_timeout = 3\n\
                      quic_bind = [\"[::]:443\"]\nalt_svc_headers = [\"h3=\\\":443\\\"\"]\nquic = { retry_above = 0, key_file = \"/k\", idle_timeout = \"9s\" }\n\
                      limits.client.rate = \"10r/s\"\nlimits.key = { burst = 7, streams = 2 }\n\
                      [[servers]]\nname = \"git\"\ncommand = [\"run\", \"it's\", \"a\\nb\", \"$(x)\", \"\\\\\"]\n\
                      process = \"per-session\"\nmax_processes = 3\nworking_directory = \"/srv\"\nenvironment_pass = [\"HOME\"]\nprocesses = 4\n\
                      environment_files = [\"/a\", \"/b\"]\n\
                      include = { tools = [\"a*\"], resources = [\"f:*\", \"g\"] }\nexclude = { prompts = [\"p?\"] }\n\
                      environment_secrets = { T = \"token\" }\nlimits = { open_files = 9, address_space = \"1GiB\", cpu_time = \"1h\", processes = 8 }\n\
                      [servers.environment]\nA = \"1\"\n\"odd key\" = \"\\u0007\"\n\
                      [[servers]]\nname = \"time\"\ncommand = [\"t\"]\n\
                      [[servers]]\nname = \"unit\"\nsocket = \"/run/x/unit.sock\"\nprocesses = 2\n\
                      [[servers]]\nname = \"far\"\nurl = \"https://b.example/mcp?x=1\"\nheaders = { A = \"1\", \"x.y\" = \"it's\" }\n\
                      header_files = { B = \"/run/b\" }\nheader_environment = { C = \"VAR\" }\nbearer_token_file = \"/run/t\"\n\
                      ca_file = \"/etc/ca.pem\"\nconnect_timeout = \"1s\"\nread_timeout = \"2m\"\nmax_connections = 9\n";
        let parse = |text: &str| {
            let mut report = Report::new();
            let document = Document::parse(text, "x", &mut report);
            let (config, findings) = load(document);
            config.unwrap_or_else(|| panic!("{report}{findings}"))
        };
        let config = parse(source);
        let written = write(&config, "made by a test\n\nsecond");
        assert_eq!(parse(&written), config, "{written}");
        assert_eq!(write(&parse(&written), "made by a test\n\nsecond"), written);
    }
}
