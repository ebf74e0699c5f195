//! MCP servers that run elsewhere and are reached by URL.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use findings::{Finding, Reader};

use crate::authority::Authority;

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

/// The address of an MCP endpoint: `http` or `https`, a host, and a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    tls: bool,
    authority: Authority,
    path: String,
}

impl Url {
    /// Whether it is an `https` one.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Its host and port.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(NO_URL)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => {
                return Err(format!(
                    "is a URL of `{other}`, and MCP over HTTP needs `http` or `https`"
                ));
            }
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("has a user in it: give a token in `bearer_token_file`, another secret in `header_files`".to_owned());
        }
        if path.contains('#') {
            return Err("has a `#` part, which no server is told of".to_owned());
        }
        // RFC 3986 section 3.3 and 3.4; a line break in a request line would be another request
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        {
            return Err(
                "has a character in its path that has to be written as `%` with its number"
                    .to_owned(),
            );
        }
        let path = match path.as_bytes().first() {
            None => "/".to_owned(),
            Some(b'?') => format!("/{path}"),
            Some(_) => path.to_owned(),
        };
        let authority: Authority = authority.parse().map_err(|_| NO_URL)?;
        Ok(Self {
            tls,
            authority,
            path,
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
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
        let message = format!("`{key}` is for a server with `command`, and this one has a `url`");
        let hint = "a server is a command or a URL; write two `[[servers]]` for two servers";
        table.find(key, Finding::error("servers.kind", message).hint(hint));
    }
    if !remote.url.tls && !remote.url.authority.is_loopback() {
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
    if !remote.url.tls && remote.ca_file.is_some() {
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

const NO_URL: &str = "is not a URL as `https://mcp.example.com/mcp`";

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
const PROCESS_KEYS: [&str; 7] = [
    "command",
    "working_directory",
    "environment",
    "environment_pass",
    "environment_files",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_as_the_same() {
        for (text, written) in [
            ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp"),
            ("HTTP://LocalHost:9000", "http://localhost:9000/"),
            ("http://[::1]:1/a%20b?c=d&e", "http://[::1]:1/a%20b?c=d&e"),
            ("http://a?x", "http://a/?x"),
        ] {
            let url: Url = text.parse().expect(text);
            assert_eq!(url.to_string(), written);
            assert_eq!(written.parse(), Ok(url));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            "localhost:9000/mcp",
            "ftp://a/b",
            "https://",
            "https://u:p@a/mcp",
            "https://a/b#c",
            "https://a/b c",
            "https://a/b\r\nX: y",
            "https://a b/",
            "https://a:99999/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
