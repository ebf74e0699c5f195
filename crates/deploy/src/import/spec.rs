//! The text of the spec.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::keep::Kept;
use super::servers::Behind;
use super::{ImportError, Log, Wanted};
use crate::lint::model::{Listen, Model, Server, value};
use crate::lint::pairs_of;
use crate::words::ServerName;

/// What the spec is made of.
pub(super) struct Parts<'p, 'c> {
    pub(super) model: &'p Model<'c>,
    pub(super) server: &'p Server<'c>,
    pub(super) wanted: &'p Wanted,
    pub(super) servers: &'p [Behind<'c>],
    pub(super) limits: &'p Kept,
}

/// Writes the spec.
pub(super) fn write(parts: &Parts<'_, '_>, log: &mut Log<'_>) -> Result<String, ImportError> {
    let mut text =
        String::from("# Imported by `opsctl import nginx`. Every key: specs/full.toml.\n");
    let names = server_names(parts, log)?;
    let _ = writeln!(text, "name = {}", quoted(parts.wanted.name.as_str()));
    let _ = writeln!(text, "topology = \"h3-termination\"");
    let _ = writeln!(text, "server_names = {}", list(&names));
    text.push_str("\n[edge]\n");
    text.push_str(&edge(parts, log));
    text.push_str("\n[tls]\n");
    text.push_str(&tls(parts, log));
    text.push_str("\n[origin]\n");
    let naming = if parts.servers.len() == 1 {
        "plain"
    } else {
        "prefixed"
    };
    let _ = writeln!(text, "tool_names = {}", quoted(naming));
    if let Some(size) = parts.limits.body.as_deref().and_then(value::size) {
        // NGINX's 0 is no limit, which the origin does not have
        let size = if size == 0 { 1 << 30 } else { size };
        let _ = writeln!(text, "max_body_size = {}", quoted(&bytes(size)));
    }
    let longest = parts.servers.iter().filter_map(|one| one.patience).max();
    if let Some(seconds) = longest {
        // above the longest call, so that the call ends first
        let _ = writeln!(
            text,
            "\n[origin.timeouts]\nmcp = {}",
            quoted(&format!("{}s", seconds + 5))
        );
    }
    for one in parts.servers {
        let _ = writeln!(
            text,
            "\n[[servers]]\nname = {}\nurl = {}",
            quoted(&one.name),
            quoted(&one.url)
        );
        if let Some(seconds) = one.patience {
            let _ = writeln!(text, "call_timeout = {}", quoted(&format!("{seconds}s")));
        }
    }
    Ok(text)
}

fn server_names(parts: &Parts<'_, '_>, log: &mut Log<'_>) -> Result<Vec<String>, ImportError> {
    let mut names = Vec::new();
    for statement in parts.server.scope.own("server_name") {
        let (good, bad): (Vec<_>, Vec<_>) = statement
            .arguments()
            .partition(|name| name.parse::<ServerName>().is_ok());
        for name in bad.iter().filter(|name| !matches!(**name, "_" | "")) {
            log.lost(
                statement,
                format!("`{name}` is no DNS name: name each host, or `*.example.com`"),
            );
        }
        names.extend(good.into_iter().map(str::to_owned));
    }
    if names.is_empty() {
        let given = parts
            .wanted
            .server_name
            .as_ref()
            .ok_or(ImportError::NoName)?;
        names.push(given.to_string());
    }
    Ok(names)
}

fn edge(parts: &Parts<'_, '_>, log: &mut Log<'_>) -> String {
    let mut text = String::new();
    let is_secure = |listen: &&Listen<'_>| listen.has("ssl") || listen.has("quic");
    let secure: Vec<_> = parts.server.listens.iter().filter(is_secure).collect();
    let port = secure.first().map_or(443, |listen| listen.address.port);
    for listen in secure.iter().filter(|listen| listen.address.port != port) {
        log.lost(listen.statement, format!("one HTTPS port: {port}"));
    }
    for listen in parts
        .server
        .listens
        .iter()
        .filter(|listen| listen.has("proxy_protocol"))
    {
        log.lost(
            listen.statement,
            "the edge takes no PROXY protocol from its clients",
        );
    }
    let mut hosts: Vec<String> = Vec::new();
    for listen in &secure {
        let host = match listen.address.host.as_str() {
            "*" => Ipv4Addr::UNSPECIFIED.to_string(),
            other => other.to_owned(),
        };
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if !hosts.is_empty() {
        let _ = writeln!(text, "listen = {}", list(&hosts));
    }
    let _ = writeln!(text, "https_port = {port}");
    let plain = plain_port(parts).filter(|plain| *plain != port);
    let _ = writeln!(text, "http_port = {}", plain.unwrap_or(0));
    text
}

/// Where plain HTTP is answered for the same names: a redirect of their own, or the server itself.
fn plain_port(parts: &Parts<'_, '_>) -> Option<u16> {
    let names = &parts.server.names;
    let of = |server: &Server<'_>| {
        let mut plain = server.listens.iter();
        plain
            .find(|listen| !listen.has("ssl") && !listen.is_udp())
            .map(|listen| listen.address.port)
    };
    let shares = |server: &&Server<'_>| server.names.iter().any(|name| names.contains(name));
    of(parts.server).or_else(|| parts.model.servers.iter().filter(shares).find_map(of))
}

fn tls(parts: &Parts<'_, '_>, log: &mut Log<'_>) -> String {
    let mut pairs = pairs_of(&parts.server.scope).into_iter();
    let Some((_, pair)) = pairs.next() else {
        return "# there was no certificate: this one is for development\nself_signed = true\n"
            .to_owned();
    };
    for (statement, _) in pairs {
        log.lost(statement, "one certificate a site");
    }
    let folder = parts
        .model
        .config
        .files
        .first()
        .and_then(|file| file.name.rsplit_once('/'))
        .map_or("/etc/nginx", |(folder, _)| folder);
    let absolute = |path: &str| {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("{folder}/{path}")
        }
    };
    format!(
        "certificate = {}\nprivate_key = {}\n",
        quoted(&absolute(&pair.certificate)),
        quoted(&absolute(&pair.key))
    )
}

/// A size as the spec has it: a whole number of the largest unit.
fn bytes(size: u64) -> String {
    match size {
        size if size.is_multiple_of(1 << 20) => format!("{}MiB", size >> 20),
        size if size.is_multiple_of(1 << 10) => format!("{}KiB", size >> 10),
        size => format!("{size}B"),
    }
}

/// A TOML string: its escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    let all: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", all.join(", "))
}
