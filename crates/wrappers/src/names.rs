//! Names of strangers as names of files, flags and Python's identifiers.

use std::collections::HashSet;

/// A name for a file, of `[A-Za-z0-9._-]`, with no dot or hyphen at its beginning; two names may become one.
pub(crate) fn file(text: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name: String = text
        .chars()
        .map(|c| if kept(c) { c } else { '-' })
        .collect();
    let name: String = name
        .trim_start_matches(['.', '-'])
        .chars()
        .take(LONGEST_FILE)
        .collect();
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

/// The name of a skill, of `[a-z0-9-]`, at most 64 (agentskills.io).
pub(crate) fn skill(text: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let mut name = String::new();
    for character in text.chars().map(kept).take(64) {
        if character != '-' || !name.ends_with('-') {
            name.push(character);
        }
    }
    match name.trim_matches('-') {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}

/// A flag with its hyphens, of letters and digits of any script: `--repo-path` for `repo_path`.
pub(crate) fn flag(text: &str) -> String {
    let word: String = text
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let word = word.trim_matches('-');
    format!("--{}", if word.is_empty() { "argument" } else { word })
}

/// An identifier of Python, of `[A-Za-z0-9_]`, that is no keyword.
pub(crate) fn identifier(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    // two underscores at the beginning would be mangled inside a class
    let bare = name.trim_start_matches('_');
    if bare.is_empty() {
        return "argument".to_owned();
    }
    if bare.len() < name.len() {
        name = format!("_{bare}");
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

/// The name of a class: `GetCurrentTime` for `get_current_time`.
pub(crate) fn class(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let name: String = words.map(capitalised).collect();
    match name.chars().next() {
        None => "Unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("N{name}"),
        Some(_) if KEYWORDS.contains(&name.as_str()) => format!("{name}_"),
        Some(_) => name,
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Names of one place, no two of them the same.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// With these already taken.
    pub(crate) fn without(taken: &[&str]) -> Self {
        Self(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    /// The wanted name, or with a number behind it where it is taken.
    pub(crate) fn take(&mut self, wanted: &str, before_number: char) -> String {
        let mut name = wanted.to_owned();
        for number in 2.. {
            if self.0.insert(name.clone()) {
                break;
            }
            name = format!("{wanted}{before_number}{number}");
        }
        name
    }

    /// The names of all, in their order. Who has its name just so keeps it, whoever comes before it.
    pub(crate) fn take_all<'t>(
        &mut self,
        texts: impl Iterator<Item = &'t str> + Clone,
        name: fn(&str) -> String,
        before_number: char,
    ) -> Vec<String> {
        let is_own = |text: &str| name(text).trim_start_matches('-') == text;
        let mut names: Vec<Option<String>> = texts
            .clone()
            .map(|text| is_own(text).then(|| self.take(&name(text), before_number)))
            .collect();
        for (known, text) in names.iter_mut().zip(texts) {
            known.get_or_insert_with(|| self.take(&name(text), before_number));
        }
        names.into_iter().flatten().collect()
    }
}

/// The longest name of a file is 255 bytes (Linux's NAME_MAX); MCP allows 128 for a tool, and a prefix stands before it.
const LONGEST_FILE: usize = 200;

/// Python 3.14's keywords, the soft ones too, and the types that annotations name.
const KEYWORDS: [&str; 47] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield", "match", "case", "type", "self", "bool", "dict", "float", "int", "list",
    "object", "str", "t",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stays_in_its_folder() {
        for (text, name) in [
            ("time__now", "time__now"),
            ("../../etc/passwd", "etc-passwd"),
            ("-rf", "rf"),
            (".bashrc", "bashrc"),
            ("a b\n$(id)", "a-b---id-"),
            ("日本", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(file(text), name);
        }
        assert_eq!(file(&"x".repeat(999)).len(), LONGEST_FILE);
    }

    #[test]
    fn a_skill_has_small_letters_and_single_hyphens() {
        assert_eq!(skill("My  Server_2!"), "my-server-2");
        assert_eq!(
            (skill("../x").as_str(), skill("日本").as_str()),
            ("x", "unnamed")
        );
    }

    #[test]
    fn identifiers_are_identifiers() {
        for (text, name) in [
            ("repo_path", "repo_path"),
            ("class", "class_"),
            ("list", "list_"),
            ("2nd", "_2nd"),
            ("__init__", "_init__"),
            ("a-b c", "a_b_c"),
            ("größe", "gr__e"),
            ("日本", "argument"),
        ] {
            assert_eq!(identifier(text), name);
        }
        assert_eq!(
            (class("get_current-time").as_str(), class("none").as_str()),
            ("GetCurrentTime", "None_")
        );
        assert_eq!(
            (class("2d").as_str(), class("__").as_str()),
            ("N2d", "Unnamed")
        );
    }

    #[test]
    fn no_two_names_are_the_same_and_an_exact_one_is_kept() {
        let mut names = Names::without(&["--help"]);
        let flags = names.take_all(["a_b", "a-b", "help", "größe"].into_iter(), flag, '-');
        assert_eq!(flags, ["--a-b-2", "--a-b", "--help-2", "--größe"]);
        let mut names = Names::default();
        let all = names.take_all(["a b", "a-b", "a_b"].into_iter(), identifier, '_');
        assert_eq!(all, ["a_b_2", "a_b_3", "a_b"]);
    }
}
