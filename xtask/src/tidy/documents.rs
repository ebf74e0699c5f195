//! The documents: there, and their links lead somewhere.

use super::{Place, Tree};

/// What two pages side by side show without a break.
const WIDEST: usize = 120;

const REQUIRED: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "RUNBOOK.md",
    "SECURITY.md",
    "docs/decisions/README.md",
];

pub(super) fn present(tree: &Tree) -> Vec<Place> {
    REQUIRED
        .iter()
        .filter(|path| !tree.has(path))
        .map(|path| Place::whole(*path, "is not there"))
        .collect()
}

/// The README asks for the Rust that the manifest asks for.
pub(super) fn rust_version(tree: &Tree) -> Vec<Place> {
    let manifest = tree.text("Cargo.toml").unwrap_or_default();
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let said = version.map(|version| format!("Rust {} or later", version.trim_matches('"')));
    let readme = tree.text("README.md").unwrap_or_default();
    match said {
        Some(said) if readme.contains(&said) => Vec::new(),
        Some(said) => vec![Place::whole("README.md", format!("does not say `{said}`"))],
        None => vec![Place::whole("Cargo.toml", "has no `rust-version`")],
    }
}

/// `.ci/run` is `cargo xtask test` and nothing else: what CI runs, everyone can run.
pub(super) fn ci(tree: &Tree) -> Vec<Place> {
    const PATH: &str = ".ci/run";
    let text = tree.text(PATH).unwrap_or_default();
    let steps: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let wanted = [
        "set -euo pipefail",
        "cd \"$(dirname \"$0\")/..\"",
        "exec cargo xtask test",
    ];
    if steps == wanted {
        Vec::new()
    } else {
        vec![Place::whole(
            PATH,
            "does more or less than `exec cargo xtask test`",
        )]
    }
}

/// Relative links of every Markdown page lead to a file or folder of the tree.
pub(super) fn links(tree: &Tree) -> Vec<Place> {
    let mut places = Vec::new();
    for (path, text) in tree.ending(".md") {
        for (index, line) in text.lines().enumerate() {
            for target in targets(line) {
                let file = join(path, target);
                if !tree.has(&file) && !tree.folder(&file) {
                    places.push(Place {
                        path: path.to_owned(),
                        line: index + 1,
                        message: format!("links to `{target}`, which is not there"),
                    });
                }
            }
        }
    }
    places
}

/// Prose is read in columns: a line of a user's page, outside code and tables, is at most `WIDEST` characters.
pub(super) fn wide_lines(tree: &Tree) -> Vec<Place> {
    let mut places = Vec::new();
    let pages = tree
        .ending(".md")
        .filter(|(path, _)| path.starts_with("docs/") || !path.contains('/'));
    for (path, text) in pages {
        let mut code = false;
        for (index, line) in text.lines().enumerate() {
            let fence = line.trim_start().starts_with("```");
            code ^= fence;
            let wide = line.chars().count() > WIDEST;
            if wide && !code && !fence && !line.starts_with('|') {
                places.push(Place {
                    path: path.to_owned(),
                    line: index + 1,
                    message: format!("is longer than {WIDEST} characters"),
                });
            }
        }
    }
    places
}

/// The relative targets of the inline links in a line, less their fragments.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let rest = &line[at + 2..];
        let target = rest[..rest.find(')')?].split('#').next()?;
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

/// A target as a path from the root of the tree.
fn join(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn a_document_that_is_missing_is_named() {
        let places = present(&tree(&[("README.md", "")]));
        assert_eq!(places.len(), REQUIRED.len() - 1);
        assert!(places.iter().all(|place| place.path != "README.md"));
    }

    #[test]
    fn a_link_to_nothing_is_found_from_the_page_that_has_it() {
        let page = "[a](../README.md#top) [b](gone.md) [c](https://example.com) [d](../docs)\n";
        let places = links(&tree(&[("README.md", ""), ("docs/a.md", page)]));
        assert_eq!(places.len(), 1, "{places:?}");
        assert!(places[0].message.contains("`gone.md`"));
    }

    #[test]
    fn a_wide_line_is_found_in_prose_and_not_in_code_or_tables() {
        let wide = "x".repeat(WIDEST + 1);
        let page = format!(
            "{wide}\n```sh\n{wide}\n```\n| {wide} |\n{}\n",
            "ü".repeat(WIDEST)
        );
        let places = wide_lines(&tree(&[("a.md", &page)]));
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!(places[0].line, 1);
    }

    #[test]
    fn a_readme_that_asks_for_another_rust_is_found() {
        let pages = |readme| {
            let manifest = "[workspace.package]\nrust-version = \"1.95\"\n";
            tree(&[("Cargo.toml", manifest), ("README.md", readme)])
        };
        assert!(rust_version(&pages("Rust 1.95 or later")).is_empty());
        assert_eq!(rust_version(&pages("Rust 1.9 or later")).len(), 1);
        assert_eq!(rust_version(&tree(&[])).len(), 1);
    }

    #[test]
    fn ci_that_does_something_of_its_own_is_found() {
        let good = "#!/usr/bin/env bash\nset -euo pipefail\ncd \"$(dirname \"$0\")/..\"\nexec cargo xtask test\n";
        assert!(ci(&tree(&[(".ci/run", good)])).is_empty());
        assert_eq!(
            ci(&tree(&[(".ci/run", &format!("{good}rm -r x\n"))])).len(),
            1
        );
        assert_eq!(ci(&tree(&[])).len(), 1);
    }
}
