//! What is written into logs.

use findings::Severity;

use super::super::model::Model;
use super::super::rule::{Found, Proof, Rule};
use crate::nginx_conf::Statement;

pub(super) static AUTHORIZATION: Rule = Rule {
    id: "authorization-logged",
    severity: Severity::Error,
    why: "A log with the `Authorization` header of requests gives the tokens of all users to everybody who reads logs.",
    cure: "take the variable out of the format; to tell users apart, have the origin log who they are",
    bad: "log_format keys '$remote_addr $http_authorization \"$request\"';\nserver {\n    access_log logs/access.log keys;\n    return 200;\n}\n",
    good: "log_format plain '$remote_addr \"$request\"';\nserver {\n    access_log logs/access.log plain;\n    return 200;\n}\n",
    proof: Proof::Shown("the token of a request stands in the access log"),
    check: authorization,
};

/// Variables whose value opens a door.
const SECRET: [&str; 4] = [
    "http_authorization",
    "http_proxy_authorization",
    "http_x_api_key",
    "http_cookie",
];

fn authorization(model: &Model<'_>, found: &mut Found<'_>) {
    for http in &model.http {
        let mut used = Vec::new();
        formats_in(http, &mut used);
        let formats = http.children().iter();
        for format in formats.filter(|child| child.name() == "log_format") {
            let secret = format.arguments().skip(1).find_map(secret_in);
            if let Some(name) = secret.filter(|_| used.contains(&format.argument(0))) {
                found.at(format, format!("`${name}` is written into the log"));
            }
        }
    }
}

/// The names of the formats that logs below a block are written in.
fn formats_in<'c>(block: &'c Statement, out: &mut Vec<&'c str>) {
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        for child in block.children() {
            if child.name() == "access_log" {
                out.push(child.argument(1));
            }
            blocks.push(child);
        }
    }
}

/// The first such variable of a text, as `$name` or `${name}`.
fn secret_in(text: &str) -> Option<&'static str> {
    let mut variables = text.split('$').skip(1);
    variables.find_map(|rest| {
        let rest = rest.trim_start_matches('{');
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        SECRET.into_iter().find(|name| *name == &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_seen_by_its_whole_name() {
        assert_eq!(
            secret_in("a $http_authorization b"),
            Some("http_authorization")
        );
        assert_eq!(secret_in("\"${http_cookie}\""), Some("http_cookie"));
        for text in [
            "$http_authorization_kind",
            "$http_accept",
            "http_cookie",
            "$",
            "",
        ] {
            assert_eq!(secret_in(text), None, "{text}");
        }
    }
}
