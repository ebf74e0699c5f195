//! The pages of the rules, written from the rules.

use std::fmt::Write as _;

use findings::Severity;

use super::rule::{Proof, Rule};
use super::rules;

/// The page of one rule, in Markdown.
pub fn page(rule: &Rule) -> String {
    let mut out = format!("# {}\n\n{}", rule.id, HEAD);
    let _ = writeln!(out, "Severity: {}.\n", severity(rule));
    let _ = writeln!(out, "{}\n", rule.why);
    let _ = writeln!(out, "The way out: {}.\n", rule.cure);
    let _ = writeln!(out, "## Found in\n\n```nginx\n{}```\n", shown(rule.bad));
    if !rule.good.is_empty() {
        let _ = writeln!(
            out,
            "## Not found in\n\n```nginx\n{}```\n",
            shown(rule.good)
        );
    }
    let _ = writeln!(out, "## How the harm is known\n\n{}\n", proof(rule.proof));
    let _ = writeln!(
        out,
        "Where it is meant so: `# opsctl-lint: allow {} REASON` above the directive or behind it.",
        rule.id
    );
    out
}

/// The list of all rules, in Markdown.
pub fn index_page() -> String {
    let mut out = format!("# Rules of `opsctl lint`\n\n{HEAD}");
    out.push_str(INTRODUCTION);
    out.push_str("| rule | severity | why | harm |\n|---|---|---|---|\n");
    for rule in rules::ALL {
        let known = match rule.proof {
            Proof::Refused => "`nginx -t` refuses it",
            Proof::Warned => "`nginx -t` warns of it",
            Proof::Shown(_) => "shown by a test on a real NGINX",
            Proof::Known(_) => "known, not shown by a test",
        };
        let id = rule.id;
        let _ = writeln!(
            out,
            "| [{id}]({id}.md) | {} | {} | {known} |",
            severity(rule),
            rule.why.replace('|', "\\|")
        );
    }
    out
}

const HEAD: &str = "<!-- written from the rules by `UPDATE_GOLDENS=1 cargo test -p deploy` -->\n\n";

const INTRODUCTION: &str = "`opsctl lint FILE…` judges NGINX configuration in front of MCP servers: a file with what it includes, a folder, the output \
of `nginx -T`, or standard input (`-`). Files of `conf.d` are read as standing inside `http`. Rules about what is missing \
at the top level speak only where the whole configuration is there.\n\n\
Which locations carry MCP or streams is taken from their own words: a path or an upstream with `mcp` in it, a path with `sse`, \
`stream` or `events`, `proxy_buffering off`, or `/` in a server whose name has `mcp`.\n\n\
An error does not work, a warning works and will hurt, a note is worth knowing. A rule whose harm no test shows on a real NGINX \
is no error. `--fix` makes the cures that change nothing else, `--diff` shows them.\n\n";

fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warn => "warning",
        Severity::Note => "note",
    }
}

fn proof(proof: Proof) -> String {
    match proof {
        Proof::Refused => "`nginx -t` refuses it; the tests ask it.".to_owned(),
        Proof::Warned => "`nginx -t` warns of it; the tests ask it.".to_owned(),
        Proof::Shown(seen) => {
            format!(
                "The tests run it on a real NGINX: {seen}. With the cure they see that it does not."
            )
        }
        Proof::Known(source) => format!("Not shown by a test: {source}."),
    }
}

/// An example as a page can hold it: what cannot be seen is named.
fn shown(example: &str) -> String {
    let visible = example
        .replace('\u{feff}', "<U+FEFF>")
        .replace('\0', "<NUL>");
    let lines = visible.lines().map(|line| {
        if line.len() > 100 {
            let cut: String = line.chars().take(60).collect();
            format!("{cut} … (and so on)\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}
