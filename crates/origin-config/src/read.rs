//! From TOML layers to an [`OriginConfig`], with all findings at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use findings::{Document, Finding, Located, Reader, Report};

use crate::allow::{AllowedHost, AllowedOrigin};
use crate::dependency;
use crate::filter;
use crate::launch;
use crate::limits;
use crate::model::{LogLevel, OriginConfig, ProcessMode, Server, Sessions, Timeouts, ToolNames};
use crate::quic;
use crate::remote;
use crate::tls;

/// The commented default file: every key, its default and the reason.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Reads a configuration. `over` is laid upon the defaults: file, then environment, then flags, merged by the caller with
/// [`Document::overlaid_with`].
///
/// `None` when the report has an error.
pub fn load(over: Document) -> (Option<OriginConfig>, Report) {
    load_with(over, |reader, config| {
        if !config.quic.bind.is_empty() && config.tls.certificates.is_empty() {
            let finding = Finding::error("quic.certificate", "HTTP/3 needs a certificate");
            let hint = "name it in `certfile` and `keyfile`";
            reader.find("quic_bind", finding.hint(hint));
        }
    })
}

/// As [`load`], for a configuration that gets its certificate later.
pub fn load_draft(over: Document) -> (Option<OriginConfig>, Report) {
    load_with(over, |_, _| {})
}

fn load_with(
    over: Document,
    check_more: impl Fn(&Reader<'_>, &OriginConfig),
) -> (Option<OriginConfig>, Report) {
    let mut report = Report::new();
    let defaults = Document::parse(DEFAULTS, "defaults", &mut report);
    let merged = defaults.overlaid_with(over);
    let report = RefCell::new(report);
    let reader = Reader::new(merged.root(), &report);
    let config = read(&reader);
    check_more(&reader, &config);
    reader.finish();
    check(&config, &report);
    let report = report.into_inner().sorted();
    ((!report.has_errors()).then_some(config), report)
}

/// Reads every key, whatever is wrong with the others; what could not be read is empty, and the report says so.
fn read(reader: &Reader<'_>) -> OriginConfig {
    let servers = read_servers(reader);
    let health_check_interval =
        dependency::positive(reader, "health_check_interval").unwrap_or_default();
    let dependencies = dependency::read(reader, health_check_interval);
    let timeouts = reader.table("timeouts").map(|table| {
        let timeouts = Timeouts {
            request: value(table.duration("request")),
            mcp: value(table.duration("mcp")),
            smoke: value(table.duration("smoke")),
            write_stall: value(table.duration("write_stall")),
        };
        table.finish();
        timeouts
    });
    let sessions = reader.table("sessions").map(|table| {
        let sessions = Sessions {
            max: whole(table.integer("max", 1..=1_000_000)),
            idle_timeout: value(table.duration("idle_timeout")),
            max_bytes: value(table.size("max_bytes")),
            answer_wait: value(table.duration("answer_wait")),
        };
        table.finish();
        sessions
    });
    OriginConfig {
        name: reader
            .string("name")
            .map(|name| checked_name(reader, name))
            .unwrap_or_default(),
        generation: value(reader.string("generation")),
        bind: bind_list(reader, "bind"),
        admin_bind: bind_list(reader, "admin_bind"),
        quic: quic::read(reader),
        tls: tls::read(reader),
        umask: whole(reader.integer("umask", 0..=0o777)),
        backlog: whole(reader.integer("backlog", 1..=65_535)),
        trusted_peers: values(reader.words("trusted_peers", "value.trusted-peer")),
        trusted_hops: whole(reader.integer("trusted_hops", 0..=16)),
        proxy_protocol: values(reader.words("proxy_protocol", "value.trusted-peer")),
        allowed_hosts: allowed_hosts(reader),
        allowed_origins: allowed_origins(reader),
        expose: values(reader.words("expose", "value.expose")),
        api_keys_file: file(reader, "api_keys_file"),
        state_key_file: file(reader, "state_key_file"),
        tool_names: reader
            .word("tool_names", "value.tool-names")
            .map_or(ToolNames::Prefixed, |names| names.value),
        include_server_header: value(reader.boolean("include_server_header")),
        accesslog: access_log(reader),
        loglevel: reader
            .word("loglevel", "value.log-level")
            .map_or(LogLevel::Info, |level| level.value),
        graceful_timeout: value(reader.duration_or_seconds("graceful_timeout")),
        keep_alive_timeout: value(reader.duration_or_seconds("keep_alive_timeout")),
        read_timeout: value(reader.duration_or_seconds("read_timeout")),
        h11_max_incomplete_size: value(reader.size("h11_max_incomplete_size")),
        h2_max_concurrent_streams: whole(reader.integer("h2_max_concurrent_streams", 1..=65_535)),
        h2_max_header_list_size: whole(
            reader.integer("h2_max_header_list_size", 1_024..=16_777_216),
        ),
        max_body_size: value(reader.size("max_body_size")),
        stream_keep_alive: value(reader.duration("stream_keep_alive")),
        timeouts: timeouts.unwrap_or_default(),
        sessions: sessions.unwrap_or_default(),
        limits: limits::read(reader),
        h3check: value(reader.boolean("h3check")),
        metrics: value(reader.boolean("metrics")),
        health_check_interval,
        servers,
        dependencies,
    }
}

fn read_servers(reader: &Reader<'_>) -> Vec<Server> {
    let mut servers = Vec::new();
    let mut names = BTreeSet::new();
    for table in reader.tables("servers") {
        let server = Server {
            name: table
                .string("name")
                .map(|name| name.value)
                .unwrap_or_default(),
            command: values(table.strings("command")),
            remote: remote::read(&table),
            socket: launch::read_socket(&table),
            working_directory: table
                .string("working_directory")
                .map(|path| path.value.into()),
            environment: table.string_map("environment").unwrap_or_default(),
            environment_pass: values(table.strings("environment_pass")),
            launch: launch::read(&table),
            filter: filter::read(&table),
            start_timeout: table
                .duration("start_timeout")
                .map_or(START_TIMEOUT, |timeout| timeout.value),
            call_timeout: table
                .duration("call_timeout")
                .map_or(CALL_TIMEOUT, |timeout| timeout.value),
            process: table
                .word("process", "value.process")
                .map_or(ProcessMode::Shared, |process| process.value),
            max_processes: table
                .integer("max_processes", 1..=10_000)
                .map_or(MAX_PROCESSES, |limit| whole(Some(limit))),
        };
        if !is_server_name(&server.name) {
            let message = format!("`{}` is not a server name", server.name.escape_debug());
            let hint = "a lower-case letter, then at most 31 of a-z, 0-9, `-` and single `_`";
            table.find("name", Finding::error("servers.name", message).hint(hint));
        } else if !names.insert(server.name.clone()) {
            let message = format!("server `{}` is named twice", server.name);
            table.find(
                "name",
                Finding::error("servers.duplicate", message).hint("each server needs its own name"),
            );
        }
        if !table.has("url")
            && !table.has("socket")
            && server.command.first().is_none_or(String::is_empty)
        {
            let finding = Finding::error("servers.command", "there is no command to run");
            let hint = "as `command = [\"mcp-server-time\"]`, or `url` for a server that runs elsewhere, or `socket`";
            table.find("command", finding.hint(hint));
        }
        find_nul(&table, &server);
        table.finish();
        servers.push(server);
    }
    servers
}

/// The operating system ends a word of a command or an environment at a NUL byte, and parts a variable at its first `=`.
fn find_nul(table: &Reader<'_>, server: &Server) {
    let folder = server.working_directory.as_ref();
    let folder = folder.is_some_and(|folder| folder.as_os_str().as_encoded_bytes().contains(&0));
    let secrets = server.launch.environment_secrets.keys();
    let mut names = server.environment.keys().chain(&server.environment_pass);
    let mut names = names.by_ref().chain(secrets);
    let found = [
        (
            "command",
            server.command.iter().any(|word| word.contains('\0')),
        ),
        ("working_directory", folder),
        (
            "environment",
            server
                .environment
                .values()
                .any(|value| value.contains('\0')),
        ),
    ];
    for (key, _) in found.iter().filter(|(_, found)| *found) {
        let finding = Finding::error("servers.nul", "a NUL byte cannot be given to a program");
        table.find(key, finding.hint("take `\\u0000` out"));
    }
    if let Some(name) = names.find(|name| name.is_empty() || name.contains(['\0', '='])) {
        let message = format!("`{}` is no name of a variable", name.escape_debug());
        let finding = Finding::error("servers.variable", message);
        table.find(
            "environment",
            finding.hint("a name has no `=` and no NUL byte"),
        );
    }
}

fn check(config: &OriginConfig, report: &RefCell<Report>) {
    let mut report = report.borrow_mut();
    if config.bind.is_empty() {
        report.push(Finding::error("bind.empty", "there is no address to listen on").at("bind"));
    }
    for bind in &config.admin_bind {
        let public = [
            ("bind", &config.bind),
            ("insecure_bind", &config.tls.insecure_bind),
        ];
        if let Some((key, _)) = public.iter().find(|(_, list)| list.contains(bind)) {
            let message =
                format!("`{bind}` is also in `{key}`, and the admin routes would be public");
            report.push(Finding::error("admin-bind.public", message).at("admin_bind"));
        }
    }
    if config.tool_names == ToolNames::Plain && config.servers.len() > 1 {
        let message = format!(
            "`plain` names need a single server, and there are {}",
            config.servers.len()
        );
        report.push(
            Finding::error("tool-names.plain", message)
                .at("tool_names")
                .hint("use `prefixed`"),
        );
    }
    for server in config
        .servers
        .iter()
        .filter(|server| server.call_timeout >= config.timeouts.mcp)
    {
        let message = format!(
            "server `{}` may take longer for a call than the route waits",
            server.name
        );
        let hint = "raise `timeouts.mcp` above every `call_timeout`";
        report.push(
            Finding::warn("timeouts.mcp", message)
                .at("timeouts.mcp")
                .hint(hint),
        );
    }
}

/// The rule for server names: they become the first part of a tool name, `{server}__{tool}`, so they have no `__`.
pub(crate) fn is_server_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

fn checked_name(reader: &Reader<'_>, name: Located<String>) -> String {
    if name.value.is_empty() || name.value.len() > 64 || name.value.chars().any(char::is_control) {
        reader.find(
            "name",
            Finding::error(
                "value.name",
                "is not a name of 1 to 64 printable characters",
            ),
        );
    }
    name.value
}

fn allowed_hosts(reader: &Reader<'_>) -> Vec<AllowedHost> {
    let hosts = values(reader.words("allowed_hosts", "value.allowed-host"));
    if hosts.contains(&AllowedHost::Any) {
        let message =
            "`*` answers for every host: a web page whose name points here can use this origin";
        let hint = "name the hosts, as `allowed_hosts = [\"mcp.example.com\"]`";
        reader.find(
            "allowed_hosts",
            Finding::warn("allowed-hosts.any", message).hint(hint),
        );
    }
    hosts
}

fn allowed_origins(reader: &Reader<'_>) -> Vec<AllowedOrigin> {
    let origins = values(reader.words("allowed_origins", "value.allowed-origin"));
    if origins.contains(&AllowedOrigin::Any) {
        let message = "`*` lets every web page that a user of this origin opens call its tools";
        let hint = "name the pages, as `allowed_origins = [\"https://app.example.com\"]`";
        reader.find(
            "allowed_origins",
            Finding::warn("allowed-origins.any", message).hint(hint),
        );
    }
    origins
}

/// An absolute path, or none where the text is empty.
fn file(reader: &Reader<'_>, key: &'static str) -> Option<PathBuf> {
    let text = reader.string(key)?;
    if text.value.is_empty() {
        return None;
    }
    let path = PathBuf::from(text.value);
    if !path.is_absolute() {
        let message = format!("`{}` is not an absolute path", path.display());
        let id = format!("value.{}", key.replace('_', "-"));
        let hint = format!("as `{key} = \"/etc/codeintel/file\"`");
        reader.find(key, Finding::error(id, message).hint(hint));
    }
    Some(path)
}

fn access_log(reader: &Reader<'_>) -> bool {
    let Some(text) = reader.string("accesslog") else {
        return false;
    };
    if !matches!(text.value.as_str(), "-" | "") {
        let hint = "systemd and launchd keep what is written to standard output; \"-\" writes there, \"\" writes nothing";
        let message = format!(
            "`{}`: the access log goes to standard output only",
            text.value.escape_debug()
        );
        reader.find(
            "accesslog",
            Finding::error("value.accesslog", message).hint(hint),
        );
    }
    text.value == "-"
}

pub(crate) fn bind_list(reader: &Reader<'_>, key: &'static str) -> Vec<crate::model::Bind> {
    let texts = reader.strings_or_one(key).unwrap_or_default();
    texts
        .into_iter()
        .filter_map(|text| reader.parsed(text, "value.bind"))
        .map(|bind| bind.value)
        .collect()
}

pub(crate) fn value<T: Default>(located: Option<Located<T>>) -> T {
    located.map(|located| located.value).unwrap_or_default()
}

pub(crate) fn values<T>(located: Option<Vec<Located<T>>>) -> Vec<T> {
    located
        .unwrap_or_default()
        .into_iter()
        .map(|located| located.value)
        .collect()
}

pub(crate) fn whole(located: Option<Located<i64>>) -> u32 {
    located
        .and_then(|located| u32::try_from(located.value).ok())
        .unwrap_or_default()
}

/// An interpreter that starts from a cold disk cache took several seconds on a small machine; 30 s is several times that.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Two minutes: the longest that common proxies let a silent call wait is 100 to 125 s.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
/// A Python server was measured at 40 to 60 MB: 32 of them fit in 2 GB.
const MAX_PROCESSES: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> (Option<OriginConfig>, Report) {
        let mut syntax = Report::new();
        let document = Document::parse(text, "origin.toml", &mut syntax);
        assert!(syntax.is_empty(), "{syntax}");
        load(document)
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let (config, report) = load_text("");
        let config = config.expect("the defaults are valid");
        assert!(report.is_empty(), "{report}");
        assert_eq!(config.bind[0].to_string(), "127.0.0.1:8000");
        assert_eq!(config.umask, 0o117);
        assert_eq!(config.stream_keep_alive, Duration::from_secs(15));
        assert!(config.accesslog && config.servers.is_empty());
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let text = "bnd = [\"x\"]\nbind = [\"nonsense\"]\nmax_body_size = 5\nloglevel = \"LOUD\"\n\
                    [[servers]]\nname = \"a__b\"\n[[servers]]\nname = \"git\"\ncommand = [\"x\"]\n\
                    [[servers]]\nname = \"git\"\ncommand = [\"y\"]\n";
        let (config, report) = load_text(text);
        assert!(config.is_none());
        let ids: Vec<_> = report
            .findings()
            .iter()
            .map(|finding| finding.id.as_str())
            .collect();
        for id in [
            "key.unknown",
            "value.bind",
            "value.bare-number",
            "value.log-level",
            "servers.name",
            "servers.command",
        ] {
            assert!(ids.contains(&id), "{id} in {ids:?}");
        }
        assert!(ids.contains(&"servers.duplicate"), "{ids:?}");
    }

    #[test]
    fn hypercorn_forms_are_read() {
        let (config, report) = load_text(
            "bind = \"unix:/run/x/o.sock\"\ngraceful_timeout = 3\nkeep_alive_timeout = 5.5\n",
        );
        let config = config.unwrap_or_else(|| panic!("{report}"));
        assert!(config.bind[0].unix_path().is_some());
        assert_eq!(config.keep_alive_timeout, Duration::from_millis(5_500));
    }

    #[test]
    fn a_wildcard_for_everybody_is_taken_with_a_warning() {
        let (config, report) = load_text("allowed_hosts = [\"*\"]\nallowed_origins = [\"*\"]\n");
        assert!(config.is_some(), "{report}");
        let found: Vec<_> = report
            .findings()
            .iter()
            .map(|finding| (finding.id.as_str(), finding.line, finding.severity))
            .collect();
        let warn = findings::Severity::Warn;
        assert_eq!(
            found,
            [
                ("allowed-hosts.any", Some(1), warn),
                ("allowed-origins.any", Some(2), warn)
            ]
        );
    }

    /// The findings of a server with `url`, as id and line within its keys.
    fn found(keys: &str) -> Vec<(String, usize)> {
        let (_, report) = load_text(&format!("[[servers]]\nname = \"a\"\n{keys}"));
        let findings = report.findings().iter();
        findings
            .map(|finding| (finding.id.clone(), finding.line.map_or(0, |line| line - 2)))
            .collect()
    }

    #[test]
    fn a_server_is_a_command_or_a_url() {
        let url = "url = \"http://localhost:1/mcp\"\n";
        assert!(found(url).is_empty());
        let both = found(&format!("{url}command = [\"x\"]\nenvironment = {{}}\n"));
        assert_eq!(
            both,
            [("servers.kind".into(), 2), ("servers.kind".into(), 3)]
        );
        let process = found("command = [\"x\"]\nca_file = \"/a\"\n");
        assert_eq!(process, [("servers.kind".into(), 2)]);
        assert_eq!(found("url = \"nowhere\"\n"), [("servers.url".into(), 1)]);
    }

    #[test]
    fn a_socket_stands_in_the_place_of_a_command() {
        assert!(found("socket = \"/run/x/git.sock\"\nprocesses = 2\n").is_empty());
        assert_eq!(
            found("socket = \"git.sock\"\n"),
            [("servers.path".into(), 1)]
        );
        let kind = |line| ("servers.kind".to_owned(), line);
        let socket = "socket = \"/s\"\n";
        let process = found(&format!(
            "{socket}command = [\"x\"]\nlimits = {{ open_files = 9 }}\n"
        ));
        assert_eq!(process, [kind(2), kind(3)]);
        assert_eq!(found(&format!("{socket}ca_file = \"/a\"\n")), [kind(2)]);
        assert_eq!(
            found(&format!("url = \"http://localhost:1/mcp\"\n{socket}")),
            [kind(2)]
        );
    }

    #[test]
    fn what_a_remote_server_cannot_be_sent_is_found() {
        let url = "url = \"https://a.example/mcp\"\n";
        for (keys, id) in [
            ("headers = { Mcp-Name = \"x\" }", "servers.header"),
            ("headers = { \"a b\" = \"x\" }", "servers.header"),
            ("headers = { a = \"x\\ny\" }", "servers.header"),
            ("headers = { Host = \"x\" }", "servers.header"),
            ("headers = { X-API-Key = \"x\" }", "servers.secret"),
            ("header_files = { a = \"x\" }", "servers.path"),
            ("ca_file = \"ca.pem\"", "servers.path"),
            (
                "bearer_token_file = \"/t\"\nheader_files = { Authorization = \"/a\" }",
                "servers.header",
            ),
        ] {
            let found = found(&format!("{url}{keys}\n"));
            assert_eq!(found.len(), 1, "{keys}: {found:?}");
            assert_eq!(found[0].0, id, "{keys}");
        }
    }

    #[test]
    fn a_remote_server_without_tls_is_warned_of_unless_it_is_here() {
        let plain = found("url = \"http://10.0.0.1/mcp\"\n");
        assert_eq!(plain, [("servers.plain-http".into(), 1)]);
        let useless = found("url = \"http://localhost/mcp\"\nca_file = \"/a\"\n");
        assert_eq!(useless, [("servers.ca-file".into(), 2)]);
    }

    #[test]
    fn what_no_program_can_be_given_is_found() {
        let (config, report) = load_text(
            "[[servers]]\nname = \"a\"\ncommand = [\"x\", \"y\\u0000\"]\nworking_directory = \"/\\u0000\"\n\
             environment = { A = \"\\u0000\", \"B=C\" = \"1\" }\n",
        );
        assert!(config.is_none());
        let found = report.findings().iter();
        let found: Vec<_> = found
            .map(|finding| (finding.id.as_str(), finding.line))
            .collect();
        let nul = "servers.nul";
        assert_eq!(
            found,
            [
                (nul, Some(3)),
                (nul, Some(4)),
                (nul, Some(5)),
                ("servers.variable", Some(5))
            ]
        );
    }

    #[test]
    fn the_admin_listener_is_never_the_public_one() {
        let (config, report) =
            load_text("bind = [\"127.0.0.1:1\"]\nadmin_bind = [\"127.0.0.1:1\"]\n");
        assert!(config.is_none(), "{report}");
    }

    #[test]
    fn every_top_level_key_and_timeout_has_a_default_with_a_comment() {
        let mut above = "";
        for line in DEFAULTS
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('['))
        {
            assert!(
                line.starts_with('#') || above.starts_with('#'),
                "no comment above `{line}`"
            );
            above = line;
        }
    }
}
