//! House rules that a program can check: the walls between the crates, and habits that no lint knows.
//!
//! A rule is a function from the tree to the places that break it, so that each is tested on made-up input.

mod dependencies;
mod documents;
mod habits;
mod walls;

use std::path::Path;
use std::process::Command;
use std::{fmt, fs};

use crate::failure::Failure;
use crate::{process, talk};

/// Every rule, by the name that a report shows.
const RULES: &[Rule] = &[
    Rule {
        name: "file-length",
        check: habits::file_length,
    },
    Rule {
        name: "unfinished",
        check: habits::unfinished,
    },
    Rule {
        name: "bare-allow",
        check: habits::bare_allow,
    },
    Rule {
        name: "bare-ignore",
        check: habits::bare_ignore,
    },
    Rule {
        name: "machine-paths",
        check: habits::machine_paths,
    },
    Rule {
        name: "pure-crates",
        check: walls::pure_crates,
    },
    Rule {
        name: "mcp-methods",
        check: walls::mcp_methods,
    },
    Rule {
        name: "topology",
        check: walls::topology,
    },
    Rule {
        name: "http-version",
        check: walls::http_version,
    },
    Rule {
        name: "pem-file",
        check: walls::pem_file,
    },
    Rule {
        name: "links",
        check: documents::links,
    },
    Rule {
        name: "wide-lines",
        check: documents::wide_lines,
    },
    Rule {
        name: "documents",
        check: documents::present,
    },
    Rule {
        name: "rust-version",
        check: documents::rust_version,
    },
    Rule {
        name: "ci",
        check: documents::ci,
    },
    Rule {
        name: "dependencies",
        check: dependencies::used,
    },
    Rule {
        name: "pure-manifests",
        check: dependencies::pure,
    },
];

/// The tests of the rules show the very words that the rules forbid.
const OWN_SOURCES: &str = "xtask/src/tidy";

struct Rule {
    name: &'static str,
    check: fn(&Tree) -> Vec<Place>,
}

/// A place that breaks a rule: the file, the line (from 1; 0 for the file as a whole) and what is wrong.
#[derive(Debug, Eq, PartialEq)]
struct Place {
    path: String,
    line: usize,
    message: String,
}

impl Place {
    fn whole(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: 0,
            message: message.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The files of the repository: path from the root with `/`, and text.
#[derive(Debug, Default)]
struct Tree {
    files: Vec<(String, String)>,
}

impl Tree {
    /// What git tracks or would track. A file that is not text is there with no text.
    fn read(root: &Path) -> Result<Self, Failure> {
        let mut list = Command::new("git");
        list.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let listed = process::stdout(list.current_dir(root))?;
        let files = listed
            .split_terminator('\0')
            // listed and deleted, not yet committed
            .filter(|path| root.join(path).is_file())
            .map(|path| {
                (
                    path.to_owned(),
                    fs::read_to_string(root.join(path)).unwrap_or_default(),
                )
            })
            .collect();
        Ok(Self { files })
    }

    fn has(&self, path: &str) -> bool {
        self.files.iter().any(|(name, _)| name == path)
    }

    fn text(&self, path: &str) -> Option<&str> {
        let found = self.files.iter().find(|(name, _)| name == path);
        found.map(|(_, text)| text.as_str())
    }

    fn folder(&self, path: &str) -> bool {
        self.files.iter().any(|(name, _)| {
            name.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// The files with this ending, less the sources of the rules themselves.
    fn ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.ends_with(ending) && !path.starts_with(OWN_SOURCES))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Rust that ends up in a program: no test file, no bench, and of each file what is before its test module.
    fn product(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending(".rs")
            .filter(|(path, _)| {
                let test = |part: &str| {
                    matches!(part, "tests" | "tests.rs" | "bench" | "benches")
                        || part.ends_with("_tests.rs")
                };
                !path.split('/').any(test)
            })
            .map(|(path, text)| (path, before_tests(text)))
    }
}

fn before_tests(text: &str) -> &str {
    text.match_indices("#[cfg(test)]\nmod ")
        .find(|(at, _)| {
            text[*at..]
                .lines()
                .nth(1)
                .is_some_and(|line| line.ends_with('{'))
        })
        .map_or(text, |(at, _)| &text[..at])
}

/// The places in `text` where `broken` says what is wrong with a line; comments are not looked at.
fn lines(path: &str, text: &str, broken: impl Fn(&str) -> Option<String>) -> Vec<Place> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| {
            Some(Place {
                path: path.to_owned(),
                line: index + 1,
                message: broken(line)?,
            })
        })
        .collect()
}

/// What the rules found.
#[derive(Debug)]
pub(crate) struct Report {
    rules: Vec<(&'static str, Vec<Place>)>,
}

impl Report {
    /// How many rules are kept.
    pub(crate) fn kept(&self) -> u32 {
        self.count(Vec::is_empty)
    }

    /// How many rules are broken, at however many places.
    pub(crate) fn broken(&self) -> u32 {
        self.count(|places| !places.is_empty())
    }

    /// Names every place on stderr.
    pub(crate) fn show(&self) {
        for (rule, places) in &self.rules {
            for place in places {
                talk::progress(format_args!("{rule}: {place}"));
            }
        }
    }

    fn count(&self, which: impl Fn(&Vec<Place>) -> bool) -> u32 {
        let count = self
            .rules
            .iter()
            .filter(|(_, places)| which(places))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Checks every rule on the repository at `root`.
pub(crate) fn check(root: &Path) -> Result<Report, Failure> {
    let tree = Tree::read(root)?;
    let rules = RULES
        .iter()
        .map(|rule| (rule.name, (rule.check)(&tree)))
        .collect();
    Ok(Report { rules })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of made-up files.
    pub(super) fn tree(files: &[(&str, &str)]) -> Tree {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Tree {
            files: files.iter().map(own).collect(),
        }
    }

    #[test]
    fn a_test_module_is_not_product_and_a_declared_one_hides_nothing() {
        let inline = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let declared = "#[cfg(test)]\nmod tests;\nfn a() {}\n";
        assert_eq!(before_tests(inline), "fn a() {}\n");
        assert_eq!(before_tests(declared), declared);
    }

    #[test]
    fn files_of_tests_are_not_product() {
        let tree = tree(&[
            ("a/src/lib.rs", ""),
            ("a/tests/it/main.rs", ""),
            ("a/src/x/tests.rs", ""),
            ("a/src/x_tests.rs", ""),
        ]);
        let product: Vec<&str> = tree.product().map(|(path, _)| path).collect();
        assert_eq!(product, ["a/src/lib.rs"]);
    }

    #[test]
    fn a_place_is_shown_as_an_editor_reads_it() {
        let places = lines("a.rs", "// bad\nbad\n", |line| {
            line.contains("bad").then(|| "is bad".to_owned())
        });
        let shown: Vec<String> = places.iter().map(Place::to_string).collect();
        assert_eq!(shown, ["a.rs:2: is bad"]);
    }
}
