//! The committed pages are what their sources say now. `UPDATE_GOLDENS=1` writes them.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use reference::{of_command, of_toml};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a page of the docs, when it is asked for"
)]
fn holds(page: &str, text: &str) {
    let path = root().join("docs/reference").join(page);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, text).expect("a writable checkout");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "docs/reference/{page} is not what its source says: UPDATE_GOLDENS=1 cargo test -p reference"
    );
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a committed file")
}

#[test]
fn the_keys_of_the_spec() {
    let text = read("specs/full.toml");
    holds(
        "deploy-toml.md",
        &of_toml("`deploy.toml`", "`specs/full.toml`", &text),
    );
}

#[test]
fn the_keys_of_the_origin() {
    let source = "crates/origin-config/src/defaults.toml";
    let page = of_toml("`origin.toml`", &format!("`{source}`"), &read(source));
    holds("origin-toml.md", &page);
}

#[test]
fn the_commands_of_opsctl() {
    let page = of_command("`opsctl --help`", opsctl::cli::Cli::command());
    holds("opsctl.md", &page);
}

#[test]
fn the_commands_of_the_origin() {
    let page = of_command("`origin --help`", origin::cli::Cli::command());
    holds("origin.md", &page);
}
