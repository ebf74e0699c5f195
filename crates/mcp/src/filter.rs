//! What of a server is offered, by patterns on its own names.

use crate::offers::Kind;
use crate::raw::Object;

/// Patterns for each kind of thing. Empty: everything passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// For the names of tools.
    pub tools: Rule,
    /// For the names of prompts.
    pub prompts: Rule,
    /// For the URIs of resources and the texts of their templates.
    pub resources: Rule,
}

/// Patterns, in which `*` stands for any characters and `?` for one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// One of these must match, unless there is none.
    pub include: Vec<String>,
    /// None of these may.
    pub exclude: Vec<String>,
}

impl Filter {
    /// Whether something of that name passes.
    pub fn passes(&self, kind: Kind, name: &str) -> bool {
        match kind {
            Kind::Tools => self.tools.passes(name),
            Kind::Prompts => self.prompts.passes(name),
            Kind::Resources | Kind::Templates => self.resources.passes(name),
        }
    }

    /// The same for an item of a list; one without a name is no business of a filter.
    pub(crate) fn passes_item(&self, kind: Kind, item: &str) -> bool {
        let key = match kind {
            Kind::Tools | Kind::Prompts => "name",
            Kind::Resources => "uri",
            Kind::Templates => "uriTemplate",
        };
        let object = Object::read(item);
        let name = object.as_ref().and_then(|object| object.find(key)?.text());
        name.is_none_or(|name| self.passes(kind, &name))
    }
}

impl Rule {
    fn passes(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Whether a pattern stands for the whole of `name`. The last `*` alone is tried again, so the time is at most that of both
/// lengths multiplied.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(sign) if *sign == '?' || *sign == name[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((again, from)) = star else {
                    return false;
                };
                star = Some((again, from + 1));
                (at, read) = (again + 1, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_whole_names() {
        for (pattern, name, expected) in [
            ("git_*", "git_log", true),
            ("git_*", "agit_log", false),
            ("*_log", "git_log", true),
            ("g?t", "git", true),
            ("g?t", "gt", false),
            ("*a*b*", "xaxxbx", true),
            ("*a*b*", "xbxxax", false),
            ("*", "", true),
            ("", "x", false),
            ("file:///*", "file:///ö", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_name_costs_little() {
        let pattern = "*a".repeat(50) + "b";
        assert!(!matches(&pattern, &"a".repeat(10_000)));
    }

    #[test]
    fn what_is_excluded_is_out_whatever_includes_it() {
        let rule = Rule {
            include: vec!["a*".into()],
            exclude: vec!["*z".into()],
        };
        let passing: Vec<bool> = ["a", "az", "b"].map(|name| rule.passes(name)).into();
        assert_eq!(passing, [true, false, false]);
        assert!(Rule::default().passes("anything"));
    }
}
