//! The table of `docs/machine.md` is true: its tests are there, and each test is in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_test_stands_in_the_table_and_each_name_of_the_table_is_a_test() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../../docs/machine.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let named: BTreeSet<String> = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|word| word.contains('_'))
        .map(str::to_owned)
        .collect();
    let files = fs::read_dir(here.join("tests/it")).expect("the tests");
    let tests: BTreeSet<String> = files
        .flatten()
        .filter(|file| file.file_name() != "page.rs")
        .flat_map(|file| tests_in(&fs::read_to_string(file.path()).expect("Rust")))
        .collect();
    assert_eq!(named, tests);
}

fn tests_in(text: &str) -> Vec<String> {
    let after = text.split("#[test]").skip(1);
    after
        .filter_map(|text| text.split_once("fn ")?.1.split_once('('))
        .map(|(name, _)| name.to_owned())
        .collect()
}
