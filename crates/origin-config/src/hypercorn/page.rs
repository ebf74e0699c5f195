//! The table as a page of the docs.

use std::fmt::Write as _;

use super::{Fate, SETTINGS, Setting, VERSION};
use crate::read::DEFAULTS;

/// What becomes of every setting, in Markdown.
pub fn page() -> String {
    let mut out = format!("{HEAD}{INTRODUCTION}");
    for (title, chosen) in SECTIONS {
        let _ = writeln!(out, "\n## {title}\n");
        out.push_str("| Hypercorn | its default | the origin | |\n|---|---|---|---|\n");
        for setting in SETTINGS.iter().filter(|setting| chosen(setting)) {
            let _ = writeln!(out, "{}", row(setting));
        }
    }
    out.replace("VERSION", VERSION)
}

fn row(setting: &Setting) -> String {
    let (here, words) = match setting.fate {
        Fate::Same(_) => (own(setting.name), ""),
        Fate::Differs { key, how, .. } => (own(key), how),
        Fate::Always { value, why } => (format!("always `{value}`"), why),
        Fate::Needless(why) | Fate::Refused(why) => (String::new(), why),
    };
    let default = match setting.default {
        "–" => "–".to_owned(),
        text => format!("`{text}`"),
    };
    let row = format!("| `{}` | {default} | {here} | {words} |", setting.name);
    row.replace("|  |", "| |").replace("|  |", "| |")
}

/// A key of the origin, with its default.
fn own(key: &str) -> String {
    let start = format!("{key} = ");
    let default = DEFAULTS.lines().find_map(|line| line.strip_prefix(&start));
    match default {
        Some(default) => format!("`{key}`: `{default}`"),
        None => format!("`{key}`"),
    }
}

type Chosen = fn(&Setting) -> bool;

const SECTIONS: [(&str, Chosen); 4] = [
    ("The same", |setting| matches!(setting.fate, Fate::Same(_))),
    ("With a difference", |setting| {
        matches!(setting.fate, Fate::Differs { .. })
    }),
    ("Nothing to choose, and nothing is lost", |setting| {
        matches!(setting.fate, Fate::Always { .. } | Fate::Needless(_))
    }),
    ("Not done", |setting| {
        matches!(setting.fate, Fate::Refused(_))
    }),
];

const HEAD: &str = "# Hypercorn's settings\n\n\
    <!-- written from the table by `UPDATE_GOLDENS=1 cargo test -p origin-config` -->\n\n";

const INTRODUCTION: &str = "\
The origin's TOML has Hypercorn's names where Hypercorn has the key. Here is every setting of Hypercorn VERSION;
a test holds the list against Hypercorn's own `Config`.

```sh
opsctl import hypercorn hypercorn.toml --out origin.toml
origin check --config origin.toml
```
The import writes what does the same, says what needs a look, and leaves nothing out without a word. Settings in
a Python file (`file:`, `python:`) are a program: write their values as TOML first. Times may stay numbers of
seconds, as Hypercorn has them, or become texts such as `\"75s\"`. What a file does not set has the origin's own
default afterwards, which stands beside Hypercorn's below.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the page is written only when a person asks for it"
    )]
    fn the_page_of_the_docs_is_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hypercorn.md");
        if std::env::var_os("UPDATE_GOLDENS").is_some() {
            std::fs::write(&path, page()).expect("a page of our own");
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            there,
            page(),
            "UPDATE_GOLDENS=1 cargo test -p origin-config"
        );
    }

    #[test]
    fn a_setting_stands_once_in_order_and_its_counterpart_is_a_key() {
        assert!(SETTINGS.is_sorted_by(|a, b| a.name < b.name));
        for (key, _) in SETTINGS.iter().filter_map(Setting::counterpart) {
            let line = format!("\n{key} = ");
            assert!(DEFAULTS.contains(&line), "{key} is no key of the origin");
        }
    }
}
