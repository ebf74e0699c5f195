//! `opsctl wrappers` on catalogs that are files, and where there is none.

use serde_json::{Value, json};

use crate::harness::{Desk, Said};

fn tool(server: &str, name: &str) -> Value {
    json!({
        "name": format!("{server}__{name}"),
        "server": server,
        "tool": name,
        "description": "Says it.",
        "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
    })
}

fn catalog(desk: &Desk, tools: &[Value]) {
    desk.write("catalog.json", &json!({"tools": tools}).to_string());
}

fn wrappers(desk: &Desk, format: &str, more: &[&str]) -> Said {
    let line = [
        "--format",
        format,
        "wrappers",
        "--from",
        "catalog.json",
        "--out",
        "tools",
    ];
    desk.opsctl(&[&line, more].concat())
}

#[test]
fn a_folder_is_made_checked_and_made_anew() {
    let desk = Desk::new();
    catalog(&desk, &[tool("a", "say")]);
    assert_eq!(wrappers(&desk, "bash", &["--check"]).code, 3);
    let said = wrappers(&desk, "bash", &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(wrappers(&desk, "bash", &["--check"]).code, 0);
    assert!(
        desk.read("tools/a__say")
            .starts_with("#!/usr/bin/env bash\n")
    );
    catalog(&desk, &[tool("a", "tell")]);
    let said = wrappers(&desk, "bash", &["--check"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("not made any more: a__say"),
        "{}",
        said.out
    );
    assert_eq!(wrappers(&desk, "python", &[]).code, 0);
    assert!(desk.path("tools/a.py").exists() && !desk.path("tools/a__tell").exists());
    assert_eq!(desk.files(), ["catalog.json", "tools"]);
}

#[test]
fn what_is_wrong_with_a_catalog_is_told_at_once_and_nothing_is_written() {
    let desk = Desk::new();
    let mut bad = tool("a", "bad");
    bad["input_schema"] = json!("text");
    catalog(&desk, &[tool("a", "x y"), tool("a", "x-y"), bad]);
    let said = wrappers(&desk, "bash", &[]);
    assert_eq!(said.code, 2, "{said:?}");
    for part in ["wrappers.schema", "wrappers.name", "--skip a__bad"] {
        assert!(said.talk.contains(part), "{part}: {}", said.talk);
    }
    assert_eq!(desk.files(), ["catalog.json"]);
    let said = wrappers(&desk, "bash", &["--skip", "a__bad", "--skip", "a__x y"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_source_that_is_down_changes_nothing() {
    let desk = Desk::new();
    catalog(&desk, &[tool("a", "say"), tool("b", "say")]);
    assert_eq!(wrappers(&desk, "bash", &[]).code, 0);
    let down = [
        "--format",
        "bash",
        "wrappers",
        "--from",
        "http://127.0.0.1:1",
        "--out",
        "tools",
    ];
    let said = desk.opsctl(&down);
    assert_eq!(
        (said.code, said.talk.contains("is the origin up")),
        (17, true),
        "{said:?}"
    );
    catalog(&desk, &[tool("a", "say")]);
    let said = wrappers(&desk, "bash", &[]);
    assert_eq!(
        (said.code, said.talk.contains("--prune")),
        (2, true),
        "{said:?}"
    );
    assert!(desk.path("tools/b__say").exists());
    assert_eq!(wrappers(&desk, "bash", &["--prune"]).code, 0);
    assert!(!desk.path("tools/b__say").exists());
}

#[test]
fn templates_of_ones_own_take_the_place_of_the_built_in_ones() {
    let desk = Desk::new();
    catalog(&desk, &[tool("a", "it's")]);
    desk.write("own/bash/tool.tera", "say {{ tool }}");
    assert_eq!(wrappers(&desk, "bash", &["--templates", "own"]).code, 0);
    assert_eq!(desk.read("tools/a__it-s"), "say $'a__it\\x27s'\n");
    desk.write("own/bash/tool.tera", "{{ tool | safe }}");
    assert_eq!(wrappers(&desk, "bash", &["--templates", "own"]).code, 11);
    assert_eq!(wrappers(&desk, "bash", &["--templates", "none"]).code, 1);
}

#[test]
fn a_format_that_is_no_wrapper_is_a_usage_error() {
    let desk = Desk::new();
    catalog(&desk, &[tool("a", "say")]);
    assert_eq!(wrappers(&desk, "json", &[]).code, 2);
    assert_eq!(desk.opsctl(&["--format", "bash", "history"]).code, 2);
}
