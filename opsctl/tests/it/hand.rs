//! `opsctl diff` and `opsctl adopt` as people and scripts meet them, on a tree below a folder.

use crate::harness::{Desk, Said, VALID};

const CONF: &str = "/etc/nginx/conf.d/demo.conf";

/// A desk with a spec, and its rendering below `root`.
fn desk() -> Desk {
    let desk = Desk::with_valid_spec();
    let said = desk.opsctl(&["render", "--nginx", "1.30.7", "--out", "root"]);
    assert_eq!(said.code, 0, "{said:?}");
    desk
}

fn on_root(desk: &Desk, command: &[&str]) -> Said {
    desk.opsctl(&[command, &["--root", "root", "--nginx", "1.30.7"]].concat())
}

fn edit(desk: &Desk, path: &str, from: &str, to: &str) {
    let path = format!("root{path}");
    let text = desk.read(&path);
    assert!(text.contains(from), "{from}");
    desk.write(&path, &text.replacen(from, to, 1));
}

/// A desk whose machine has a hand edit that was adopted.
fn adopted() -> Desk {
    let desk = desk();
    edit(
        &desk,
        CONF,
        "absolute_redirect off;",
        "absolute_redirect on;",
    );
    let said = on_root(&desk, &["adopt", CONF]);
    assert_eq!(said.code, 0, "{said:?}");
    desk
}

#[test]
fn a_machine_without_anything_gets_everything() {
    let desk = Desk::with_valid_spec();
    let said = on_root(&desk, &["diff"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out
            .contains("write /etc/nginx/conf.d/demo.conf (new, 0644 root:root)"),
        "{}",
        said.out
    );
    assert_eq!(desk.files(), ["deploy.toml"]);
}

#[test]
fn a_tree_as_rendered_is_nothing_to_do() {
    let said = on_root(&desk(), &["diff"]);
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_file_that_is_not_known_is_asked_about_and_shown() {
    let desk = desk();
    edit(&desk, CONF, "gzip off;", "gzip on;");
    let said = on_root(&desk, &["diff"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("-    gzip on;\n+    gzip off;\n"),
        "{}",
        said.out
    );
    assert!(
        said.talk.contains(&format!("opsctl adopt {CONF}")),
        "{}",
        said.talk
    );
}

#[test]
fn an_adopted_text_stands_and_is_told_as_a_hand_edit() {
    let said = on_root(&adopted(), &["--format", "json", "diff"]);
    assert_eq!(said.code, 0, "{said:?}");
    let hands = &said.json()["hand_edits"];
    let edit = hands
        .as_array()
        .expect("a list")
        .iter()
        .find(|hand| hand["path"] == CONF)
        .expect("the edit");
    assert_eq!(edit["kind"], "kept-edit");
    assert!(
        edit["diff"]
            .as_str()
            .is_some_and(|diff| diff.contains("+    absolute_redirect on;")),
        "{edit}"
    );
}

#[test]
fn a_change_of_the_spec_is_merged_with_a_hand_edit() {
    let desk = adopted();
    desk.write(
        "deploy.toml",
        &VALID.replace("https_port = 28443", "https_port = 28444"),
    );
    let said = on_root(&desk, &["diff"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains(&format!("merged: hand edit of {CONF}")),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("+    listen 127.0.0.1:28444 ssl;"),
        "{}",
        said.out
    );
    assert!(
        !said.out.contains("-    absolute_redirect on;"),
        "{}",
        said.out
    );
}

#[test]
fn both_sides_of_a_conflict_are_shown() {
    let desk = adopted();
    edit(
        &desk,
        CONF,
        "listen 127.0.0.1:28443 ssl;",
        "listen 127.0.0.1:28443 ssl backlog=9;",
    );
    on_root(&desk, &["adopt", CONF]);
    desk.write(
        "deploy.toml",
        &VALID.replace("https_port = 28443", "https_port = 28444"),
    );
    let said = on_root(&desk, &["diff"]);
    assert_eq!(said.code, 3, "{said:?}");
    for part in [
        "<<<<<<<",
        "backlog=9",
        "|||||||",
        "=======",
        "28444",
        ">>>>>>>",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.talk.contains("[hand.conflict]"), "{}", said.talk);
}

#[test]
fn a_file_given_up_is_replaced() {
    let desk = desk();
    edit(&desk, CONF, "gzip off;", "gzip on;");
    assert_eq!(on_root(&desk, &["adopt", "--replace", CONF]).code, 0);
    let said = on_root(&desk, &["diff"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("-    gzip on;\n+    gzip off;\n") && !said.out.contains("conflict"),
        "{}",
        said.out
    );
}

#[test]
fn what_is_no_file_of_the_deployment_is_not_adopted() {
    let desk = desk();
    let said = on_root(&desk, &["adopt", "/etc/nginx/conf.d/dmo.conf"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.talk.contains(&format!("did you mean `{CONF}`?")),
        "{}",
        said.talk
    );
    assert!(!desk.path("root/var").exists());
}

#[test]
fn an_environment_is_shown_only_when_asked_for() {
    let desk = Desk::new();
    desk.write(
        "deploy.toml",
        &format!("{VALID}environment = {{ TOKEN = \"s3cret\" }}\n"),
    );
    let said = on_root(&desk, &["diff"]);
    assert!(
        !said.out.contains("s3cret") && said.out.contains("\"TOKEN\" = (hidden)"),
        "{}",
        said.out
    );
    let said = on_root(&desk, &["diff", "--show-secrets"]);
    assert!(said.out.contains("s3cret"), "{}", said.out);
}
