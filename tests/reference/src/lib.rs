//! Pages of the docs that are made of what they are about: a commented TOML file, or a command line.

mod command;
mod keys;

pub use command::of_command;
pub use keys::of_toml;

/// The first lines of a page: its title, and that nobody edits it. `source` is what it is made of.
fn head(title: &str, source: &str) -> String {
    format!(
        "<!-- Made of {source} by `UPDATE_GOLDENS=1 cargo test -p reference`: edit that, not this. -->\n\n# {title}\n"
    )
}
