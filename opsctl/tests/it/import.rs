//! `opsctl import hypercorn`.

use crate::harness::Desk;

#[test]
fn the_toml_is_the_data_and_the_report_is_talk() {
    let desk = Desk::new();
    desk.write(
        "h.toml",
        "bind = \"127.0.0.1:9000\"\nroot_path = \"/api\"\n",
    );
    let said = desk.opsctl(&["import", "hypercorn", "h.toml"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("\nbind = [\"127.0.0.1:9000\"]\n"),
        "{said:?}"
    );
    assert!(said.talk.contains("! 2: root_path -> nothing"), "{said:?}");
    assert!(
        said.talk.contains("`origin check --config FILE`"),
        "{said:?}"
    );
}

#[test]
fn a_file_that_is_there_is_kept() {
    let desk = Desk::new();
    desk.write("h.toml", "backlog = 5\n");
    desk.write("origin.toml", "mine");
    let line = ["import", "hypercorn", "h.toml", "--out", "origin.toml"];
    let said = desk.opsctl(&line);
    assert_eq!((said.code, desk.read("origin.toml").as_str()), (2, "mine"));
    let said = desk.opsctl(&[&line[..], &["--force"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    assert!(desk.read("origin.toml").contains("backlog = 5"));
}

#[test]
fn a_python_file_is_not_run_and_a_wrong_value_is_told_with_its_line() {
    let desk = Desk::new();
    desk.write("h.py", "bind = 'x'\n");
    for file in ["h.py", "file:h.py", "python:settings"] {
        let said = desk.opsctl(&["import", "hypercorn", file]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.talk.contains("into a TOML file"), "{said:?}");
    }
    desk.write("h.toml", "debug = true\nkeep_alive_timeout = \"5\"\n");
    let said = desk.opsctl(&["--format", "json", "import", "hypercorn", "h.toml"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert_eq!(said.json()["findings"][0]["line"], 2);
}
