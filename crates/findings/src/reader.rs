//! Reads a table key by key, remembers which keys it was asked for, and reports all the others.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::document::{Node, Value};
use crate::finding::{Finding, Report};
use crate::nearest::nearest;
use crate::place::Place;
use crate::units::{parse_duration, parse_size};

/// A value with its key path and place, for findings that are made later.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its key path, as `edge.listen[0]`.
    pub path: String,
    /// Where it stands.
    pub place: Place,
}

impl<T> Located<T> {
    /// An error finding at this place.
    pub fn error(&self, id: &str, message: impl Into<String>) -> Finding {
        Finding::error(id, message)
            .at(&self.path)
            .placed(&self.place)
    }

    /// A warning at this place.
    pub fn warn(&self, id: &str, message: impl Into<String>) -> Finding {
        Finding::warn(id, message)
            .at(&self.path)
            .placed(&self.place)
    }
}

/// Reads one table. Every method names a key; [`Reader::finish`] reports the keys that nobody named.
///
/// A value of the wrong kind becomes a finding and reads as absent, so that reading goes on.
pub struct Reader<'a> {
    entries: &'a [(String, Node)],
    place: Place,
    path: String,
    known: RefCell<Vec<&'static str>>,
    report: &'a RefCell<Report>,
}

impl<'a> Reader<'a> {
    /// Reads the top-level table of a document.
    pub fn new(root: &'a Node, report: &'a RefCell<Report>) -> Self {
        Self::below(root, String::new(), report)
    }

    fn below(node: &'a Node, path: String, report: &'a RefCell<Report>) -> Self {
        let entries = if let Value::Table(entries) = &node.value {
            entries.as_slice()
        } else {
            &[]
        };
        Self {
            entries,
            place: node.place.clone(),
            path,
            known: RefCell::default(),
            report,
        }
    }

    /// Where this table stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The key path of this table; empty at the top.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// True when the key is present, whatever its kind. Does not count as reading it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Adds a finding at a key of this table, or at the table when the key is absent.
    pub fn find(&self, key: &str, finding: Finding) {
        let place = self
            .entries
            .iter()
            .find(|(name, _)| name == key)
            .map_or(&self.place, |(_, node)| &node.place);
        self.report
            .borrow_mut()
            .push(finding.at(self.key_path(key)).placed(place));
    }

    /// The raw value of a key.
    pub fn value(&self, key: &'static str) -> Option<Located<&'a Value>> {
        self.known.borrow_mut().push(key);
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        Some(Located {
            value: &node.value,
            path: self.key_path(key),
            place: node.place.clone(),
        })
    }

    /// A string.
    pub fn string(&self, key: &'static str) -> Option<Located<String>> {
        self.read(key, "a string", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A string read by its own type, whose error text becomes the finding `<id>`.
    pub fn word<T>(&self, key: &'static str, id: &str) -> Option<Located<T>>
    where
        T: FromStr<Err: Display>,
    {
        self.parsed(self.string(key)?, id)
    }

    /// A boolean.
    pub fn boolean(&self, key: &'static str) -> Option<Located<bool>> {
        self.read(key, "a boolean", |value| match value {
            Value::Boolean(flag) => Some(*flag),
            _ => None,
        })
    }

    /// An integer within a range.
    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<Located<i64>> {
        let located = self.read(key, "an integer", |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        })?;
        if range.contains(&located.value) {
            return Some(located);
        }
        let message = format!(
            "`{}` is not within {} to {}",
            located.value,
            range.start(),
            range.end()
        );
        self.report
            .borrow_mut()
            .push(located.error("value.out-of-range", message));
        None
    }

    /// A duration string such as `"75s"`. A bare number is a finding that shows the string.
    pub fn duration(&self, key: &'static str) -> Option<Located<Duration>> {
        self.unit(key, parse_duration, "value.bare-number", |number| {
            format!("write `{key} = \"{number}s\"`")
        })
    }

    /// A duration string, or a bare number of seconds (Hypercorn's form of its timeouts).
    pub fn duration_or_seconds(&self, key: &'static str) -> Option<Located<Duration>> {
        let seconds = match self.value(key)?.value {
            Value::Integer(number) => u64::try_from(*number).ok().map(Duration::from_secs),
            Value::Float(number) => Duration::try_from_secs_f64(*number).ok(),
            _ => return self.duration(key),
        };
        let located = self.value(key)?;
        if let Some(value) = seconds {
            return Some(Located {
                value,
                path: located.path,
                place: located.place,
            });
        }
        self.report
            .borrow_mut()
            .push(located.error("value.out-of-range", "is not a time in seconds"));
        None
    }

    /// A size string such as `"16MiB"`, in bytes. A bare number is a finding that shows the string.
    pub fn size(&self, key: &'static str) -> Option<Located<u64>> {
        self.unit(key, parse_size, "value.bare-number", |number| {
            format!("write `{key} = \"{number}B\"`")
        })
    }

    /// An array of strings.
    pub fn strings(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let located = self.value(key)?;
        let Value::Array(items) = located.value else {
            self.wrong_kind(&located, "an array of strings");
            return None;
        };
        Some(self.items(&located.path, items))
    }

    /// A string, or an array of strings (Hypercorn's form of `bind`).
    pub fn strings_or_one(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        let located = self.value(key)?;
        match located.value {
            Value::String(text) => Some(vec![Located {
                value: text.clone(),
                path: located.path,
                place: located.place,
            }]),
            Value::Array(items) => Some(self.items(&located.path, items)),
            _ => {
                self.wrong_kind(&located, "a string or an array of strings");
                None
            }
        }
    }

    /// An array of strings, each read by its own type.
    pub fn words<T>(&self, key: &'static str, id: &str) -> Option<Vec<Located<T>>>
    where
        T: FromStr<Err: Display>,
    {
        Some(
            self.strings(key)?
                .into_iter()
                .filter_map(|item| self.parsed(item, id))
                .collect(),
        )
    }

    /// Reads a string by its own type; its error text becomes the finding `<id>`.
    pub fn parsed<T>(&self, text: Located<String>, id: &str) -> Option<Located<T>>
    where
        T: FromStr<Err: Display>,
    {
        match text.value.parse() {
            Ok(value) => Some(Located {
                value,
                path: text.path,
                place: text.place,
            }),
            Err(error) => {
                self.report
                    .borrow_mut()
                    .push(text.error(id, format!("`{}` {error}", text.value.escape_debug())));
                None
            }
        }
    }

    /// A table of strings, sorted by key.
    pub fn string_map(&self, key: &'static str) -> Option<BTreeMap<String, String>> {
        let located = self.value(key)?;
        let Value::Table(entries) = located.value else {
            self.wrong_kind(&located, "a table of strings");
            return None;
        };
        let mut map = BTreeMap::new();
        for (name, node) in entries {
            let path = format!("{}.{}", located.path, name.escape_debug());
            let entry = Located {
                value: &node.value,
                path,
                place: node.place.clone(),
            };
            if let Value::String(text) = entry.value {
                map.insert(name.clone(), text.clone());
            } else {
                self.wrong_kind(&entry, "a string");
            }
        }
        Some(map)
    }

    /// A table.
    pub fn table(&self, key: &'static str) -> Option<Reader<'a>> {
        let located = self.value(key)?;
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        if matches!(node.value, Value::Table(_)) {
            return Some(Self::below(node, located.path, self.report));
        }
        self.wrong_kind(&located, "a table");
        None
    }

    /// An array of tables; absent reads as empty.
    pub fn tables(&self, key: &'static str) -> Vec<Reader<'a>> {
        let Some(located) = self.value(key) else {
            return Vec::new();
        };
        let Value::Array(items) = located.value else {
            self.wrong_kind(&located, "an array of tables");
            return Vec::new();
        };
        let mut readers = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let path = format!("{}[{index}]", located.path);
            if matches!(node.value, Value::Table(_)) {
                readers.push(Self::below(node, path, self.report));
            } else {
                self.wrong_kind(
                    &Located {
                        value: &node.value,
                        path,
                        place: node.place.clone(),
                    },
                    "a table",
                );
            }
        }
        readers
    }

    /// Names a key that was renamed: using the old name is a finding that names the new one.
    pub fn renamed(&self, old: &'static str, new: &str) {
        if self.value(old).is_some() {
            self.find(
                old,
                Finding::error("key.renamed", format!("`{old}` is now `{new}`")),
            );
        }
    }

    /// Ends the reading: every key that no method named is a finding, with the nearest known key.
    pub fn finish(self) {
        let known = self.known.borrow();
        for (name, node) in self
            .entries
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
        {
            let mut finding = Finding::error(
                "key.unknown",
                format!("unknown key `{}`", name.escape_debug()),
            );
            if let Some(meant) = nearest(name, known.iter().copied()) {
                finding = finding.hint(format!("did you mean `{meant}`?"));
            } else {
                let mut keys = known.clone();
                keys.sort_unstable();
                keys.dedup();
                finding = finding.hint(format!("known here: {}", keys.join(", ")));
            }
            let finding = finding.at(self.key_path(name)).placed(&node.place);
            self.report.borrow_mut().push(finding);
        }
    }

    fn key_path(&self, key: &str) -> String {
        let key = key.escape_debug();
        if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn items(&self, path: &str, items: &[Node]) -> Vec<Located<String>> {
        let mut strings = Vec::new();
        for (index, node) in items.iter().enumerate() {
            let item = Located {
                value: &node.value,
                path: format!("{path}[{index}]"),
                place: node.place.clone(),
            };
            if let Value::String(text) = item.value {
                strings.push(Located {
                    value: text.clone(),
                    path: item.path,
                    place: item.place,
                });
            } else {
                self.wrong_kind(&item, "a string");
            }
        }
        strings
    }

    fn unit<T>(
        &self,
        key: &'static str,
        parse: fn(&str) -> Result<T, String>,
        bare: &str,
        hint: impl Fn(i64) -> String,
    ) -> Option<Located<T>> {
        let located = self.value(key)?;
        if let Value::Integer(number) = located.value {
            let message = format!("bare number `{number}` has no unit");
            self.report
                .borrow_mut()
                .push(located.error(bare, message).hint(hint(*number)));
            return None;
        }
        let text = self.string(key)?;
        match parse(&text.value) {
            Ok(value) => Some(Located {
                value,
                path: text.path,
                place: text.place,
            }),
            Err(error) => {
                let message = format!("`{}` {error}", text.value.escape_debug());
                self.report
                    .borrow_mut()
                    .push(text.error("value.unit", message));
                None
            }
        }
    }

    fn read<T>(
        &self,
        key: &'static str,
        kind: &str,
        take: fn(&Value) -> Option<T>,
    ) -> Option<Located<T>> {
        let located = self.value(key)?;
        let Some(value) = take(located.value) else {
            self.wrong_kind(&located, kind);
            return None;
        };
        Some(Located {
            value,
            path: located.path,
            place: located.place,
        })
    }

    fn wrong_kind(&self, located: &Located<&Value>, expected: &str) {
        let message = format!("is {}, expected {expected}", located.value.kind());
        self.report
            .borrow_mut()
            .push(located.error("value.kind", message));
    }
}
