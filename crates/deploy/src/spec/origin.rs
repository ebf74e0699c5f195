//! The origin's part of a spec, handed to the origin's own schema.
//!
//! `[origin]` and `[[servers]]` are checked by the code that the origin itself reads its TOML with, so that there is
//! one schema. That code takes a document; here one is written with a single value on each line, and the findings
//! that come back are moved from these lines to the lines of the spec.

use std::fmt::Write as _;

use findings::{Document, Finding, Located, Node, Place, Report, Value};
use origin_config::OriginConfig;

use crate::words::Name;

/// A TOML text for the origin, and where each of its lines came from.
pub(super) struct OriginText {
    text: String,
    places: Vec<Place>,
    site: Place,
    prefix: String,
    report: Report,
}

impl OriginText {
    /// An empty text of the site that stands at `site`.
    pub(super) fn new(site: Place, prefix: &str) -> Self {
        Self {
            text: String::new(),
            places: Vec::new(),
            site,
            prefix: prefix.to_owned(),
            report: Report::new(),
        }
    }

    /// What the key paths of the site start with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Keeps a finding for the report.
    pub(super) fn push_finding(&mut self, finding: Finding) {
        self.report.push(finding);
    }

    /// The origin's `name`.
    pub(super) fn name(&mut self, name: &Located<Name>) {
        self.line(&format!("name = \"{}\"", name.value), &name.place);
    }

    /// Starts a table, as `[[servers]]`.
    pub(super) fn table(&mut self, header: &str, place: &Place) {
        self.line(header, place);
    }

    /// One key with its value; a table becomes a line for each of its keys.
    pub(super) fn entry(&mut self, path: &[&str], node: &Node) {
        if let Value::Table(entries) = &node.value {
            for (key, value) in entries {
                self.entry(&[path, &[key]].concat(), value);
            }
            return;
        }
        let keys: Vec<_> = path.iter().map(|key| quoted(key)).collect();
        let line = format!("{} = {}", keys.join("."), inline(&node.value));
        self.line(&line, &node.place);
    }

    /// Loads the text; every finding comes back with its place in the spec.
    pub(super) fn load(self) -> (Option<OriginConfig>, Report) {
        let mut found = Report::new();
        let document = Document::parse(&self.text, "", &mut found);
        let (config, findings) = origin_config::load_draft(document);
        found.append(findings);
        let mut report = self.report.clone();
        for finding in found.findings() {
            report.push(self.moved(finding.clone()));
        }
        (config, report)
    }

    fn moved(&self, mut finding: Finding) -> Finding {
        let place = finding
            .line
            .and_then(|line| self.places.get(line.checked_sub(1)?))
            .unwrap_or(&self.site);
        finding.path = finding.path.map(|path| {
            let beside = ["servers", "dependencies"];
            let table = if beside.iter().any(|table| path.starts_with(table)) {
                ""
            } else {
                "origin."
            };
            format!("{}{table}{path}", self.prefix)
        });
        finding.placed(place)
    }

    fn line(&mut self, line: &str, place: &Place) {
        self.text.push_str(line);
        self.text.push('\n');
        self.places.push(place.clone());
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        // Debug keeps the point that makes it a float
        Value::Float(number) => format!("{number:?}").to_ascii_lowercase(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| inline(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, node)| format!("{} = {}", quoted(key), inline(&node.value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// A TOML basic string on one line; also a quoted key.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(out, "\\U{:08X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
