//! The form of the files: what NGINX cannot read, and includes that lead nowhere.

use findings::Severity;

use super::super::model::Model;
use super::super::rule::{Found, Proof, Rule};
use super::super::suppress;
use crate::nginx_conf::{Document, FaultKind, IncludeFaultKind};

pub(super) static SYNTAX: Rule = Rule {
    id: "conf-syntax",
    severity: Severity::Error,
    why: "NGINX does not start with a file that it cannot read.",
    cure: "end each directive with `;`, close each block and each quote",
    bad: "server {\n    listen 80\n}\n",
    good: "server {\n    listen 80;\n}\n",
    proof: Proof::Refused,
    check: syntax,
};

pub(super) static BOM: Rule = Rule {
    id: "conf-bom",
    severity: Severity::Error,
    why: "NGINX takes a byte order mark for a part of the first word, and does not know such a directive.",
    cure: "save the file as UTF-8 without a byte order mark",
    bad: "\u{feff}server {\n    listen 80;\n}\n",
    good: "server {\n    listen 80;\n}\n",
    proof: Proof::Refused,
    check: bom,
};

pub(super) static BYTES: Rule = Rule {
    id: "conf-bytes",
    severity: Severity::Warn,
    why: "NGINX takes NUL bytes and bytes that are no UTF-8 for letters and sends them on, where others do not take them; editors show something else.",
    cure: "save the file as UTF-8",
    bad: "server {\n    location = /mcp {\n        add_header X-Team \"a\0b\";\n        return 200 ok;\n    }\n}\n",
    good: "server {\n    location = /mcp {\n        add_header X-Team \"a-b\";\n        return 200 ok;\n    }\n}\n",
    proof: Proof::Shown("a client does not take the answer that has such a header"),
    check: bytes,
};

pub(super) static TOO_DEEP: Rule = Rule {
    id: "conf-unread",
    severity: Severity::Warn,
    why: "A part of the configuration was not read, because no real one has so many faults, blocks or includes.",
    cure: "mend what is told first, and ask again",
    bad: "a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a {\n",
    good: "events {\n}\n",
    proof: Proof::Shown(
        "behind a hundred blocks a read timeout of a second cuts streams, and nothing is told of it",
    ),
    check: unread,
};

pub(super) static MISSING: Rule = Rule {
    id: "include-missing",
    severity: Severity::Error,
    why: "NGINX does not start when a file that `include` names is not there.",
    cure: "write the file, or correct the path: a relative one starts at the folder of nginx.conf",
    bad: "events {\n}\ninclude nobody-has-written-this.conf;\n",
    good: "events {\n}\n",
    proof: Proof::Refused,
    check: missing,
};

pub(super) static LOOP: Rule = Rule {
    id: "include-loop",
    severity: Severity::Error,
    why: "A file that includes itself, directly or through others, is read until NGINX has no file descriptor left.",
    cure: "take one `include` of the circle away",
    bad: "include example.conf;\n",
    good: "events {\n}\n",
    proof: Proof::Refused,
    check: circle,
};

pub(super) static EMPTY: Rule = Rule {
    id: "include-empty",
    severity: Severity::Note,
    why: "A pattern that matches no file is no fault to NGINX, so that a misspelt one goes unseen.",
    cure: "correct the pattern, or leave it for files to come",
    bad: "include nobody-has-written-these/*.conf;\n",
    good: "events {\n}\n",
    proof: Proof::Shown("NGINX starts, and the path of the site is answered with 404"),
    check: empty,
};

pub(super) static COMMENT: Rule = Rule {
    id: suppress::RULE,
    severity: Severity::Warn,
    why: "A comment that allows a rule must name the rule and say why, or the next reader cannot tell a decision from an oversight.",
    cure: "`# opsctl-lint: allow RULE reason` above the directive or behind it",
    bad: "# opsctl-lint: allow stream-buffering\nevents {\n}\n",
    good: "server {\n    location = /mcp {\n        # opsctl-lint: allow stream-buffering the origin marks its streams\n        proxy_pass http://127.0.0.1:8000;\n    }\n}\n",
    proof: Proof::Known(
        "NGINX reads no comment, so there is no harm to see; that such a comment allows nothing is tested",
    ),
    check: |_, _| {},
};

/// Tells every fault of these kinds, with its words.
fn tell(
    model: &Model<'_>,
    found: &mut Found<'_>,
    message: impl Fn(FaultKind) -> Option<&'static str>,
) {
    for (file, loaded) in model.config.files.iter().enumerate() {
        for fault in loaded.document.faults() {
            if let Some(text) = message(fault.kind) {
                found.at_span(file, fault.span, text);
            }
        }
    }
}

fn syntax(model: &Model<'_>, found: &mut Found<'_>) {
    tell(model, found, |kind| match kind {
        FaultKind::StrayClose => Some("`}` closes nothing"),
        FaultKind::StrayMark => Some("nothing stands before this mark"),
        FaultKind::MissingSemicolon => Some("the directive does not end: `;` is missing"),
        FaultKind::OpenBlock => Some("the block is not closed: `}` is missing"),
        FaultKind::OpenQuote => Some("the quote is not closed"),
        FaultKind::MissingSpace => Some("a blank or `;` must follow a closing quote"),
        FaultKind::TooLong => Some("a word or comment of 4096 bytes or more does not fit"),
        _ => None,
    });
}

fn bom(model: &Model<'_>, found: &mut Found<'_>) {
    tell(model, found, |kind| {
        (kind == FaultKind::ByteOrderMark).then_some("the file begins with a byte order mark")
    });
}

fn bytes(model: &Model<'_>, found: &mut Found<'_>) {
    for (file, loaded) in model.config.files.iter().enumerate() {
        let document = &loaded.document;
        for fault in document.faults() {
            let (text, is_spoken) = match fault.kind {
                FaultKind::Nul => (
                    "the file has a NUL byte",
                    uncommented(document).contains(&0),
                ),
                FaultKind::NotUtf8 => (
                    "the file is no UTF-8 from here on",
                    std::str::from_utf8(&uncommented(document)).is_err(),
                ),
                _ => continue,
            };
            let told = found.at_span(file, fault.span, text);
            // what stands in comments is sent to nobody
            if !is_spoken {
                told.only(Severity::Note);
            }
        }
    }
}

/// The bytes of a file with blanks for its comments.
fn uncommented(document: &Document) -> Vec<u8> {
    let mut bytes = document.source().to_vec();
    for (comment, _) in suppress::comments(document) {
        bytes[comment.start..comment.end].fill(b' ');
    }
    bytes
}

fn unread(model: &Model<'_>, found: &mut Found<'_>) {
    tell(model, found, |kind| match kind {
        FaultKind::TooDeep => Some("blocks are more than 100 deep from here on"),
        FaultKind::TooMany => Some("more than 100 faults: the others are not told"),
        _ => None,
    });
    for fault in include_faults(model, IncludeFaultKind::TooMany) {
        found.at_span(
            fault.0,
            fault.1,
            "more than 5000 includes: from here on they are not followed",
        );
    }
}

/// The place, and what to say, of every fault of a kind.
fn include_faults<'m>(
    model: &'m Model<'_>,
    kind: IncludeFaultKind,
) -> impl Iterator<Item = (usize, crate::nginx_conf::Span, &'m str, &'m str)> {
    let faults = model.config.include_faults.iter();
    faults.filter(move |fault| fault.kind == kind).map(|fault| {
        (
            fault.file,
            fault.span,
            fault.path.as_str(),
            fault.why.as_str(),
        )
    })
}

fn missing(model: &Model<'_>, found: &mut Found<'_>) {
    for (file, span, path, why) in include_faults(model, IncludeFaultKind::Missing) {
        let told = found.at_span(file, span, format!("`{path}` {why}"));
        // a piece of a configuration may stand elsewhere than its includes
        if !model.is_complete() {
            told.only(Severity::Warn);
        }
    }
}

fn circle(model: &Model<'_>, found: &mut Found<'_>) {
    for (file, span, path, _) in include_faults(model, IncludeFaultKind::Loop) {
        found.at_span(file, span, format!("`{path}` includes itself"));
    }
}

fn empty(model: &Model<'_>, found: &mut Found<'_>) {
    for (file, span, path, _) in include_faults(model, IncludeFaultKind::Empty) {
        // folders for pieces of one's own are made empty
        let is_rendered = model
            .config
            .root
            .iter()
            .any(|first| first.file == file && model.is_rendered(first));
        if !is_rendered && !path.contains("snippets") {
            found.at_span(file, span, format!("`{path}` matches nothing"));
        }
    }
}
