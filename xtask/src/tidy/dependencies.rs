//! The dependencies that the project was founded on do real work, and the pure crates have none that do I/O.

use super::walls::PURE;
use super::{Place, Tree};

/// Each is a dependency of some package and used in that package's sources.
const FOUNDING: [&str; 11] = [
    "clap",
    "h3",
    "h3-quinn",
    "hyper",
    "quinn",
    "rustls",
    "rustls-pemfile",
    "tera",
    "tokio",
    "toml",
    "tracing",
];

/// No dependency of a pure crate; they may be there for tests.
const IMPURE: [&str; 10] = [
    "getrandom",
    "hyper",
    "hyper-util",
    "jiff",
    "quinn",
    "rustix",
    "socket2",
    "tempfile",
    "tokio",
    "tokio-util",
];

pub(super) fn used(tree: &Tree) -> Vec<Place> {
    FOUNDING
        .iter()
        .filter(|name| {
            !packages(tree)
                .any(|(folder, manifest)| needs(manifest, name) && mentions(tree, folder, name))
        })
        .map(|name| {
            Place::whole(
                "Cargo.toml",
                format!("no package depends on `{name}` and uses it"),
            )
        })
        .collect()
}

pub(super) fn pure(tree: &Tree) -> Vec<Place> {
    let mut places = Vec::new();
    for (folder, manifest) in packages(tree).filter(|(folder, _)| PURE.contains(folder)) {
        for name in IMPURE.iter().filter(|name| needs(manifest, name)) {
            places.push(Place::whole(
                format!("{folder}/Cargo.toml"),
                format!("`{name}` in a crate that does no I/O"),
            ));
        }
    }
    places
}

/// Each package's folder and manifest.
fn packages(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    tree.ending("/Cargo.toml")
        .map(|(path, text)| (path.trim_end_matches("/Cargo.toml"), text))
}

fn needs(manifest: &str, name: &str) -> bool {
    manifest
        .parse::<toml::Table>()
        .ok()
        .and_then(|manifest| manifest.get("dependencies")?.as_table()?.get(name).cloned())
        .is_some()
}

fn mentions(tree: &Tree, folder: &str, name: &str) -> bool {
    let krate = name.replace('-', "_");
    let uses = [
        format!("{krate}::"),
        format!("use {krate};"),
        format!("use {krate} as"),
    ];
    tree.product()
        .filter(|(path, _)| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with("/src/"))
        })
        .any(|(_, text)| uses.iter().any(|word| text.contains(word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\n[dependencies]\ntera.workspace = true\n";

    #[test]
    fn a_dependency_that_nothing_uses_is_found() {
        let unused = tree(&[("a/Cargo.toml", MANIFEST), ("a/src/lib.rs", "")]);
        let with_use = tree(&[
            ("a/Cargo.toml", MANIFEST),
            ("a/src/lib.rs", "use tera::Tera;\n"),
        ]);
        assert_eq!(used(&unused).len(), FOUNDING.len());
        assert_eq!(used(&with_use).len(), FOUNDING.len() - 1);
    }

    #[test]
    fn a_runtime_in_a_pure_crate_is_found_and_one_for_its_tests_is_fine() {
        let bad = "[dependencies]\ntokio = \"1\"\n";
        let fine = "[dev-dependencies]\ntokio = \"1\"\n";
        assert_eq!(pure(&tree(&[("crates/mcp/Cargo.toml", bad)])).len(), 1);
        assert!(pure(&tree(&[("crates/mcp/Cargo.toml", fine)])).is_empty());
        assert!(pure(&tree(&[("origin/Cargo.toml", bad)])).is_empty());
    }
}
