//! One site: its names, its certificate, its origin and the MCP servers behind it.

use std::cell::RefCell;

use findings::{Finding, Located, Node, Reader, Report, Value};

use super::origin::OriginText;
use super::read::{missing, not_available};
use super::{CertificateSpec, SiteSpec};
use crate::deployment::ServerCheck;
use crate::words::{AbsolutePath, Name, ServerName};

/// The keys of a site that the short form has at its top level; `name` is there in both forms.
pub(super) const KEYS: [&str; 5] = ["server_names", "tls", "origin", "servers", "dependencies"];

/// Reads a site; `prefix` is what its key paths start with, as `sites[0].`.
pub(super) fn read(
    reader: &Reader<'_>,
    name: Option<Located<Name>>,
    prefix: &str,
    report: &RefCell<Report>,
) -> Option<SiteSpec> {
    let server_names = read_server_names(reader);
    let certificate = read_certificate(reader);
    let mut text = OriginText::new(reader.place().clone(), prefix);
    if let Some(name) = &name {
        text.name(name);
    }
    let origin_keys = read_origin(reader, &mut text);
    let servers = reader.tables("servers");
    if servers.is_empty() {
        let message = "there is no MCP server, and clients will find no tool";
        let hint = "add one as `[[servers]]` with `name` and `command`";
        reader.find("servers", Finding::warn("servers.none", message).hint(hint));
    }
    let checks = servers
        .into_iter()
        .filter_map(|server| read_server(server, &mut text))
        .collect();
    for dependency in reader.tables("dependencies") {
        text.table("[[dependencies]]", dependency.place());
        for key in DEPENDENCY_KEYS {
            if let Some(located) = dependency.value(key) {
                let node = Node {
                    place: located.place,
                    value: located.value.clone(),
                };
                text.entry(&[key], &node);
            }
        }
        dependency.finish();
    }
    let (origin, findings) = text.load();
    report.borrow_mut().append(findings);
    Some(SiteSpec {
        name: name?,
        server_names,
        certificate: certificate?,
        origin: origin?,
        origin_keys,
        checks,
    })
}

fn read_server_names(reader: &Reader<'_>) -> Vec<Located<ServerName>> {
    let hint = "as `server_names = [\"mcp.example.com\"]`: the DNS names that clients use";
    missing(reader, "server_names", hint);
    let names = reader.words("server_names", "spec.server-name");
    let empty = matches!(reader.value("server_names").map(|located| located.value), Some(Value::Array(items)) if items.is_empty());
    if empty {
        let finding = Finding::error("spec.missing", "there is no server name");
        reader.find("server_names", finding.hint(hint));
    }
    names.unwrap_or_default()
}

fn read_certificate(reader: &Reader<'_>) -> Option<CertificateSpec> {
    missing(
        reader,
        "tls",
        "write `[tls]` with `certificate` and `private_key`, or with `self_signed = true` for development",
    );
    let tls = reader.table("tls")?;
    let certificate = tls.word::<AbsolutePath>("certificate", "spec.path");
    let private_key = tls.word::<AbsolutePath>("private_key", "spec.path");
    let self_signed = tls.boolean("self_signed").is_some_and(|flag| flag.value);
    let files = tls.has("certificate") || tls.has("private_key");
    let acme = tls.value("acme").is_some();
    if acme {
        let instead =
            "let certbot make the files and name them with `certificate` and `private_key`";
        tls.find("acme", not_available("`[tls.acme]`", instead));
    }
    let ways = usize::from(files) + usize::from(self_signed) + usize::from(acme);
    let found = match (certificate, private_key) {
        (Some(certificate), Some(private_key)) => Some(CertificateSpec::Files {
            certificate: certificate.value,
            private_key: private_key.value,
        }),
        _ => self_signed.then_some(CertificateSpec::SelfSigned),
    };
    if ways != 1 {
        let message = if ways == 0 {
            "there is no certificate"
        } else {
            "there is more than one source of the certificate"
        };
        let key = if tls.has("self_signed") {
            "self_signed"
        } else {
            "certificate"
        };
        tls.find(key, Finding::error("spec.tls", message).hint(ONE_WAY));
    } else if files {
        missing(&tls, "certificate", ONE_WAY);
        missing(&tls, "private_key", ONE_WAY);
    }
    tls.finish();
    found
}

fn read_origin(reader: &Reader<'_>, text: &mut OriginText) -> Vec<Located<String>> {
    let Some(Value::Table(entries)) = reader.value("origin").map(|located| located.value) else {
        // a value of another kind becomes its finding here
        let _ = reader.table("origin");
        return Vec::new();
    };
    let mut keys = Vec::new();
    for (key, node) in entries {
        let path = format!("{}origin.{key}", text.prefix());
        let located = Located {
            value: key.clone(),
            path,
            place: node.place.clone(),
        };
        match key.as_str() {
            "name" | "generation" | "servers" | "dependencies" => {
                let message = format!("`{key}` is not set here");
                let hint = match key.as_str() {
                    "servers" => "write `[[servers]]` beside `[origin]`",
                    "dependencies" => "write `[[dependencies]]` beside `[origin]`",
                    "name" => "the origin has the name of its site",
                    _ => "it is the digest of the deployment",
                };
                text.push_finding(located.error("spec.origin-key", message).hint(hint));
            }
            _ => {
                text.entry(&[key], node);
                keys.push(located);
            }
        }
    }
    keys
}

fn read_server(server: Reader<'_>, text: &mut OriginText) -> Option<ServerCheck> {
    let name = server.string("name").map(|name| name.value);
    text.table("[[servers]]", server.place());
    for key in SERVER_KEYS {
        if let Some(located) = server.value(key) {
            let node = Node {
                place: located.place,
                value: located.value.clone(),
            };
            text.entry(&[key], &node);
        }
    }
    let tool = server.string("check_tool");
    let arguments = server.value("check_arguments");
    let _ = server.table("check_arguments");
    if arguments.is_some() && !server.has("check_tool") {
        let finding = Finding::error("spec.check", "`check_arguments` without `check_tool`");
        server.find(
            "check_arguments",
            finding.hint("name the tool that the verification calls"),
        );
    }
    server.finish();
    Some(ServerCheck {
        server: name?,
        tool: tool?.value,
        arguments: match arguments.map(|located| located.value.to_json()) {
            Some(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        },
    })
}

const ONE_WAY: &str = "give exactly one: `certificate` with `private_key`, or `self_signed = true`";
/// The keys of `[[servers]]` that the origin reads.
const SERVER_KEYS: [&str; 22] = [
    "name",
    "command",
    "url",
    "headers",
    "header_files",
    "header_environment",
    "bearer_token_file",
    "ca_file",
    "connect_timeout",
    "read_timeout",
    "max_connections",
    "working_directory",
    "environment",
    "environment_pass",
    "start_timeout",
    "call_timeout",
    "process",
    "max_processes",
    "processes",
    "environment_files",
    "environment_secrets",
    "limits",
];
/// The keys of `[[dependencies]]`, all of which the origin reads.
const DEPENDENCY_KEYS: [&str; 11] = [
    "name",
    "kind",
    "address",
    "url",
    "user",
    "password_file",
    "tls",
    "ca_file",
    "interval",
    "timeout",
    "critical",
];
