//! Texts of strangers as literals of a language. What is returned can be printed anywhere where that language takes a value.

use std::fmt::Write as _;
use std::io::{Result, Write};

/// A word for bash. No NUL may be in it: bash has no word with one.
pub(crate) fn bash(text: &str) -> String {
    if text.chars().all(is_harmless) {
        return format!("'{text}'");
    }
    let mut word = String::from("$'");
    for character in text.chars() {
        if is_harmless(character) {
            word.push(character);
            continue;
        }
        // bytes, since bash's own `\u` depends on the locale
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(word, "\\x{byte:02x}");
            // exactly two digits belong to `\x`: bash reads no third
        }
    }
    word.push('\'');
    word
}

/// A text for Python.
pub(crate) fn python(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        let _ = match character {
            '"' | '\\' => write!(literal, "\\{character}"),
            '\n' => write!(literal, "\\n"),
            _ if is_shown(character) => write!(literal, "{character}"),
            _ if u32::from(character) > 0xffff => {
                write!(literal, "\\U{:08x}", u32::from(character))
            }
            _ => write!(literal, "\\u{:04x}", u32::from(character)),
        };
    }
    literal.push('"');
    literal
}

/// For tera: data in a bash template.
pub(crate) fn escape_bash(text: &str, out: &mut dyn Write) -> Result<()> {
    out.write_all(bash(text).as_bytes())
}

/// For tera: data in a Python template.
pub(crate) fn escape_python(text: &str, out: &mut dyn Write) -> Result<()> {
    out.write_all(python(text).as_bytes())
}

/// For tera: data in a Markdown template, a line of plain text.
pub(crate) fn escape_markdown(text: &str, out: &mut dyn Write) -> Result<()> {
    let mut escaped = String::new();
    for character in text
        .chars()
        .map(|c| if c == '\n' { ' ' } else { c })
        .filter(|c| is_shown(*c))
    {
        // those of CommonMark's that mean something within a line or a table
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    out.write_all(escaped.as_bytes())
}

/// A text as lines that can be shown to a person and stand in a comment: no control, no change of direction.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let text = text.trim().replace('\t', "    ");
    let shown = |line: &str| line.chars().filter(|c| is_shown(*c)).collect::<String>();
    text.split(['\n', '\r'])
        .map(|line| shown(line).trim_end().to_owned())
        .collect()
}

/// The first line that says something.
pub(crate) fn summary(text: &str) -> String {
    let first = lines(text).into_iter().find(|line| !line.is_empty());
    let first = first.unwrap_or_default();
    if first.chars().count() <= LONGEST_SUMMARY {
        return first;
    }
    first.chars().take(LONGEST_SUMMARY).chain(['…']).collect()
}

/// Whether a person sees it as what it is: no control character, and none of those that turn the direction of the text or
/// take no room (Unicode's `Bidi_Control`, separators, and the byte order mark).
pub(crate) fn is_shown(character: char) -> bool {
    let hidden = matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !character.is_control() && !hidden
}

/// Whether it means nothing to bash in single quotes, and looks like no quote of another alphabet.
fn is_harmless(character: char) -> bool {
    is_shown(character) && !matches!(character, '\'' | '\\' | '`' | '$' | '\u{2018}'..='\u{201f}')
}

/// A line of a terminal with a name before it.
const LONGEST_SUMMARY: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_words_hold_anything_but_nul() {
        for (text, word) in [
            ("", "''"),
            ("a b \"c\"; {{ d }}", "'a b \"c\"; {{ d }}'"),
            ("it's", r"$'it\x27s'"),
            ("$(id)\n`id`\\", r"$'\x24(id)\x0a\x60id\x60\x5c'"),
            ("größe 日本", "'größe 日本'"),
            ("\u{202e}‘", r"$'\xe2\x80\xae\xe2\x80\x98'"),
        ] {
            assert_eq!(bash(text), word);
        }
    }

    #[test]
    fn python_texts_hold_anything() {
        for (text, literal) in [
            ("", r#""""#),
            (r#"""; import os"#, r#""\"\"; import os""#),
            ("a\\\n\r\0", r#""a\\\n\u000d\u0000""#),
            ("größe \u{202e}\u{e0001}", r#""größe \u202e\U000e0001""#),
        ] {
            assert_eq!(python(text), literal);
        }
    }

    #[test]
    fn markdown_is_a_line_of_plain_text() {
        let mut out = Vec::new();
        escape_markdown("a\n# <b> | `x` [y](z)\u{202e}", &mut out).expect("written");
        assert_eq!(
            String::from_utf8_lossy(&out),
            r"a \# \<b\> \| \`x\` \[y\](z)"
        );
    }

    #[test]
    fn what_is_shown_has_no_hidden_characters() {
        assert_eq!(
            lines(" a\u{1b}[31m\r\nb\t\u{202e}c \n"),
            ["a[31m", "", "b    c"]
        );
        assert_eq!(summary("\n\n  first \nsecond"), "first");
        assert_eq!(
            summary(&"x".repeat(500)).chars().count(),
            LONGEST_SUMMARY + 1
        );
    }
}
