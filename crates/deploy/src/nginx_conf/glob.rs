//! The patterns of `include`, as glob(3) reads them.

use super::config::Files;

/// Whether a path is a pattern; NGINX asks for the same three characters.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// The paths that a pattern matches, sorted by name.
pub(super) fn expand(pattern: &str, files: &dyn Files) -> Vec<String> {
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let mut found = vec![root.to_owned()];
    for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
        let mut next = Vec::new();
        for folder in found {
            let join = |name: &str| match folder.as_str() {
                "" => name.to_owned(),
                "/" => format!("/{name}"),
                _ => format!("{folder}/{name}"),
            };
            if is_pattern(segment) {
                let mut names = files.list(if folder.is_empty() { "." } else { &folder });
                names.retain(|name| matches(segment, name));
                names.sort();
                next.extend(names.iter().map(|name| join(name)));
            } else {
                next.push(join(segment));
            }
        }
        found = next;
    }
    found
}

/// Whether a name matches one segment of a pattern. A dot at the start of a name is matched by a dot alone.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    if name.first() == Some(&'.') && pattern.first() != Some(&'.') {
        return false;
    }
    // the place behind the last `*`, and how much of the name that `*` has taken: going back there is enough
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match one(&pattern, p, name[n]) {
            One::Star => {
                star = Some((p + 1, n));
                p += 1;
            }
            One::Yes(next) => {
                p = next;
                n += 1;
            }
            One::No => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    p = behind;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|character| *character == '*')
}

enum One {
    Star,
    /// It matches; the pattern goes on here.
    Yes(usize),
    No,
}

fn one(pattern: &[char], at: usize, character: char) -> One {
    match pattern.get(at) {
        Some('*') => One::Star,
        Some('?') => One::Yes(at + 1),
        Some('[') => set(pattern, at, character),
        Some('\\') if pattern.get(at + 1) == Some(&character) => One::Yes(at + 2),
        Some(own) if *own == character => One::Yes(at + 1),
        _ => One::No,
    }
}

/// `[abc]`, `[a-z]`, `[!a]`; without its `]` the bracket is a plain character.
fn set(pattern: &[char], at: usize, character: char) -> One {
    let negated = matches!(pattern.get(at + 1), Some('!' | '^'));
    let first = at + 1 + usize::from(negated);
    let Some(close) = (first + 1..pattern.len()).find(|index| pattern[*index] == ']') else {
        return if character == '[' {
            One::Yes(at + 1)
        } else {
            One::No
        };
    };
    let inside = &pattern[first..close];
    let mut index = 0;
    let mut is_in = false;
    while index < inside.len() {
        if inside.get(index + 1) == Some(&'-') && index + 2 < inside.len() {
            is_in |= (inside[index]..=inside[index + 2]).contains(&character);
            index += 3;
        } else {
            is_in |= inside[index] == character;
            index += 1;
        }
    }
    if is_in == negated {
        One::No
    } else {
        One::Yes(close + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_glob_3() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".a.conf", false),
            ("*.conf", "a.conf.bak", false),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbX", false),
            ("[0-9]?-*", "50-x", true),
            ("[!a]*", "ab", false),
            ("[!a]*", "ba", true),
            ("*", "", true),
            ("[", "[", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_with_many_stars_ends_soon() {
        let name = "a".repeat(200);
        assert!(!matches(
            &"*a".repeat(60).replace("**", "*"),
            &format!("{name}b")
        ));
    }
}
