//! Locations: what they match, where they pass requests on, and whether they carry MCP or streams.

use crate::nginx_conf::Statement;

use super::scope::Scope;

/// A location, or an `if` inside one that passes requests on itself.
#[derive(Debug, Clone)]
pub(crate) struct Location<'c> {
    /// The block.
    pub(crate) statement: &'c Statement,
    /// How it matches.
    pub(crate) kind: Kind,
    /// What it matches: a path, a pattern or a name.
    pub(crate) path: &'c str,
    /// What is in force in it.
    pub(crate) scope: Scope<'c>,
}

/// How a location matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `= /path`
    Exact,
    /// `/path`
    Prefix,
    /// `^~ /path`
    FirmPrefix,
    /// `~ pattern`
    Pattern,
    /// `~* pattern`
    PatternAnyCase,
    /// `@name`, or a location without a path: no request comes here by its path.
    Named,
}

impl<'c> Location<'c> {
    pub(super) fn read(statement: &'c Statement, scope: Scope<'c>) -> Self {
        let (first, second) = (statement.argument(0), statement.argument(1));
        let (kind, path) = match first {
            "=" => (Kind::Exact, second),
            "^~" => (Kind::FirmPrefix, second),
            "~" => (Kind::Pattern, second),
            "~*" => (Kind::PatternAnyCase, second),
            _ => glued(first),
        };
        Self {
            statement,
            kind,
            path,
            scope,
        }
    }

    /// Where it passes requests on by itself.
    pub(crate) fn proxy_pass(&self) -> Option<&'c Statement> {
        self.scope.own("proxy_pass").last()
    }

    /// Whether a request for this path could come here; of a pattern that cannot be read nobody knows.
    pub(crate) fn matches(&self, path: &str) -> Option<bool> {
        match self.kind {
            Kind::Exact => Some(self.path == path),
            Kind::Prefix | Kind::FirmPrefix => Some(path.starts_with(self.path)),
            Kind::Named => Some(false),
            Kind::Pattern | Kind::PatternAnyCase => {
                let any_case = if self.kind == Kind::Pattern {
                    ""
                } else {
                    "(?i)"
                };
                let pattern = regex_lite::Regex::new(&format!("{any_case}{}", self.path));
                pattern.ok().map(|pattern| pattern.is_match(path))
            }
        }
    }

    /// Whether it says itself that MCP goes through it: by its path, by where it passes requests on.
    pub(crate) fn names_mcp(&self) -> bool {
        let target = self.proxy_pass().map_or("", |pass| pass.argument(0));
        [self.path, target].into_iter().any(names_mcp)
    }

    /// Whether it says itself that event streams go through it: by its path, or because somebody already turned buffering
    /// off for it.
    pub(crate) fn names_streams(&self) -> bool {
        let turned_off = self
            .scope
            .own("proxy_buffering")
            .any(|own| own.argument(0) == "off");
        turned_off || has_word(self.path, &STREAMS)
    }
}

/// Whether a path or an address says that it is MCP's.
pub(crate) fn names_mcp(text: &str) -> bool {
    has_word(text, &MCP)
}

const MCP: [&str; 2] = ["mcp", "fastmcp"];
const STREAMS: [&str; 4] = ["sse", "stream", "streams", "events"];

/// Whether one of these words stands in a text as a word of its own.
pub(super) fn has_word(text: &str, words: &[&str]) -> bool {
    text.to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| words.contains(&word))
}

/// NGINX takes the mark also where it is glued to the path.
fn glued(word: &str) -> (Kind, &str) {
    for (mark, kind) in [
        ("=", Kind::Exact),
        ("^~", Kind::FirmPrefix),
        ("~*", Kind::PatternAnyCase),
        ("~", Kind::Pattern),
    ] {
        if let Some(path) = word.strip_prefix(mark) {
            return (kind, path);
        }
    }
    if word.starts_with('@') || word.is_empty() {
        (Kind::Named, word)
    } else {
        (Kind::Prefix, word)
    }
}
