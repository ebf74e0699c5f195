//! A strict reader of Prometheus' text format 0.0.4, which also knows the table of metrics.

use std::collections::BTreeSet;

use super::super::{FAMILIES, Family};

/// Panics where a page breaks a rule of the format or of its own table.
pub(super) fn check(page: &str) {
    assert!(page.ends_with('\n'), "the last line has an end");
    let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
    let mut family: Option<&Family> = None;
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            let found = FAMILIES.iter().find(|family| family.name == name);
            family = Some(found.expect("a family of the table"));
            assert!(families.insert(name), "{name} is said twice");
            assert!(!help.contains('\\'), "{help}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let family = family.expect("help before type");
            assert_eq!(rest, format!("{} {}", family.name, family.kind));
        } else {
            sample(line, family.expect("a family before its lines"));
            let (name, _) = line.rsplit_once(' ').expect("a value");
            assert!(series.insert(name), "{name} is there twice");
        }
    }
}

fn sample(line: &str, family: &Family) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    assert!(value.parse::<f64>().is_ok(), "{line}");
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (
            name,
            read(rest.strip_suffix('}').expect("an end of labels")),
        ),
        None => (series, Vec::new()),
    };
    let suffix = name.strip_prefix(family.name).expect("the family's name");
    let mut expected = family.labels.to_vec();
    match (family.kind, suffix) {
        ("histogram", "_bucket") => expected.push("le"),
        ("histogram", "_sum" | "_count") | ("counter" | "gauge", "") => {}
        _ => panic!("{line} below {} {}", family.kind, family.name),
    }
    assert_eq!(labels, expected, "{line}");
    let is_total = family.name.ends_with("_total");
    assert_eq!(is_total, family.kind == "counter", "{}", family.name);
}

/// The names of labels; their values have to be quoted right.
fn read(mut text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a value in quotes");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        assert!(!name.is_empty() && name.bytes().all(plain), "{name}");
        names.push(name);
        let mut escaped = false;
        let end = rest.find(|character| match (escaped, character) {
            (true, '\\' | '"' | 'n') => {
                escaped = false;
                false
            }
            (true, other) => panic!("`\\{other}` is no escape"),
            (false, '\\') => {
                escaped = true;
                false
            }
            (false, other) => other == '"',
        });
        let rest = &rest[end.expect("the end of a value") + 1..];
        text = rest.strip_prefix(',').unwrap_or(rest);
    }
    names
}
