//! What stays NGINX's own words, and what the rendering says in its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::servers::Behind;
use super::{Log, Snippet};
use crate::lint::model::{Kind, Location, Model, Server};
use crate::nginx_conf::{Config, Statement};

/// Directives of the old edge, each for the place that it has in the new one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    http: String,
    server: String,
    mcp: String,
    /// `client_max_body_size`, as it was written.
    pub(super) body: Option<String>,
}

impl Kept {
    pub(super) fn snippets(&self) -> Vec<Snippet> {
        let all = [
            ("http", &self.http),
            ("server", &self.server),
            ("mcp", &self.mcp),
        ];
        let all = all.into_iter().filter(|(_, text)| !text.is_empty());
        all.map(|(folder, text)| Snippet {
            folder,
            text: format!(
                "# What deploy.toml cannot say, from the edge that was imported.\n{text}"
            ),
        })
        .collect()
    }
}

/// What the rendering says itself, in the block of a server and in a location.
const RENDERED: &[&str] = &[
    "listen",
    "server_name",
    "ssl_certificate",
    "ssl_certificate_key",
    "ssl_protocols",
    "ssl_ciphers",
    "ssl_prefer_server_ciphers",
    "ssl_session_cache",
    "ssl_session_timeout",
    "ssl_session_tickets",
    "ssl_dhparam",
    "ssl_ecdh_curve",
    "ssl_early_data",
    "ssl_stapling",
    "ssl_stapling_verify",
    "ssl_trusted_certificate",
    "http2",
    "http3",
    "http3_hq",
    "quic_retry",
    "quic_gso",
    "quic_host_key",
    "access_log",
    "error_log",
    "gzip",
    "gzip_types",
    "absolute_redirect",
    "server_tokens",
    "keepalive_timeout",
    "keepalive_requests",
    "keepalive_time",
    "client_body_buffer_size",
    "client_header_timeout",
    "client_body_timeout",
    "send_timeout",
    "large_client_header_buffers",
    "client_header_buffer_size",
    "http2_max_concurrent_streams",
    "http3_max_concurrent_streams",
    "tcp_nodelay",
    "reset_timedout_connection",
    "proxy_http_version",
    "proxy_buffering",
    "proxy_request_buffering",
    "proxy_cache",
    "proxy_send_timeout",
    "proxy_connect_timeout",
    "proxy_redirect",
    "proxy_buffer_size",
    "proxy_buffers",
    "proxy_busy_buffers_size",
    "proxy_max_temp_file_size",
    "proxy_next_upstream",
    "proxy_next_upstream_tries",
    "proxy_socket_keepalive",
    "proxy_ignore_client_abort",
    "proxy_ignore_headers",
    "chunked_transfer_encoding",
    "default_type",
    "proxy_pass_header",
    "proxy_force_ranges",
    "proxy_ssl_server_name",
    "proxy_ssl_name",
    "proxy_ssl_verify",
    "proxy_ssl_trusted_certificate",
];
/// Request headers that the edge writes anew for the origin.
const WRITTEN: &[&str] = &[
    "host",
    "connection",
    "upgrade",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-request-id",
    "forwarded",
    "early-data",
    "accept-encoding",
    "origin",
    "authorization",
    "cookie",
];
/// Answer headers that the edge or the origin sets itself.
const ANSWERED: &[&str] = &[
    "alt-svc",
    "strict-transport-security",
    "x-content-type-options",
    "x-request-id",
    "x-accel-buffering",
    "cache-control",
];

/// Goes through the server and finds each directive a place.
pub(super) fn sort_out(
    model: &Model<'_>,
    server: &Server<'_>,
    servers: &[Behind<'_>],
    log: &mut Log<'_>,
) -> Kept {
    let mut kept = Kept::default();
    for statement in server.statement.children() {
        let location = server
            .locations
            .iter()
            .find(|location| std::ptr::eq(location.statement, statement));
        match location {
            Some(location) if servers.iter().any(|one| holds(one, statement)) => {
                mcp_location(model.config, location, &mut kept, log);
                // what takes every path serves more than MCP
                if location.path == "/" {
                    rest_of_the_site(model.config, statement, &mut kept, log);
                }
            }
            Some(location) => other_location(model.config, location, &mut kept, log),
            None => in_server(model.config, statement, &mut kept, log),
        }
    }
    old_paths(servers, &mut kept);
    needed(model, &mut kept, log);
    kept
}

fn holds(one: &Behind<'_>, statement: &Statement) -> bool {
    one.locations
        .iter()
        .any(|own| std::ptr::eq(*own, statement))
}

fn in_server(config: &Config, statement: &Statement, kept: &mut Kept, log: &mut Log<'_>) {
    match statement.name() {
        "client_max_body_size" => {
            kept.body = Some(statement.argument(0).to_owned());
            log.becomes(
                statement,
                "origin.max_body_size, for the edge and the origin",
            );
        }
        "add_header" if is_in(statement.argument(0), ANSWERED) => {
            log.becomes(statement, "the rendering's own header");
        }
        "add_header" if is_cors(statement) => {
            log.becomes(statement, "origin.allowed_origins: the origin answers CORS");
        }
        "if" => {
            push(&mut kept.server, config, statement);
            log.lost(
                statement,
                "kept in snippets/server: look whether it still means the same there",
            );
        }
        name if RENDERED.contains(&name) => log.becomes(statement, "rendered"),
        _ => {
            push(&mut kept.server, config, statement);
            log.becomes(statement, "kept in snippets/server");
        }
    }
}

/// The origin is asked for everything in a location of MCP; what controls who may ask stays.
fn mcp_location(config: &Config, location: &Location<'_>, kept: &mut Kept, log: &mut Log<'_>) {
    for statement in location.statement.children() {
        let name = statement.name();
        let first = statement.argument(0);
        match name {
            "proxy_pass" => {}
            "proxy_read_timeout" => log.becomes(statement, "call_timeout of the server"),
            "proxy_set_header" if is_in(first, WRITTEN) => log.becomes(statement, "the edge and the origin write this header anew"),
            "proxy_set_header" => log.lost(statement, "not sent: write it as `headers`, or as `header_files` where it is a secret, of the server"),
            "add_header" if is_in(first, ANSWERED) => log.becomes(statement, "the rendering's own header"),
            "add_header" | "proxy_hide_header" if is_cors(statement) => log.becomes(statement, "origin.allowed_origins: the origin answers CORS"),
            "client_max_body_size" => {
                kept.body = Some(first.to_owned());
                log.becomes(statement, "origin.max_body_size, for the edge and the origin");
            }
            "rewrite" | "return" | "if" => log.lost(statement, "left out: the origin decides about its paths"),
            name if RENDERED.contains(&name) => log.becomes(statement, "rendered"),
            _ => {
                push_once(&mut kept.mcp, config, statement);
                log.becomes(statement, "kept in snippets/mcp, for every MCP location");
            }
        }
    }
}

fn other_location(config: &Config, location: &Location<'_>, kept: &mut Kept, log: &mut Log<'_>) {
    let statement = location.statement;
    if statement.name() != "location" {
        return;
    }
    let is_taken = matches!(location.path, "/healthz" | "/mcp" | "/mcp/" | "/servers/");
    if is_taken && location.kind != Kind::Named {
        log.lost(statement, "left out: the rendering has this location");
        return;
    }
    if location.path == "/" && matches!(location.kind, Kind::Prefix | Kind::FirmPrefix) {
        rest_of_the_site(config, statement, kept, log);
        return;
    }
    push(&mut kept.server, config, statement);
    log.becomes(statement, "kept in snippets/server");
}

/// The rendering has a `location /` of its own that answers 404; a pattern comes before it.
fn rest_of_the_site(config: &Config, statement: &Statement, kept: &mut Kept, log: &mut Log<'_>) {
    let Some(document) = config.document(statement.file) else {
        return;
    };
    let text = String::from_utf8_lossy(document.bytes(statement.whole)).into_owned();
    let Some((_, body)) = text.split_once('{') else {
        return;
    };
    // a path behind the address would be refused in a pattern, and here it changes nothing
    let mut body = body.to_owned();
    for pass in statement
        .children()
        .iter()
        .filter(|child| child.name() == "proxy_pass")
    {
        let target = pass.argument(0);
        if let Some(bare) = target.strip_suffix('/').filter(|bare| !bare.ends_with('/')) {
            body = body.replace(target, bare);
        }
    }
    let _ = writeln!(kept.server, "location ~ ^/ {{{body}");
    log.becomes(statement, "kept in snippets/server as `location ~ ^/`");
}

/// A client of an old path finds the server where it is now.
fn old_paths(servers: &[Behind<'_>], kept: &mut Kept) {
    let is_alone = servers.len() == 1;
    for one in servers {
        let place = if is_alone {
            "/mcp".to_owned()
        } else {
            format!("/servers/{}/mcp", one.name)
        };
        for path in one
            .paths
            .iter()
            .filter(|path| **path != place && **path != "/mcp")
        {
            for spelling in [path.clone(), format!("{path}/")] {
                let _ = writeln!(
                    kept.server,
                    "location = {spelling} {{\n    rewrite ^ {place} last;\n}}"
                );
            }
        }
    }
}

/// What `http` has to have for the words that stay: maps, zones, upstreams, log formats.
fn needed(model: &Model<'_>, kept: &mut Kept, log: &mut Log<'_>) {
    let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
    let blocks: Vec<&Statement> = model.http.iter().flat_map(|http| http.children()).collect();
    loop {
        let text = format!("{}{}{}", kept.http, kept.server, kept.mcp);
        let next = blocks.iter().find(|statement| {
            let is_new = !taken.contains(&(statement.file, statement.whole.start));
            is_new && defines(statement).is_some_and(|word| mentions(&text, &word))
        });
        let Some(statement) = next else {
            return;
        };
        taken.insert((statement.file, statement.whole.start));
        push(&mut kept.http, model.config, statement);
        log.becomes(statement, "kept in snippets/http");
    }
}

/// The word by which others name what a directive of `http` defines.
fn defines(statement: &Statement) -> Option<String> {
    let last = || statement.arguments().last().map(str::to_owned);
    let named = |prefix: &str| {
        let mut words = statement.arguments();
        words.find_map(|word| Some(word.strip_prefix(prefix)?.split(':').next()?.to_owned()))
    };
    match statement.name() {
        "map" | "geo" | "split_clients" => last(),
        "upstream" | "log_format" => Some(statement.argument(0).to_owned()),
        "limit_req_zone" | "limit_conn_zone" => named("zone="),
        "proxy_cache_path" => named("keys_zone="),
        _ => None,
    }
}

/// Whether a text has a word, not only as a part of a longer one.
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        let starts = word.starts_with('$') || !before.is_some_and(is_part);
        starts && !after.is_some_and(is_part)
    })
}

fn is_in(name: &str, list: &[&str]) -> bool {
    list.contains(&name.to_ascii_lowercase().as_str())
}

fn is_cors(statement: &Statement) -> bool {
    statement
        .argument(0)
        .to_ascii_lowercase()
        .starts_with("access-control-")
}

fn push(text: &mut String, config: &Config, statement: &Statement) {
    if let Some(document) = config.document(statement.file) {
        text.push_str(&String::from_utf8_lossy(document.bytes(statement.whole)));
        text.push('\n');
    }
}

/// The same directive of several locations stands once.
fn push_once(text: &mut String, config: &Config, statement: &Statement) {
    let mut own = String::new();
    push(&mut own, config, statement);
    if !text.contains(&own) {
        text.push_str(&own);
    }
}
