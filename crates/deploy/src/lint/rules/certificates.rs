//! Certificates that no client takes. The files are read by who calls [`lint`](super::super::lint); of those that could
//! not be read nothing is told.

use findings::Severity;

use super::super::known::{Pair, Seen, covers, pairs_of};
use super::super::model::{Model, Server};
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;

pub(super) static EXPIRED: Rule = Rule {
    id: "certificate-expired",
    severity: Severity::Error,
    why: "A client that checks certificates, as all MCP clients do, ends the connection to a server whose certificate has ended.",
    cure: "renew it, and reload NGINX: `certbot renew`, or the files of its issuer",
    bad: "server {\n    listen 443 ssl;\n    ssl_certificate expired.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown("a client that trusts its issuer does not connect"),
    check: expired,
};

pub(super) static KEY: Rule = Rule {
    id: "certificate-key",
    severity: Severity::Error,
    why: "NGINX does not start, nor take a reload, with a private key that is not the certificate's.",
    cure: "name the two files that were issued together",
    bad: "server {\n    listen 443 ssl;\n    ssl_certificate cert.pem;\n    ssl_certificate_key other-key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Refused,
    check: key,
};

pub(super) static NAMES: Rule = Rule {
    id: "certificate-name",
    severity: Severity::Warn,
    why: "A client refuses a certificate that is not for the name which it asked for (RFC 9525, 6).",
    cure: "have it issued for every name of the server, or take the name away",
    bad: "server {\n    listen 443 ssl;\n    server_name mcp.example.com;\n    ssl_certificate other.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    server_name other.example.com;\n    ssl_certificate other.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Shown("a client that trusts its issuer does not connect by that name"),
    check: names,
};

fn seen<'m>(model: &Model<'m>, pair: &Pair) -> Option<&'m Seen> {
    model.certificates.iter().find(|seen| seen.pair == *pair)
}

/// The servers that speak TLS, each with a pair of it that somebody has read.
fn each<'m>(model: &'m Model<'_>, mut judge: impl FnMut(&'m Server<'_>, &'m Statement, &'m Seen)) {
    let speaks = |server: &&Server<'_>| server.has_tls() || server.has_quic();
    for server in model.servers.iter().filter(speaks) {
        for (statement, pair) in pairs_of(&server.scope) {
            if let Some(seen) = seen(model, &pair) {
                judge(server, statement, seen);
            }
        }
    }
}

fn expired(model: &Model<'_>, found: &mut Found<'_>) {
    each(model, |_, statement, seen| {
        if let Some(day) = &seen.ended {
            found.at(statement, format!("it ended on {day}"));
        }
    });
}

fn key(model: &Model<'_>, found: &mut Found<'_>) {
    each(model, |_, statement, seen| {
        if seen.is_of_key == Some(false) {
            let message = format!("`{}` is not its key", seen.pair.key);
            found.at(statement, message);
        }
    });
}

fn names(model: &Model<'_>, found: &mut Found<'_>) {
    each(model, |server, statement, seen| {
        // patterns, and the words that stand for no name
        let is_name = |name: &&&str| name.contains('.') && !name.starts_with(['~', '.']);
        let mut own = server.names.iter().filter(is_name);
        let is_covered = |name: &str| seen.names.iter().any(|covered| covers(covered, name));
        if let Some(name) = own.find(|name| !is_covered(name)) {
            let message = format!("it is for `{}`, not for `{name}`", seen.names.join("`, `"));
            found.at(statement, message);
        }
    });
}
