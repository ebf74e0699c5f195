//! A TOML text as a tree in which every value knows its line, and several such trees laid over one another.

use std::sync::Arc;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::finding::{Finding, Report};
use crate::place::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// The kinds of TOML values.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string.
    String(String),
    /// An integer that fits 64 bits.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// A date or time, as written.
    Datetime(String),
    /// An array.
    Array(Vec<Node>),
    /// A table, in the order in which it was written.
    Table(Vec<(String, Node)>),
}

impl Value {
    /// What a person calls this kind, with its article.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
        }
    }

    /// The same value as JSON; a date becomes its text, a float that JSON does not have becomes null.
    pub fn to_json(&self) -> Json {
        match self {
            Self::String(text) | Self::Datetime(text) => Json::from(text.as_str()),
            Self::Integer(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Boolean(flag) => Json::from(*flag),
            Self::Array(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// One or more TOML layers as one tree: a later layer wins, key by key.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    root: Node,
}

impl Document {
    /// Reads a TOML text. Every syntax error becomes a finding with its line; what could be read is in the document
    /// all the same, so that the other findings are not lost.
    pub fn parse(text: &str, file: &str, report: &mut Report) -> Self {
        let source = Source::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let place = source.place(error.span().map_or(0, |span| span.start));
            report.push(
                Finding::error("toml.syntax", error.message().trim().replace('\n', ", "))
                    .placed(&place),
            );
        }
        let place = source.place(0);
        let entries = source.entries(table.get_ref(), report);
        Self {
            root: Node {
                place,
                value: Value::Table(entries),
            },
        }
    }

    /// An empty document: the start of a stack of layers.
    pub fn empty() -> Self {
        Self {
            root: Node {
                place: Place {
                    file: "".into(),
                    line: None,
                },
                value: Value::Table(Vec::new()),
            },
        }
    }

    /// Reads `PREFIX_<KEY>` and `PREFIX_<SECTION>__<KEY>` out of `variables`. A value is read as TOML when it is a
    /// TOML number, boolean, array or quoted string, and is a plain string otherwise.
    pub fn from_environment(
        prefix: &str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut document = Self::empty();
        for (name, value) in variables {
            let Some(rest) = name
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('_'))
            else {
                continue;
            };
            let place = Place {
                file: format!("environment variable {name}").into(),
                line: None,
            };
            let keys: Vec<String> = rest.split("__").map(str::to_ascii_lowercase).collect();
            let mut node = Node {
                place: place.clone(),
                value: environment_value(&value, &place),
            };
            for key in keys.into_iter().rev() {
                node = Node {
                    place: place.clone(),
                    value: Value::Table(vec![(key, node)]),
                };
            }
            document = document.overlaid_with(Self { root: node });
        }
        document
    }

    /// This document with `over` laid upon it: tables merge, every other value of `over` replaces the one below.
    #[must_use]
    pub fn overlaid_with(self, over: Self) -> Self {
        Self {
            root: overlay(self.root, over.root),
        }
    }

    /// The top-level table.
    pub fn root(&self) -> &Node {
        &self.root
    }
}

fn overlay(below: Node, above: Node) -> Node {
    match (below.value, above.value) {
        (Value::Table(mut entries), Value::Table(others)) => {
            for (key, node) in others {
                if let Some(index) = entries.iter().position(|(name, _)| *name == key) {
                    let (key, old) = entries.remove(index);
                    entries.insert(index, (key, overlay(old, node)));
                } else {
                    entries.push((key, node));
                }
            }
            Node {
                place: below.place,
                value: Value::Table(entries),
            }
        }
        (_, value) => Node {
            place: above.place,
            value,
        },
    }
}

fn environment_value(text: &str, place: &Place) -> Value {
    let mut ignored = Report::new();
    match DeValue::parse(text) {
        Ok(parsed) if !matches!(parsed.get_ref(), DeValue::Datetime(_)) => {
            let source = Source::new(&place.file, "");
            source
                .node(&parsed, &mut ignored)
                .map_or_else(|| Value::String(text.to_owned()), |node| node.value)
        }
        _ => Value::String(text.to_owned()),
    }
}

struct Source {
    file: Arc<str>,
    /// Where each line ends: every key asks for its line, and counting from the start each time would take the square of
    /// the file's length.
    ends: Vec<usize>,
    is_empty: bool,
}

impl Source {
    fn new(file: &str, text: &str) -> Self {
        Self {
            file: file.into(),
            ends: text.match_indices('\n').map(|(offset, _)| offset).collect(),
            is_empty: text.is_empty(),
        }
    }

    fn place(&self, offset: usize) -> Place {
        let line = (!self.is_empty).then(|| self.ends.partition_point(|end| *end < offset) + 1);
        Place {
            file: self.file.clone(),
            line,
        }
    }

    fn entries(&self, table: &DeTable<'_>, report: &mut Report) -> Vec<(String, Node)> {
        table
            .iter()
            .filter_map(|(key, value)| {
                let mut node = self.node(value, report)?;
                // the line of a key is the line a person looks for, also where its value is a table spread over many
                node.place = self.place(key.span().start);
                Some((key.get_ref().to_string(), node))
            })
            .collect()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>, report: &mut Report) -> Option<Node> {
        let place = self.place(value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => Value::Integer(self.integer(number, &place, report)?),
            DeValue::Float(number) => {
                Value::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN))
            }
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .filter_map(|item| self.node(item, report))
                    .collect(),
            ),
            DeValue::Table(table) => Value::Table(self.entries(table, report)),
        };
        Some(Node { place, value })
    }

    #[expect(clippy::unused_self, reason = "reads like its siblings")]
    fn integer(&self, number: &DeInteger<'_>, place: &Place, report: &mut Report) -> Option<i64> {
        let parsed = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
        if parsed.is_err() {
            let message = format!("integer `{}` does not fit 64 bits", number.as_str());
            report.push(Finding::error("toml.syntax", message).placed(place));
        }
        parsed.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_error_is_found_with_its_line_and_the_rest_is_read() {
        let mut report = Report::new();
        let document = Document::parse("a = \nb = 1\nc = = 2\n", "x.toml", &mut report);
        let lines: Vec<_> = report
            .findings()
            .iter()
            .filter_map(|finding| finding.line)
            .collect();
        assert!(lines.contains(&1) && lines.contains(&3), "{report}");
        let Value::Table(entries) = &document.root().value else {
            panic!("the root is a table")
        };
        assert!(
            entries
                .iter()
                .any(|(key, node)| key == "b" && node.value == Value::Integer(1))
        );
    }

    #[test]
    fn a_later_layer_wins_key_by_key() {
        let mut report = Report::new();
        let file = Document::parse(
            "bind = \"a\"\n[timeouts]\nrequest = \"1s\"\nsmoke = \"2s\"\n",
            "f",
            &mut report,
        );
        let variables = [
            ("ORIGIN_BIND", "b"),
            ("ORIGIN_TIMEOUTS__SMOKE", "9s"),
            ("ORIGINAL", "x"),
            ("HOME", "/"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let merged = file.overlaid_with(Document::from_environment("ORIGIN", variables));
        let json = merged.root().value.to_json();
        assert_eq!(
            json.to_string(),
            r#"{"bind":"b","timeouts":{"request":"1s","smoke":"9s"}}"#
        );
        assert!(report.is_empty());
    }

    #[test]
    fn environment_values_are_toml_where_they_can_be() {
        let variables = [
            ("X_A", "1"),
            ("X_B", "true"),
            ("X_C", "[\"p\", \"q\"]"),
            ("X_D", "plain:1"),
            ("X_E", ""),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let json = Document::from_environment("X", variables)
            .root()
            .value
            .to_json();
        assert_eq!(
            json.to_string(),
            r#"{"a":1,"b":true,"c":["p","q"],"d":"plain:1","e":""}"#
        );
    }
}
