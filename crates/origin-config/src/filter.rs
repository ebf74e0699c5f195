//! Which tools, prompts and resources of a server clients see.

use std::fmt::Write as _;

use findings::Reader;

use crate::write::texts;

/// Patterns on a server's own names, in which `*` stands for any characters and `?` for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `include`: where there are any, one must match.
    pub include: Patterns,
    /// `exclude`: none may match.
    pub exclude: Patterns,
}

/// Patterns by what they are for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns {
    /// `tools`: names of tools.
    pub tools: Vec<String>,
    /// `prompts`: names of prompts.
    pub prompts: Vec<String>,
    /// `resources`: URIs of resources, and the texts of their templates.
    pub resources: Vec<String>,
}

/// Reads the keys of one of `[[servers]]`.
pub(crate) fn read(table: &Reader<'_>) -> Filter {
    let patterns = |key: &'static str| {
        let Some(table) = table.table(key) else {
            return Patterns::default();
        };
        let texts = |key: &'static str| {
            let found = table.strings(key).unwrap_or_default();
            found.into_iter().map(|text| text.value).collect()
        };
        let read = Patterns {
            tools: texts("tools"),
            prompts: texts("prompts"),
            resources: texts("resources"),
        };
        table.finish();
        read
    };
    Filter {
        include: patterns("include"),
        exclude: patterns("exclude"),
    }
}

/// Writes them as `key = value` lines, where they are not the defaults.
pub(crate) fn write(out: &mut String, filter: &Filter) {
    for (key, patterns) in [("include", &filter.include), ("exclude", &filter.exclude)] {
        let lists = [
            ("tools", &patterns.tools),
            ("prompts", &patterns.prompts),
            ("resources", &patterns.resources),
        ];
        let some = lists.iter().filter(|(_, list)| !list.is_empty());
        let members: Vec<String> = some
            .map(|(kind, list)| format!("{kind} = {}", texts(list)))
            .collect();
        if !members.is_empty() {
            let _ = writeln!(out, "{key} = {{ {} }}", members.join(", "));
        }
    }
}
