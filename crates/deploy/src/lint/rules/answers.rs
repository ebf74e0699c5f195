//! Headers on their way to the client: `Alt-Svc` above all, without which nobody finds HTTP/3.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::{Model, Scope, Server};
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;

pub(super) static LOST: Rule = Rule {
    id: "add-header-lost",
    severity: Severity::Error,
    why: "One `add_header` in a location drops all those of the blocks around it: `Alt-Svc`, and with it HTTP/3, as well as security headers.",
    cure: "repeat them in the location, or from NGINX 1.29.3 on `add_header_inherit merge;` around it",
    bad: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n    location = /mcp {\n        add_header X-Served-By edge;\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n    location = /mcp {\n        add_header X-Served-By edge;\n        add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("the answer of the location has no `Alt-Svc`"),
    check: lost,
};

pub(super) static MISSING: Rule = Rule {
    id: "alt-svc-missing",
    severity: Severity::Error,
    why: "Browsers and most clients use HTTP/3 only after an `Alt-Svc` header has told them where it is.",
    cure: "`add_header Alt-Svc 'h3=\":443\"; ma=86400' always;` with the public UDP port",
    bad: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 443 ssl;\n    listen 443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("an answer over HTTP/1.1 has no `Alt-Svc`"),
    check: missing,
};

pub(super) static PORT: Rule = Rule {
    id: "alt-svc-port",
    severity: Severity::Error,
    why: "A client goes to the port that `Alt-Svc` names; where nothing speaks QUIC there, it waits in vain and stays with TCP.",
    cure: "name the port of `listen … quic`, or the public one where something maps ports and a comment says so",
    bad: "server {\n    listen 8443 ssl;\n    listen 8443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    add_header Alt-Svc 'h3=\":443\"; ma=86400' always;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    good: "server {\n    listen 8443 ssl;\n    listen 8443 quic reuseport;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n    add_header Alt-Svc 'h3=\":8443\"; ma=86400' always;\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Shown("HTTP/3 to the port that the answer names does not connect"),
    check: port,
};

pub(super) static CORS: Rule = Rule {
    id: "cors-doubled",
    severity: Severity::Warn,
    why: "Where the origin answers CORS itself, as MCP servers do, an `add_header Access-Control-Allow-Origin` beside it makes two, and browsers refuse both.",
    cure: "leave CORS to the origin, or hide its headers with `proxy_hide_header`",
    bad: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        add_header Access-Control-Allow-Origin * always;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        proxy_pass http://127.0.0.1:8000;\n        proxy_hide_header Access-Control-Allow-Origin;\n        add_header Access-Control-Allow-Origin * always;\n    }\n}\n",
    proof: Proof::Shown("the answer has the header twice"),
    check: cors,
};

fn merges(scope: &Scope<'_>) -> bool {
    scope.word("add_header_inherit") == "merge"
}

fn lost(model: &Model<'_>, found: &mut Found<'_>) {
    for server in &model.servers {
        for location in &server.locations {
            let scope = &location.scope;
            let own: Vec<_> = scope.own("add_header").collect();
            let Some(first) = own.first().copied() else {
                continue;
            };
            // an NGINX that does not know it does not start, which another rule tells
            if merges(scope) && model.knows("add_header_inherit") {
                continue;
            }
            let has = |name: &str| {
                own.iter()
                    .any(|other| other.argument(0).eq_ignore_ascii_case(name))
            };
            let lost: Vec<&Statement> = scope
                .outer_array("add_header")
                .into_iter()
                .filter(|outer| !has(outer.argument(0)))
                .collect();
            if lost.is_empty() {
                continue;
            }
            let names: Vec<_> = lost
                .iter()
                .map(|outer| format!("`{}`", outer.argument(0)))
                .collect();
            let loses_http3 = server.has_quic()
                && lost
                    .iter()
                    .any(|outer| outer.argument(0).eq_ignore_ascii_case("Alt-Svc"));
            let fix = Fix::behind(
                found.config(),
                own.last().copied().unwrap_or(first),
                &texts(model, &lost),
            );
            let told = found
                .at(
                    first,
                    format!("drops {} from the blocks around it", names.join(", ")),
                )
                .fix(fix);
            if !loses_http3 {
                told.only(Severity::Warn);
            }
        }
    }
}

/// The directives as they were written, each on one line.
fn texts(model: &Model<'_>, statements: &[&Statement]) -> Vec<String> {
    let text = |statement: &&Statement| {
        let document = model.config.document(statement.file)?;
        Some(String::from_utf8_lossy(document.bytes(statement.span)).into_owned())
    };
    statements.iter().filter_map(text).collect()
}

/// Every `Alt-Svc` that answers of a server can carry.
fn announcements<'c>(server: &Server<'c>) -> Vec<&'c Statement> {
    let scopes = std::iter::once(&server.scope)
        .chain(server.locations.iter().map(|location| &location.scope));
    let mut out: Vec<&Statement> = Vec::new();
    for scope in scopes {
        for statement in scope.array("add_header") {
            let is_new = !out.iter().any(|known| std::ptr::eq(*known, statement));
            if is_new && statement.argument(0).eq_ignore_ascii_case("Alt-Svc") {
                out.push(statement);
            }
        }
    }
    out
}

fn missing(model: &Model<'_>, found: &mut Found<'_>) {
    for server in model
        .servers
        .iter()
        .filter(|server| server.has_quic() && !server.refuses_all())
    {
        let quic = server.listens.iter().find(|listen| listen.has("quic"));
        if let Some(quic) = quic.filter(|_| announcements(server).is_empty()) {
            let port = quic.address.port;
            let last = server.scope.own("add_header").last();
            let behind = last.or_else(|| server.listens.last().map(|listen| listen.statement));
            let line = format!("add_header Alt-Svc 'h3=\":{port}\"; ma=86400' always;");
            let is_free = last.is_some() || server.scope.array("add_header").is_empty();
            let fix = behind
                .filter(|_| is_free)
                .and_then(|behind| Fix::behind(found.config(), behind, &[line]));
            found
                .at(quic.statement, "no answer says that HTTP/3 is here")
                .fix(fix);
        }
    }
}

fn port(model: &Model<'_>, found: &mut Found<'_>) {
    let quic_ports = |server: &Server<'_>| -> Vec<u16> {
        let quic = server.listens.iter().filter(|listen| listen.has("quic"));
        quic.map(|listen| listen.address.port).collect()
    };
    let has_any_quic = model.servers.iter().any(Server::has_quic);
    for server in &model.servers {
        let ports = quic_ports(server);
        for statement in announcements(server) {
            // what opsctl renders names the public port of the spec
            let Some(named) =
                port_in(statement.argument(1)).filter(|_| !model.is_rendered(statement))
            else {
                continue;
            };
            if ports.contains(&named) {
                continue;
            }
            if ports.is_empty() {
                let told = found.at(
                    statement,
                    format!(
                        "announces HTTP/3 on port {named}, where this server has no `listen … quic`"
                    ),
                );
                // a server that only redirects may speak for another one
                if has_any_quic || !model.is_complete() {
                    told.only(Severity::Warn);
                }
            } else {
                let message = format!(
                    "announces HTTP/3 on port {named}, and QUIC is on {}",
                    ports
                        .iter()
                        .map(u16::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                );
                // a firewall or a container may map the one to the other
                found.at(statement, message).only(Severity::Warn);
            }
        }
    }
}

/// The port in `h3=":443"; ma=86400`; nothing where it is a variable, or another host.
fn port_in(value: &str) -> Option<u16> {
    let rest = value
        .split_once("h3=\":")
        .or_else(|| value.split_once("h3=:"))?
        .1;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

fn cors(model: &Model<'_>, found: &mut Found<'_>) {
    const NAME: &str = "Access-Control-Allow-Origin";
    for (_, location) in model.mcp_locations() {
        let hides = location
            .scope
            .array("proxy_hide_header")
            .iter()
            .any(|own| own.argument(0).eq_ignore_ascii_case(NAME));
        if let Some(own) = location.scope.header("add_header", NAME).filter(|_| !hides) {
            found.at(own, "stands beside the origin's own");
        }
    }
}
