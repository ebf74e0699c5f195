//! Findings in the form that code hosts and editors read: SARIF 2.1.0.

use std::fmt::Write as _;

use deploy::lint::{Problem, RULES};
use findings::Severity;
use serde_json::{Value, json};

use super::Judged;

/// One run with its rules and its results.
pub(super) fn document(judged: &[Judged]) -> Value {
    let results: Vec<Value> = judged
        .iter()
        .flat_map(|one| one.problems.iter().map(|problem| result(one, problem)))
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "opsctl", "version": env!("CARGO_PKG_VERSION"), "rules": rules()}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rules() -> Vec<Value> {
    RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id,
                "shortDescription": {"text": rule.why},
                "help": {"text": rule.cure},
                "defaultConfiguration": {"level": level(rule.severity)},
            })
        })
        .collect()
}

fn result(one: &Judged, problem: &Problem) -> Value {
    let mut region = json!({});
    if let Some(document) = one.config.document(problem.file) {
        let (start, end) = (problem.span.start, problem.span.end);
        region = json!({
            "startLine": document.line(start),
            "startColumn": document.column(start),
            "endLine": document.line(end),
            "endColumn": document.column(end),
        });
    }
    let index = RULES.iter().position(|rule| rule.id == problem.rule);
    json!({
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": level(problem.severity),
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&one.name(problem.file))},
            "region": region,
        }}],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Note => "note",
    }
}

/// A path as a relative reference (RFC 3986, 4.2): everything but unreserved characters and the slash is written in hex.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_a_reference() {
        assert_eq!(
            uri("/etc/nginx/a b;é.conf"),
            "/etc/nginx/a%20b%3B%C3%A9.conf"
        );
    }
}
