//! Directives that an NGINX does not know yet, or no longer.

use findings::Severity;

use super::super::fix::Fix;
use super::super::model::Model;
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;
use crate::target::{End, ended};

pub(super) static VERSION: Rule = Rule {
    id: "directive-version",
    severity: Severity::Error,
    why: "The NGINX that the configuration is for does not know the directive, and does not start.",
    cure: "upgrade NGINX, or do without the directive",
    bad: "add_header_inherit merge;\n",
    good: "events {\n}\n",
    proof: Proof::Refused,
    check: version,
};

pub(super) static GONE: Rule = Rule {
    id: "directive-gone",
    severity: Severity::Error,
    why: "NGINX does not start with a directive that it does not know: one that it has given up, or that only drafts of its HTTP/3 had.",
    cure: "take it away; in place of `ssl on` it is `listen 443 ssl`",
    bad: "server {\n    listen 443;\n    ssl on;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    good: "server {\n    listen 443 ssl;\n    ssl_certificate cert.pem;\n    ssl_certificate_key key.pem;\n}\n",
    proof: Proof::Refused,
    check: gone,
};

pub(super) static OBSOLETE: Rule = Rule {
    id: "directive-obsolete",
    severity: Severity::Warn,
    why: "NGINX ignores the directive and says so at every start, so that what it was for is not done.",
    cure: "take it away, and where the warning names another directive, use that one",
    bad: "server {\n    http2_push_preload on;\n    return 200;\n}\n",
    good: "server {\n    return 200;\n}\n",
    proof: Proof::Warned,
    check: obsolete,
};

/// Every directive that a name stands for; the entries of a map are none.
fn each<'c>(model: &Model<'c>, mut judge: impl FnMut(&'c Statement)) {
    let mut blocks: Vec<&[Statement]> = vec![&model.config.root];
    while let Some(block) = blocks.pop() {
        for statement in block {
            if !matches!(statement.name(), "map" | "geo" | "types" | "split_clients") {
                blocks.push(statement.children());
            }
            judge(statement);
        }
    }
}

fn version(model: &Model<'_>, found: &mut Found<'_>) {
    let Some(target) = model.target else { return };
    each(model, |statement| {
        if target.knows(statement.name()) {
            return;
        }
        if let Some(row) = target.missing().find(|row| row.name == statement.name()) {
            let message = format!("`{}` needs NGINX {}", row.name, row.floor);
            found.at(statement, message);
        }
    });
}

fn gone(model: &Model<'_>, found: &mut Found<'_>) {
    each(model, |statement| {
        if let Some(End::Unknown) = ended(model.target, statement.name()) {
            let message = format!("NGINX has no directive `{}`", statement.name());
            found.at(statement, message);
        }
    });
}

fn obsolete(model: &Model<'_>, found: &mut Found<'_>) {
    each(model, |statement| {
        if let Some(End::Ignored { instead }) = ended(model.target, statement.name()) {
            let more = if instead.is_empty() {
                String::new()
            } else {
                format!(": it is `{instead}` now")
            };
            let fix = Fix::without(found.config(), statement);
            let message = format!("`{}` is ignored{more}", statement.name());
            found.at(statement, message).fix(fix);
        }
    });
}
