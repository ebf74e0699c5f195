//! Habits of writing.

use super::{Place, Tree, lines};

/// No file of code is longer, tests counted.
const LONGEST: usize = 600;

pub(super) fn file_length(tree: &Tree) -> Vec<Place> {
    let code = [".rs", ".tera", ".py", ".sh"];
    code.iter()
        .flat_map(|ending| tree.ending(ending))
        .filter_map(|(path, text)| {
            let length = text.lines().count();
            (length > LONGEST)
                .then(|| Place::whole(path, format!("{length} lines, more than {LONGEST}")))
        })
        .collect()
}

/// Marks of unfinished work, also in comments.
pub(super) fn unfinished(tree: &Tree) -> Vec<Place> {
    const MARKS: [&str; 5] = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
    let files = [".rs", ".tera", ".md", ".toml"];
    let mut places = Vec::new();
    for (path, text) in files.iter().flat_map(|ending| tree.ending(ending)) {
        for (index, line) in text.lines().enumerate() {
            if let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) {
                places.push(Place {
                    path: path.to_owned(),
                    line: index + 1,
                    message: format!("`{mark}`: finish it, or say in prose what does not exist"),
                });
            }
        }
    }
    places
}

pub(super) fn bare_allow(tree: &Tree) -> Vec<Place> {
    each_line(tree, |line| {
        let start = line.trim_start();
        (start.starts_with("#[allow(") || start.starts_with("#![allow("))
            .then(|| "`allow`: write `#[expect(lint, reason = \"…\")]`".to_owned())
    })
}

pub(super) fn bare_ignore(tree: &Tree) -> Vec<Place> {
    each_line(tree, |line| {
        (line.trim() == "#[ignore]")
            .then(|| "an ignored test says why: `#[ignore = \"…\"]`".to_owned())
    })
}

fn each_line(tree: &Tree, broken: impl Fn(&str) -> Option<String>) -> Vec<Place> {
    tree.ending(".rs")
        .flat_map(|(path, text)| lines(path, text, &broken))
        .collect()
}

/// Paths of one developer's machine; a lock file or a requirements file has none of ours.
pub(super) fn machine_paths(tree: &Tree) -> Vec<Place> {
    let mut places = Vec::new();
    for (path, text) in tree
        .ending("")
        .filter(|(path, _)| !path.ends_with("Cargo.lock"))
    {
        for (index, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                places.push(Place {
                    path: path.to_owned(),
                    line: index + 1,
                    message: format!("`{found}` is a path of one machine"),
                });
            }
        }
    }
    places
}

fn machine_path(line: &str) -> Option<&str> {
    // the end of a longer path such as `files/work/` is not one
    let starts = |at: usize| {
        !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "._-}*/)".contains(c))
    };
    ["/root/", "/work/", "/home/", "/Users/"]
        .into_iter()
        .find_map(|folder| {
            line.match_indices(folder).find_map(|(at, _)| {
                let end = at + folder.len();
                // a folder of nobody in particular: `/home/*`, `/home/$USER`, `/home/ALICE`
                let named = line[end..].starts_with(|c: char| c.is_ascii_lowercase() || c == '.');
                (starts(at) && named).then(|| &line[at..end])
            })
        })
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn a_file_of_601_lines_is_too_long() {
        let long = "x\n".repeat(601);
        assert_eq!(file_length(&tree(&[("a.rs", &long)])).len(), 1);
        assert!(file_length(&tree(&[("a.rs", &long[2..]), ("a.md", &long)])).is_empty());
    }

    #[test]
    fn unfinished_work_is_found_in_comments_too() {
        let tree = tree(&[("a.rs", "// TODO later\ntodo!()\n"), ("b.txt", "TODO")]);
        let found: Vec<usize> = unfinished(&tree).iter().map(|place| place.line).collect();
        assert_eq!(found, [1, 2]);
    }

    #[test]
    fn an_allow_is_found_and_an_expect_is_fine() {
        let text =
            "    #[allow(dead_code)]\n#![allow(unused)]\n#[expect(dead_code, reason = \"x\")]\n";
        assert_eq!(bare_allow(&tree(&[("a.rs", text)])).len(), 2);
    }

    #[test]
    fn an_ignored_test_without_a_reason_is_found() {
        let text = "#[ignore]\n#[ignore = \"needs a root\"]\n";
        assert_eq!(bare_ignore(&tree(&[("a.rs", text)])).len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found_anywhere() {
        let text = "see /home/alice/x\nfiles/work/x\n/srv/root/x\n/home/*/x\n";
        let places = machine_paths(&tree(&[("a.md", text), ("Cargo.lock", "/root/x")]));
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!(places[0].line, 1);
    }
}
