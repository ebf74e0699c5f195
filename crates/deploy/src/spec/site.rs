//! One site: its names, its certificate, its origin and the MCP servers behind it.

use std::cell::RefCell;

use findings::{Finding, Located, Node, Reader, Report, Value};

use super::origin::OriginText;
use super::read::missing;
use super::{SiteSpec, tls, unit};
use crate::deployment::ServerCheck;
use crate::words::{Name, ServerName};

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
    let certificate = tls::read(reader);
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
    let (mut checks, mut units) = (Vec::new(), Vec::new());
    for server in servers {
        let name = server.string("name").map(|name| name.value);
        units.extend(unit::read(&server, name.as_deref()));
        checks.extend(read_server(server, &mut text));
    }
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
        units,
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
            "name" | "generation" | "servers" | "dependencies" | "expose" | "proxy_protocol"
            | "h3check" => {
                let message = format!("`{key}` is not set here");
                let hint = match key.as_str() {
                    "servers" => "write `[[servers]]` beside `[origin]`",
                    "dependencies" => "write `[[dependencies]]` beside `[origin]`",
                    "h3check" => "write `h3check = true` in [edge], which opens it as well",
                    "name" => "the origin has the name of its site",
                    "proxy_protocol" => {
                        "the topology says it: with `stream-passthrough` the edge sends the header"
                    }
                    "expose" => "write `expose` below `[edge]`: what is open is said once",
                    _ => "it is the digest of the deployment",
                };
                text.push_finding(located.error("spec.origin-key", message).hint(hint));
            }
            _ => {
                text.entry(&[key], node);
                if let Value::Table(entries) = &node.value {
                    keys.extend(entries.iter().map(|(below, node)| Located {
                        value: format!("{key}.{below}"),
                        path: format!("{}.{below}", located.path),
                        place: node.place.clone(),
                    }));
                }
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

/// The keys of `[[servers]]` that the origin reads.
const SERVER_KEYS: [&str; 24] = [
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
    "include",
    "exclude",
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
