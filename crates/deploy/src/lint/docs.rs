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
    let _ = writeln!(out, "{}## The rules\n", corpus() + "\n");
    out.push_str("| rule | severity | why | harm |\n|---|---|---|---|\n");
    for rule in rules::ALL {
        let known = match rule.proof {
            Proof::Refused => "`nginx -t` refuses it",
            Proof::Warned => "`nginx -t` warns of it",
            Proof::Shown(_) => "shown by a test on a real NGINX",
            Proof::Known(_) => "none to be seen: its page says why",
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

const INTRODUCTION: [&str; 5] = [
    "`opsctl lint FILE…` judges NGINX configuration in front of MCP servers: a file with what it includes, a folder, the output of `nginx -T`, or standard input (`-`). Files of `conf.d` are read as standing inside `http`. Rules about what is missing at the top level speak only where the whole configuration is there.",
    "Which locations carry MCP or streams is taken from their own words: a path or an upstream with `mcp` in it, a path with `sse`, `stream` or `events`, `proxy_buffering off`, or `/` in a server whose name has `mcp`.",
    "An error does not work, a warning works and will hurt, a note is worth knowing. Every rule but one has a test that shows its harm on a real NGINX, or asks `nginx -t`; one without such a test could be no error. `--fix` makes the cures that change nothing else, `--diff` shows them.",
    "`--nginx 1.26.3` judges for a version, `--nginx PATH` for an executable: that one is asked which directives it knows beyond its version, and which package of Debian's it came in, so that what the distribution added or mended is not told as missing.",
    "`# opsctl-lint: allow RULE REASON` allows a rule for the directive below the comment, with its block, or for the line that the comment ends. Values of headers, variables and directives that name a secret are shown as stars.",
];

/// What the rules do on configurations whose faults are known. The tests count all of it anew and hold these figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corpus {
    /// The mistakes in a naive edge and in a naive pass-through.
    pub naive: [usize; 2],
    /// The Debian packages that bring configuration of others, and the files that they bring.
    pub packages: usize,
    /// The files of these packages.
    pub files: usize,
    /// What is found in these files, all of it rightly.
    pub findings: usize,
    /// How often a bad example was put behind one of these files, and found there.
    pub planted: usize,
}

/// On Debian 12.
pub const CORPUS: Corpus = Corpus {
    naive: [30, 6],
    packages: 22,
    files: 31,
    findings: 25,
    planted: 1323,
};

/// Precision and recall, with what they were measured on.
fn corpus() -> String {
    let Corpus {
        naive: [edge, passthrough],
        packages,
        files,
        findings,
        planted,
    } = CORPUS;
    let rules = rules::ALL.len();
    let naive = edge + passthrough;
    let rows = [
        format!("| the examples of the rules, {rules} bad and {rules} good | ours | {rules} of {rules} | {rules} of {rules} |"),
        format!("| a naive edge with {edge} mistakes and a naive pass-through with {passthrough} | ours, after tutorials | {naive} of {naive} | {naive} of {naive} |"),
        format!("| {files} files of {packages} packages of Debian 12: examples and sites of web applications, application servers and monitoring | others'; none is for MCP | {findings} of {findings}: files that they include and that are not beside them here | no other fault is known in them |"),
        format!("| the bad examples that stand in a server, each behind each of these files that a server can follow | ours behind others' | | {planted} of {planted} |"),
        "| what NGINX's packages of Debian 13 and Debian testing install, and what opsctl renders | others' and ours | nothing is found but patterns that match no file yet | |".to_owned(),
    ];
    format!(
        "## How good it is\n\n{}\n\n| corpus | whose | right of what is found (precision) | found of what is wrong (recall) |\n|---|---|---|---|\n{}\n\n{}\n",
        wrapped("The tests count this at every run; a figure that is no longer true fails them."),
        rows.join("\n"),
        wrapped(
            "What this says: the rules do what they say, wherever a mistake stands, and leave alone what has nothing to do with MCP. What it does not say: how often they err in front of MCP servers of people whom we do not know, for nobody publishes such configurations as packages."
        ),
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
