//! Pages of the docs that are made of what they are about: a commented TOML file, or a command line.

mod command;
mod keys;

pub use command::of_command;
pub use keys::of_toml;

/// The first lines of a page: its title, and that nobody edits it. `source` is what it is made of.
fn head(title: &str, source: &str) -> String {
    format!(
        "<!-- Made of {source} by
     `UPDATE_GOLDENS=1 cargo test -p reference`: edit that, not this. -->\n\n# {title}\n"
    )
}

/// Lines that are no longer than those of the other pages; the second and later ones begin with `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if length > 0 && length + width >= WIDTH {
            wrapped.push('\n');
            wrapped.push_str(indent);
            length = indent.len();
        } else if length > 0 {
            wrapped.push(' ');
            length += 1;
        }
        wrapped.push_str(word);
        length += width;
    }
    wrapped
}

/// As the house rule has it, in characters.
const WIDTH: usize = 112;
