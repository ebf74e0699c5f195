//! What is made of a catalog that has a bit of everything, kept as whole files.
#![expect(clippy::disallowed_methods, reason = "goldens are updated in place")]

use std::fs;
use std::path::{Path, PathBuf};

use findings::Report;
use serde_json::{Value, json};
use wrappers::{Catalog, Choice, Format, Templates, render};

const CATALOG: &str = include_str!("catalog.json");

fn rendered(catalog: &str, format: Format) -> (Vec<wrappers::File>, Report) {
    let mut report = Report::new();
    let catalog = Catalog::read(catalog, &Choice::default(), &mut report);
    let files = render(&catalog, format, &Templates::embedded(), &mut report);
    (files.expect("the templates are sound"), report)
}

/// Compares files with those of `tests/goldens/FORMAT`, or with `UPDATE_GOLDENS=1` puts them there.
fn compare(format: Format, name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/goldens")
        .join(name);
    let (files, report) = rendered(CATALOG, format);
    assert_eq!(report.findings(), []);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        for file in &files {
            let path = folder.join(&file.path);
            fs::create_dir_all(path.parent().expect("below")).expect("a folder");
            fs::write(path, &file.text).expect("written");
        }
    }
    for file in &files {
        let golden = fs::read_to_string(folder.join(&file.path)).unwrap_or_default();
        assert!(
            golden == file.text,
            "{name}/{} is not as it was: UPDATE_GOLDENS=1",
            file.path
        );
    }
    let mut there = Vec::new();
    list(&folder, &mut there);
    assert_eq!(there.len(), files.len(), "{there:?}");
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn bash_scripts_are_their_goldens() {
    compare(Format::Bash, "bash");
}

#[test]
fn python_modules_are_their_goldens() {
    compare(Format::Python, "python");
}

#[test]
fn the_program_is_its_golden() {
    compare(Format::Cli, "cli");
}

#[test]
fn skills_are_their_goldens() {
    compare(Format::Skill, "skill");
}

fn named(names: &[(&str, &str)]) -> String {
    let tool = |(server, name): &(&str, &str)| json!({"name": name, "server": server, "tool": name, "input_schema": {}});
    let tools: Vec<Value> = names.iter().map(tool).collect();
    json!({"tools": tools}).to_string()
}

#[test]
fn two_tools_of_one_name_are_a_finding() {
    let (files, report) = rendered(
        &named(&[("a", "x y"), ("b", "x-y"), ("c", "X-Y")]),
        Format::Bash,
    );
    let ids: Vec<_> = report
        .findings()
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(
        (files.len(), ids),
        (1, vec!["wrappers.name", "wrappers.name"])
    );
    let (_, report) = rendered(
        &named(&[("a-b", "x"), ("a_b", "y"), (".client", "z")]),
        Format::Python,
    );
    assert_eq!(report.findings().len(), 2, "{report:?}");
}

#[test]
fn a_thousand_tools_are_a_thousand_scripts() {
    let names: Vec<_> = (0..1000).map(|number| format!("t{number}")).collect();
    let names: Vec<_> = names.iter().map(|name| ("many", name.as_str())).collect();
    let (files, report) = rendered(&named(&names), Format::Bash);
    assert_eq!((files.len(), report.has_errors()), (1000, false));
    let (files, _) = rendered(&named(&names), Format::Python);
    assert_eq!(files[2].text.matches("    def ").count(), 1000);
}
