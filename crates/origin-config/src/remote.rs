//! MCP servers that run elsewhere and are reached by URL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use findings::{Finding, Reader};

use crate::url::Url;

/// Where a server by URL is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// `url`: its MCP endpoint.
    pub url: Url,
    /// `headers`: sent with every request, as they stand here.
    pub headers: BTreeMap<String, String>,
    /// `header_files`: headers whose values are in files, read again when they change.
    pub header_files: BTreeMap<String, PathBuf>,
    /// `header_environment`: headers whose values are variables of the origin's own environment.
    pub header_environment: BTreeMap<String, String>,
    /// `bearer_token_file`: the token for `Authorization: Bearer`, read again when it changes.
    pub bearer_token_file: Option<PathBuf>,
    /// `ca_file`: the certificates, in PEM, that the server's own must lead to; those of the system when absent.
    pub ca_file: Option<PathBuf>,
    /// `connect_timeout`: how long a connection may take until requests can go out, with TLS.
    pub connect_timeout: Duration,
    /// `read_timeout`: how long a stream may be silent.
    pub read_timeout: Duration,
    /// `max_connections`: how many requests may be on their way at a time; over HTTP/1.1 each has a connection.
    pub max_connections: u32,
}

impl Remote {
    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let named = self.bearer_token_file.iter().chain(&self.ca_file);
        named
            .chain(self.header_files.values())
            .map(PathBuf::as_path)
    }
}

/// Reads the keys of a server with `url`. `None` when there is none, or it cannot be read.
pub(crate) fn read(table: &Reader<'_>) -> Option<Remote> {
    let url = table.word::<Url>("url", "servers.url");
    let remote = Remote {
        headers: table.string_map("headers").unwrap_or_default(),
        header_files: paths(table, "header_files"),
        header_environment: table.string_map("header_environment").unwrap_or_default(),
        bearer_token_file: path(table, "bearer_token_file"),
        ca_file: path(table, "ca_file"),
        connect_timeout: table
            .duration("connect_timeout")
            .map_or(CONNECT_TIMEOUT, |timeout| timeout.value),
        read_timeout: table
            .duration("read_timeout")
            .map_or(READ_TIMEOUT, |timeout| timeout.value),
        max_connections: table
            .integer("max_connections", 1..=10_000)
            .and_then(|limit| u32::try_from(limit.value).ok())
            .unwrap_or(MAX_CONNECTIONS),
        url: match url {
            Some(url) => url.value,
            None => return refuse_without_url(table),
        },
    };
    check(table, &remote);
    Some(remote)
}

/// Keys that mean nothing for a process.
fn refuse_without_url(table: &Reader<'_>) -> Option<Remote> {
    for key in REMOTE_KEYS
        .iter()
        .filter(|key| !table.has("url") && table.has(key))
    {
        let message = format!("`{key}` is for a server with `url`");
        table.find(key, Finding::error("servers.kind", message));
    }
    None
}

fn check(table: &Reader<'_>, remote: &Remote) {
    for key in PROCESS_KEYS.iter().filter(|key| table.has(key)) {
        let message = format!("`{key}` is of no use to a server with `url`");
        let hint =
            "a server is a command, a socket or a URL; write two `[[servers]]` for two servers";
        table.find(key, Finding::error("servers.kind", message).hint(hint));
    }
    if !remote.url.is_tls() && !remote.url.authority().is_loopback() {
        let message = format!(
            "what goes to `{}` can be read and changed on its way",
            remote.url
        );
        let hint = "use `https`, unless the network between is yours alone";
        table.find(
            "url",
            Finding::warn("servers.plain-http", message).hint(hint),
        );
    }
    if !remote.url.is_tls() && remote.ca_file.is_some() {
        let finding = Finding::error("servers.ca-file", "`ca_file` is of no use without `https`");
        table.find("ca_file", finding);
    }
    check_headers(table, remote);
}

fn check_headers(table: &Reader<'_>, remote: &Remote) {
    let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
    let files: Vec<String> = remote.header_files.keys().cloned().collect();
    let mut seen: Vec<String> = Vec::new();
    if remote.bearer_token_file.is_some() {
        seen.push("authorization".to_owned());
    }
    for (key, names) in [
        ("headers", names(&remote.headers)),
        ("header_files", files),
        ("header_environment", names(&remote.header_environment)),
    ] {
        for name in names {
            let lower = name.to_ascii_lowercase();
            let fault = if !is_token(&name) {
                format!("`{}` is no name of a header", name.escape_debug())
            } else if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("mcp-") {
                format!("the header `{name}` is the origin's own to write")
            } else if seen.contains(&lower) {
                format!("the header `{name}` is given twice")
            } else {
                seen.push(lower);
                continue;
            };
            table.find(key, Finding::error("servers.header", fault));
        }
    }
    let broken = |value: &&String| {
        value
            .bytes()
            .any(|byte| !matches!(byte, b'\t' | b' '..=b'~'))
    };
    if remote.headers.values().any(|value| broken(&value)) {
        let finding = Finding::error(
            "servers.header",
            "a value has a character that no header can have",
        );
        table.find("headers", finding.hint("use visible ASCII"));
    }
    let secret = |name: &&String| SECRET_HEADERS.contains(&name.to_ascii_lowercase().as_str());
    if let Some(name) = remote.headers.keys().find(secret) {
        let message = format!("the value of `{name}` stands in this file");
        let hint = "put it in a file and name that in `header_files`, or in `bearer_token_file`";
        table.find(
            "headers",
            Finding::warn("servers.secret", message).hint(hint),
        );
    }
}

/// RFC 9110 section 5.6.2: a token.
fn is_token(name: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(sign)
}

fn path(table: &Reader<'_>, key: &'static str) -> Option<PathBuf> {
    let path = PathBuf::from(table.string(key)?.value);
    need_absolute(table, key, &path);
    Some(path)
}

fn paths(table: &Reader<'_>, key: &'static str) -> BTreeMap<String, PathBuf> {
    let entries = table.string_map(key).unwrap_or_default().into_iter();
    let paths: BTreeMap<String, PathBuf> =
        entries.map(|(name, path)| (name, path.into())).collect();
    for path in paths.values() {
        need_absolute(table, key, path);
    }
    paths
}

fn need_absolute(table: &Reader<'_>, key: &str, path: &Path) {
    if !path.is_absolute() {
        let message = format!("`{}` is not an absolute path", path.display());
        let hint = "the origin may be started in any folder";
        table.find(key, Finding::error("servers.path", message).hint(hint));
    }
}

/// The keys that a server with `url` alone has.
const REMOTE_KEYS: [&str; 8] = [
    "headers",
    "header_files",
    "header_environment",
    "bearer_token_file",
    "ca_file",
    "connect_timeout",
    "read_timeout",
    "max_connections",
];

/// The keys that a server with `command` alone has.
const PROCESS_KEYS: [&str; 9] = [
    "socket",
    "command",
    "working_directory",
    "environment",
    "environment_pass",
    "environment_files",
    "processes",
    "environment_secrets",
    "limits",
];

/// Headers that belong to the connection or to MCP's transport; `mcp-*` beside.
const OWN_HEADERS: [&str; 13] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "last-event-id",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Headers whose value is a secret by its nature.
const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
];

/// What a caller's second of waiting for a dead server (the hold) does not come near; a TLS connection across the world takes
/// well under one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The Python SDK's `sse_read_timeout`: servers without keep-alives are silent for long.
const READ_TIMEOUT: Duration = Duration::from_mins(5);
/// NGINX's `keepalive` of the reference is 64; most servers in Python work on 40 requests at a time (anyio's default).
const MAX_CONNECTIONS: u32 = 64;
