//! The pages of the rules, written from the rules.

use std::fmt::Write as _;

use findings::Severity;

use super::rule::{Proof, Rule};
use super::rules;

/// The page of one rule, in Markdown.
pub fn page(rule: &Rule) -> String {
    let mut out = format!("# {}\n\n{HEAD}", rule.id);
    let _ = writeln!(out, "Severity: {}.\n", severity(rule));
    let _ = writeln!(out, "{}\n", wrapped(rule.why));
    let _ = writeln!(
        out,
        "{}\n",
        wrapped(&format!("The way out: {}.", rule.cure))
    );
    let _ = writeln!(out, "## Found in\n\n```nginx\n{}```\n", shown(rule.bad));
    if !rule.good.is_empty() {
        let _ = writeln!(
            out,
            "## Not found in\n\n```nginx\n{}```\n",
            shown(rule.good)
        );
    }
    let _ = writeln!(
        out,
        "## How the harm is known\n\n{}\n",
        wrapped(&proof(rule.proof))
    );
    let allowed = format!(
        "Where it is meant so: `# opsctl-lint: allow {} REASON` above the directive or behind it.",
        rule.id
    );
    let _ = writeln!(out, "{}", wrapped(&allowed));
    out
}

/// The list of all rules, in Markdown.
pub fn index_page() -> String {
    let mut out = format!("# Rules of `opsctl lint`\n\n{HEAD}");
    for paragraph in INTRODUCTION {
        let _ = writeln!(out, "{}\n", wrapped(paragraph));
    }
    let _ = writeln!(out, "{}\n", wrapped(&corpus()));
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

const INTRODUCTION: [&str; 4] = [
    "`opsctl lint FILE…` judges NGINX configuration in front of MCP servers: a file with what it includes, a folder, the output of `nginx -T`, or standard input (`-`). Files of `conf.d` are read as standing inside `http`. Rules about what is missing at the top level speak only where the whole configuration is there.",
    "Which locations carry MCP or streams is taken from their own words: a path or an upstream with `mcp` in it, a path with `sse`, `stream` or `events`, `proxy_buffering off`, or `/` in a server whose name has `mcp`.",
    "An error does not work, a warning works and will hurt, a note is worth knowing. A rule whose harm no test shows on a real NGINX is no error. `--fix` makes the cures that change nothing else, `--diff` shows them.",
    "`# opsctl-lint: allow RULE REASON` allows a rule for the directive below the comment, with its block, or for the line that the comment ends. Values of headers, variables and directives that name a secret are shown as stars.",
];

/// What the tests hold the rules against.
fn corpus() -> String {
    format!(
        "How good it is, on the corpus of the tests: each of the {0} bad examples is found by its rule and none of the {0} good ones is; a naive edge with 29 mistakes and a naive pass-through with 6 have all of them found and nothing else; in the trees that opsctl renders, and in the configurations that NGINX's packages of Debian 13 and Debian testing install, nothing is found but patterns that match no file yet. The corpus is small and ours: it says that the rules do what they say, not how often they err elsewhere.",
        rules::ALL.len()
    )
}

/// A paragraph in lines of at most 100 characters.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let own = word.chars().count();
        if length > 0 && length + 1 + own > WIDTH {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += own;
    }
    out
}

const WIDTH: usize = 100;

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
