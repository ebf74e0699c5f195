//! A commented TOML file as a page.

use std::fmt::Write as _;

/// A page of a manual in TOML: a section for each table, an item for each key with the prose above it. Keys that are commented out
/// are keys too; those without prose of their own share the item above. A blank line ends an item.
pub fn of_toml(title: &str, source: &str, text: &str) -> String {
    let mut page = Page {
        text: crate::head(title, source),
        prose: Vec::new(),
        keys: Vec::new(),
    };
    for line in text.lines() {
        page.line(line);
    }
    page.end_item();
    page.text
}

struct Page<'a> {
    text: String,
    /// What is said before the next key.
    prose: Vec<&'a str>,
    /// The keys of the item that is not written yet.
    keys: Vec<(&'a str, &'a str)>,
}

impl<'a> Page<'a> {
    fn line(&mut self, line: &'a str) {
        let comment = line.strip_prefix('#').map(str::trim_start);
        let bare = comment.unwrap_or(line);
        if bare.is_empty() {
            self.end_item();
        } else if bare.starts_with('[') && bare.ends_with(']') && !bare.contains(' ') {
            let prose = std::mem::take(&mut self.prose);
            self.end_item();
            let _ = write!(self.text, "\n## `{bare}`\n");
            self.say(&prose);
        } else if let Some(key) = key(bare) {
            self.keys.push(key);
        } else {
            if !self.keys.is_empty() {
                self.end_item();
            }
            self.prose.push(bare);
        }
    }

    fn end_item(&mut self) {
        let prose = std::mem::take(&mut self.prose);
        let keys = std::mem::take(&mut self.keys);
        if keys.is_empty() {
            self.say(&prose);
            return;
        }
        let keys: Vec<_> = keys
            .iter()
            .map(|(name, value)| format!("**`{name}`** = `{value}`"))
            .collect();
        let keys = crate::wrapped(&keys.join(", "), "  ");
        // Writing to a string does not fail.
        let _ = if prose.is_empty() {
            write!(self.text, "\n- {keys}\n")
        } else {
            write!(
                self.text,
                "\n- {keys}  \n  {}\n",
                crate::wrapped(&prose.join(" "), "  ")
            )
        };
    }

    fn say(&mut self, prose: &[&str]) {
        if !prose.is_empty() {
            let _ = write!(self.text, "\n{}\n", crate::wrapped(&prose.join(" "), ""));
        }
    }
}

/// `name = value`, as far as the name is one of the bare keys that our files have.
fn key(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(" = ")?;
    let is_bare = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_bare)).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_with_its_prose_below_its_table() {
        let toml = "# All of it.\n\n# A name.\nname = \"x\"\n\n# Where.\n[edge]\n# First line,\n# second.\n\
                    # off = 1\n# also = 2\n# Next.\non = true\n";
        let page = of_toml("T", "`t.toml`", toml);
        let (_, page) = page.split_once("# T\n").expect("a title");
        let expected = "\nAll of it.\n\n- **`name`** = `\"x\"`  \n  A name.\n\n## `[edge]`\n\nWhere.\n\n\
                        - **`off`** = `1`, **`also`** = `2`  \n  First line, second.\n\n- **`on`** = `true`  \n  Next.\n";
        assert_eq!(page, expected);
    }

    #[test]
    fn prose_with_an_equals_sign_is_prose() {
        assert_eq!(key("`off` = nothing"), None);
        assert_eq!(key("max 5 = five"), None);
    }
}
