//! `opsctl keys`.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Desk, Said, VALID};

/// A desk whose spec asks for the keys of `keys.toml` beside it.
fn desk() -> Desk {
    let desk = Desk::new();
    let keys = desk.path("keys.toml").display().to_string();
    let origin = format!("[origin]\napi_keys_file = \"{keys}\"\n[[servers]]");
    desk.write("deploy.toml", &VALID.replace("[[servers]]", &origin));
    desk
}

fn add(desk: &Desk, arguments: &[&str]) -> Said {
    let said = desk.opsctl(&[&["--format", "json", "keys", "add"], arguments].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said
}

fn listed(desk: &Desk) -> Vec<serde_json::Value> {
    let said = desk.opsctl(&["keys", "list", "--format", "json"]);
    said.json()["keys"].as_array().expect("a list").clone()
}

#[test]
fn a_key_is_shown_once_and_kept_hashed_and_private() {
    let desk = desk();
    let said = desk.opsctl(&["keys", "add", "ci"]);
    assert_eq!(said.code, 0, "{said:?}");
    let key = said.out.trim();
    assert!(key.starts_with("mek_") && key.len() == 77, "{said:?}");
    assert!(!said.talk.contains(key), "{said:?}");
    let kept = desk.read("keys.toml");
    assert!(
        !kept.contains(&key[13..]) && kept.contains(&key[4..12]),
        "{kept}"
    );
    let mode = desk
        .path("keys.toml")
        .metadata()
        .expect("there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o640);
}

#[test]
fn keys_are_listed_with_what_they_open_and_until_when() {
    let desk = desk();
    let made = add(&desk, &["ci", "--server", "cat", "--expires", "2099-01-31"]).json();
    assert_eq!(made["expires"], "2099-01-31T00:00:00Z");
    add(&desk, &["a person"]);
    let keys = listed(&desk);
    assert_eq!(keys.len(), 2);
    assert_eq!(
        (&keys[0]["id"], &keys[0]["servers"][0]),
        (&made["id"], &"cat".into())
    );
    assert!(
        keys.iter()
            .all(|key| key.get("key").is_none() && key["expired"] == false)
    );
    let table = desk.opsctl(&["keys", "list"]).out;
    for word in [
        "ID",
        "ci",
        "cat",
        "2099-01-31T00:00:00Z",
        "a person",
        "all",
        "never",
    ] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

#[test]
fn a_revoked_key_is_gone_and_the_other_stays() {
    let desk = desk();
    let ids = ["one", "two"].map(|name| add(&desk, &[name]).json()["id"].clone());
    let old = ids[0].as_str().expect("an id");
    assert_eq!(desk.opsctl(&["keys", "revoke", old]).code, 0);
    let keys = listed(&desk);
    assert_eq!((keys.len(), &keys[0]["id"]), (1, &ids[1]));
    let again = desk.opsctl(&["keys", "revoke", old]);
    assert!(
        again.code == 2 && again.talk.contains("opsctl keys list"),
        "{again:?}"
    );
}

#[test]
fn what_cannot_be_is_told_with_the_way_out_and_nothing_is_written() {
    let desk = desk();
    for (arguments, says) in [
        (
            &["add", "ci", "--server", "cats"][..],
            "did you mean `cat`?",
        ),
        (&["add", "ci", "--expires", "2001-01-01"], "--expires 90d"),
        (&["add", "ci", "--expires", "soon"], "2030-01-31"),
        (&["add", ""], "1 to 64"),
        (&["revoke", "12345678"], "opsctl keys list"),
        (&["revoke", "x"], "8 of 0-9"),
        (&["list", "--site", "other"], "`demo`"),
    ] {
        let said = desk.opsctl(&[&["keys"], arguments].concat());
        assert!(
            said.code == 2 && said.talk.contains(says),
            "{arguments:?}: {said:?}"
        );
    }
    assert_eq!(desk.files(), ["deploy.toml"]);
}

#[test]
fn a_spec_without_keys_says_which_line_to_write() {
    let desk = Desk::with_valid_spec();
    let said = desk.opsctl(&["keys", "list"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert!(
        said.talk
            .contains("api_keys_file = \"/etc/demo/api-keys.toml\""),
        "{said:?}"
    );
    let other = desk.path("keys.toml").display().to_string();
    assert_eq!(
        desk.opsctl(&["keys", "add", "ci", "--file", &other]).code,
        0
    );
}

#[test]
fn a_broken_file_is_not_written_over() {
    let desk = desk();
    desk.write("keys.toml", "[[keys]]\nid = 7\n");
    let said = desk.opsctl(&["keys", "add", "ci"]);
    assert!(
        said.code == 10 && said.talk.contains("keys.toml"),
        "{said:?}"
    );
    assert_eq!(desk.read("keys.toml"), "[[keys]]\nid = 7\n");
}

#[test]
fn keys_that_are_made_at_the_same_time_are_all_kept() {
    let desk = desk();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let desk = &desk;
            scope.spawn(move || add(desk, &[&format!("key {number}")]));
        }
    });
    assert_eq!(listed(&desk).len(), 6);
}
