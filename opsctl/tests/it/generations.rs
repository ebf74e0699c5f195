//! Generations of a tree below a folder: compared, saved as plans, gone back to.

use crate::harness::{Desk, Said, VALID};

fn apply(desk: &Desk, more: &[&str]) -> Said {
    let line = [&["apply", "--root", "root", "--nginx", "1.30.7"], more].concat();
    desk.opsctl(&line)
}

/// A desk with two generations, of which the second has another port and a secret.
fn two() -> Desk {
    let desk = Desk::with_valid_spec();
    assert_eq!(apply(&desk, &["--yes"]).code, 0);
    let text = VALID.replace("28443", "28444");
    let text = format!("{text}environment = {{ TOKEN = \"s3cret\" }}\n");
    desk.write("deploy.toml", &text);
    let said = apply(&desk, &["--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    desk
}

fn diff(desk: &Desk, words: &[&str]) -> Said {
    desk.opsctl(&[&["diff", "--root", "root"], words].concat())
}

#[test]
fn two_generations_differ_in_their_specs_and_files_without_a_secret() {
    let desk = two();
    let said = diff(&desk, &["1", "2"]);
    assert_eq!(said.code, 3, "{said:?}");
    for line in [
        "-https_port = 28443",
        "+https_port = 28444",
        "+    listen 127.0.0.1:28444 ssl;",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    assert!(!said.out.contains("s3cret"), "{}", said.out);
    let back = diff(&desk, &["2", "1", "--format", "json"]).json();
    assert_eq!((&back["from"], &back["to"]), (&2.into(), &1.into()));
    assert_eq!(diff(&desk, &["2", "2"]).code, 0);
    assert_eq!(diff(&desk, &["7"]).code, 2);
}

#[test]
fn a_generation_is_compared_with_what_is_installed() {
    let desk = two();
    assert_eq!(diff(&desk, &["2"]).code, 0);
    let conf = "root/etc/nginx/conf.d/demo.conf";
    let text = desk.read(conf);
    desk.write(conf, &format!("{text}# by hand\n"));
    let said = diff(&desk, &["2"]);
    assert!(
        said.code == 3 && said.out.contains("+# by hand"),
        "{said:?}"
    );
    assert!(diff(&desk, &["1"]).out.contains("+https_port = 28444"));
}

#[test]
fn a_saved_plan_has_no_text_and_holds_until_something_moves() {
    let desk = two();
    let text = desk.read("deploy.toml").replace("28444", "28445");
    desk.write("deploy.toml", &text);
    let saved = apply(&desk, &["--dry-run", "--format", "json"]);
    assert!(
        saved.code == 0 && !saved.out.contains("s3cret") && !saved.out.contains("listen "),
        "{saved:?}"
    );
    desk.write("plan.json", &saved.out);
    let conf = "root/etc/nginx/conf.d/demo.conf";
    let before = desk.read(conf);
    desk.write(conf, &format!("{before}# by hand\n"));
    let said = apply(&desk, &["--yes", "--plan", "plan.json"]);
    assert!(
        said.code == 20 && said.talk.contains(&conf[4..]),
        "{said:?}"
    );
    desk.write(conf, &before);
    let said = apply(&desk, &["--yes", "--plan", "plan.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(desk.read(conf).contains("28445"));
}

#[test]
fn a_rollback_says_that_the_spec_has_not_followed() {
    let desk = two();
    let said = desk.opsctl(&["rollback", "--root", "root", "--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.talk.contains("deploy.toml` has not followed"),
        "{said:?}"
    );
    let said = desk.opsctl(&["rollback", "--root", "root", "--yes", "--to", "2"]);
    assert!(
        said.code == 0 && !said.talk.contains("has not followed"),
        "{said:?}"
    );
}
