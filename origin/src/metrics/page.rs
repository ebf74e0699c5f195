//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::tables::{FAMILIES, Family};

/// The media type of a page.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page in the making.
#[derive(Default)]
pub(super) struct Page {
    /// The lines of each family, by its place in the table: "All lines for a given metric must be provided as one single
    /// group".
    groups: [String; FAMILIES.len()],
}

impl Page {
    /// Adds a line. The name has to be that of a family in the table, or of one of a histogram's series.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let place = FAMILIES.iter().position(|family| family.has(name));
        debug_assert!(place.is_some(), "`{name}` is not in the table");
        let Some(group) = place.and_then(|place| self.groups.get_mut(place)) else {
            return;
        };
        group.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            group.push(if index == 0 { '{' } else { ',' });
            // Writing to a string does not fail.
            let _ = write!(group, "{label}=\"");
            for character in text.chars() {
                match character {
                    '\\' => group.push_str("\\\\"),
                    '"' => group.push_str("\\\""),
                    '\n' => group.push_str("\\n"),
                    other => group.push(other),
                }
            }
            group.push('"');
        }
        if !labels.is_empty() {
            group.push('}');
        }
        let _ = writeln!(group, " {value}");
    }

    /// The text: the families that have a line, in the order of the table.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        for (
            Family {
                name, kind, help, ..
            },
            group,
        ) in FAMILIES.iter().zip(&self.groups)
        {
            if !group.is_empty() {
                let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{group}");
            }
        }
        text
    }
}

impl Family {
    /// Whether a line of this name belongs to it.
    fn has(&self, line: &str) -> bool {
        let rest = line.strip_prefix(self.name);
        match self.kind {
            "histogram" => rest.is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest)),
            _ => rest == Some(""),
        }
    }
}
