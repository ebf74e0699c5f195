//! The head of a rendered file names the generation that last changed the file. It is no part of what the file says: a
//! new generation alone changes no file, and gives no conflict.

/// Whether two texts are the same but for the generation that their heads name.
pub fn is_same(one: &str, two: &str) -> bool {
    one == two || masked(one) == masked(two)
}

/// The text with a generation of zeros in its head.
pub(super) fn masked(text: &str) -> String {
    match place(text) {
        Some(at) => [&text[..at], NONE, &text[at + NONE.len()..]].concat(),
        None => text.to_owned(),
    }
}

/// The text with the generation of another one's head.
pub(super) fn with_generation_of(text: &str, other: &str) -> String {
    match (place(text), place(other)) {
        (Some(at), Some(from)) => {
            let generation = &other[from..from + NONE.len()];
            [&text[..at], generation, &text[at + NONE.len()..]].concat()
        }
        _ => text.to_owned(),
    }
}

/// Where the generation stands: in the comment that a rendered file begins with.
fn place(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text
        .split_inclusive('\n')
        .take_while(|line| line.starts_with('#'))
    {
        if let Some(word) = line.find(WORD).filter(|_| line.contains(BY)) {
            let at = start + word + WORD.len();
            let digits = text[at..].bytes().take_while(u8::is_ascii_hexdigit).count();
            return (digits == NONE.len()).then_some(at);
        }
        start += line.len();
    }
    None
}

const BY: &str = "Rendered by opsctl from ";
const WORD: &str = " generation ";
/// As many digits as a generation has.
const NONE: &str = "0000000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(generation: &str, rest: &str) -> String {
        format!("# What.\n# Rendered by opsctl from x, generation {generation}, for y\n{rest}")
    }

    #[test]
    fn a_generation_alone_is_no_change() {
        let (old, new) = ("0123456789abcdef", "fedcba9876543210");
        assert!(is_same(&text(old, "a;"), &text(new, "a;")));
        assert!(!is_same(&text(old, "a;"), &text(new, "b;")));
        assert!(!is_same("a;", &text(new, "a;")));
        assert!(!is_same(&text(old, "a;"), &text("short", "a;")));
    }

    #[test]
    fn only_the_head_is_looked_at() {
        let line = |generation: &str| {
            format!("a;\n# Rendered by opsctl from x, generation {generation}\n")
        };
        assert!(!is_same(
            &line("0123456789abcdef"),
            &line("fedcba9876543210")
        ));
    }

    #[test]
    fn a_merged_text_takes_the_new_generation() {
        let (old, new) = ("0123456789abcdef", "fedcba9876543210");
        let merged = masked(&text(old, "hand;"));
        assert_eq!(
            with_generation_of(&merged, &text(new, "")),
            text(new, "hand;")
        );
    }
}
