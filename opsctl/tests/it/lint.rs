//! `opsctl lint` as people and scripts meet it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::Desk;

/// Two faults that can be mended, one that cannot, in a hand's own form.
const CONF: &str = "server {\n\tlocation = /mcp {   # the app\n\t\tproxy_pass\thttp://127.0.0.1:8000;\n\t\tproxy_next_upstream error non_idempotent;\n\t\tproxy_read_timeout 5s;\n\t}\n}\n";

fn ids(document: &Value) -> Vec<&str> {
    let findings = document["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter_map(|finding| finding["id"].as_str())
        .collect()
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("edge.conf", CONF);
    desk
}

#[test]
fn errors_end_with_18_and_show_the_line() {
    let said = desk().opsctl(&["lint", "edge.conf"]);
    assert_eq!(said.code, 18, "{said:?}");
    for part in [
        "[retry-non-idempotent]",
        "edge.conf:4",
        "4 |   proxy_next_upstream error non_idempotent;",
        "^^^^^^^^^^^^^^^^^^^",
        "hint: take `non_idempotent` away",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.talk.contains("in 1 file"), "{}", said.talk);
}

#[test]
fn warnings_alone_end_with_0() {
    let desk = Desk::new();
    desk.write(
        "x.conf",
        "server {\n listen 443 ssl;\n ssl_protocols TLSv1.1;\n}\n",
    );
    let said = desk.opsctl(&["lint", "x.conf"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("[tls-protocols]"), "{}", said.out);
}

#[test]
fn json_has_the_seven_fields() {
    let said = desk().opsctl(&["--format", "json", "lint", "edge.conf"]);
    let document = said.json();
    assert_eq!(document["ok"], false);
    assert!(ids(&document).contains(&"read-timeout"), "{document:#}");
    let keys = document["findings"][0].as_object().expect("an object");
    assert_eq!(keys.len(), 7, "{keys:?}");
}

#[test]
fn sarif_names_rule_place_and_level() {
    let said = desk().opsctl(&["--format", "sarif", "lint", "edge.conf"]);
    let document = said.json();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let results = run["results"].as_array().expect("results");
    let found = results
        .iter()
        .find(|result| result["ruleId"] == "retry-non-idempotent");
    let found = found.expect("it is there");
    assert_eq!(found["level"], "error");
    let place = &found["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "edge.conf");
    assert_eq!(place["region"]["startLine"], 4);
    assert_eq!(place["region"]["startColumn"], 3);
    let index = usize::try_from(found["ruleIndex"].as_u64().expect("a number")).expect("small");
    assert_eq!(
        run["tool"]["driver"]["rules"][index]["id"],
        "retry-non-idempotent"
    );
}

#[test]
fn sarif_is_for_lint_alone() {
    let said = desk().opsctl(&["--format", "sarif", "render"]);
    assert_eq!(said.code, 2, "{said:?}");
}

#[test]
fn a_fix_changes_its_places_alone_and_keeps_the_mode() {
    let desk = desk();
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(desk.path("edge.conf"), mode).expect("our own file");
    let said = desk.opsctl(&["lint", "--fix", "edge.conf"]);
    let text = desk.read("edge.conf");
    assert!(text.contains("\t\tproxy_next_upstream error;\n"), "{text}");
    for kept in [
        "   # the app\n",
        "proxy_pass\thttp://127.0.0.1:8000;\n",
        "proxy_read_timeout 5s;",
    ] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    let data = desk.path("edge.conf").metadata().expect("there");
    assert_eq!(data.permissions().mode() & 0o777, 0o600);
    // what is left is the value that only a person can choose
    assert_eq!(said.code, 18, "{said:?}");
    assert!(said.out.contains("[read-timeout]") && !said.out.contains("[retry-non-idempotent]"));
    desk.opsctl(&["lint", "--fix", "edge.conf"]);
    assert_eq!(
        desk.read("edge.conf"),
        text,
        "a second time nothing changes"
    );
}

#[test]
fn a_diff_shows_the_fix_and_changes_nothing() {
    let desk = desk();
    let said = desk.opsctl(&["lint", "--diff", "edge.conf"]);
    assert_eq!(desk.read("edge.conf"), CONF);
    for part in [
        "--- edge.conf\n",
        "-\t\tproxy_next_upstream error non_idempotent;\n",
        "+\t\tproxy_next_upstream error;\n",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn a_file_that_nginx_cannot_read_is_not_touched() {
    let desk = Desk::new();
    let broken = format!("{CONF}}}\n");
    desk.write("x.conf", &broken);
    let said = desk.opsctl(&["lint", "--fix", "x.conf"]);
    assert_eq!(said.code, 18, "{said:?}");
    assert_eq!(desk.read("x.conf"), broken);
}

fn with_input(input: &str, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsctl"));
    command.args(arguments).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn standard_input_is_judged_and_mended_to_standard_output() {
    let (code, out, _) = with_input(CONF, &["lint", "-"]);
    assert_eq!(code, 18);
    assert!(out.contains("<stdin>:4"), "{out}");
    let (_, out, talk) = with_input(CONF, &["lint", "--fix", "-"]);
    assert!(
        out.starts_with("server {\n\tlocation = /mcp {   # the app\n"),
        "{out}"
    );
    assert!(out.contains("proxy_next_upstream error;"), "{out}");
    assert!(talk.contains("[read-timeout]"), "{talk}");
}

#[test]
fn a_dump_has_no_files_to_mend() {
    let dump = format!(
        "# configuration file /etc/nginx/nginx.conf:\ninclude conf.d/*.conf;\n\n# configuration file /etc/nginx/conf.d/a.conf:\n{CONF}\n"
    );
    let (code, out, _) = with_input(&dump, &["--format", "json", "lint", "-"]);
    assert_eq!(code, 18);
    assert!(out.contains("/etc/nginx/conf.d/a.conf"), "{out}");
    let (code, _, talk) = with_input(&dump, &["lint", "--fix", "-"]);
    assert_eq!(code, 2, "{talk}");
}

#[test]
fn a_tree_stands_for_its_machine() {
    let desk = Desk::new();
    let conf = "server {\n include /etc/nginx/edge/mcp.conf;\n}\n";
    desk.write("tree/etc/nginx/conf.d/edge.conf", conf);
    desk.write(
        "tree/etc/nginx/edge/mcp.conf",
        "location /mcp/ { proxy_pass http://127.0.0.1:1; }\n",
    );
    desk.write("tree/etc/sysusers.d/x.conf", "u edge - -\n");
    let said = desk.opsctl(&["--format", "json", "lint", "tree"]);
    let document = said.json();
    assert_eq!(document["files"], 2, "{document:#}");
    let slash = document["findings"].as_array().expect("findings");
    let slash = slash
        .iter()
        .find(|finding| finding["id"] == "mcp-slash-redirect");
    assert_eq!(
        slash.expect("found")["file"],
        "tree/etc/nginx/edge/mcp.conf"
    );
}

#[test]
fn a_secret_is_not_shown_in_any_form() {
    let desk = Desk::new();
    let text = CONF.replace(
        "proxy_read_timeout 5s;",
        "proxy_read_timeout 5s; proxy_set_header Authorization \"Bearer s3cr3t\"; set $api_key s3cr3t; # token s3cr3t",
    );
    desk.write("x.conf", &text);
    for arguments in [
        ["--format", "human", "lint", "--diff", "x.conf"],
        ["--format", "json", "lint", "--diff", "x.conf"],
        ["--format", "sarif", "lint", "--diff", "x.conf"],
    ] {
        let said = desk.opsctl(&arguments);
        assert_eq!(said.code, 18);
        assert!(!format!("{said:?}").contains("s3cr3t"), "{said:?}");
    }
    desk.opsctl(&["lint", "--fix", "x.conf"]);
    assert_eq!(desk.read("x.conf").matches("s3cr3t").count(), 3);
}

#[test]
fn what_cannot_be_read_is_a_usage_error() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).expect("our own folder");
    for path in ["no-such-file.conf", "empty", "/dev/null"] {
        let said = desk.opsctl(&["lint", path]);
        assert_eq!(said.code, 2, "{path}: {said:?}");
        assert!(said.talk.contains(path), "{path}: {said:?}");
    }
    assert_eq!(desk.opsctl(&["lint"]).code, 2);
}

#[test]
fn the_target_decides_what_is_known() {
    let desk = Desk::new();
    desk.write("x.conf", "server {\n add_header_inherit merge;\n}\n");
    let old = desk.opsctl(&["--format", "json", "lint", "--nginx", "1.28.3", "x.conf"]);
    assert!(ids(&old.json()).contains(&"directive-version"));
    let new = desk.opsctl(&["--format", "json", "lint", "--nginx", "1.30.7", "x.conf"]);
    assert_eq!((new.code, ids(&new.json()).len()), (0, 0), "{new:?}");
    assert_eq!(
        desk.opsctl(&["lint", "--nginx", "latest.1", "x.conf"]).code,
        17
    );
}

#[test]
fn the_rules_can_be_listed() {
    let said = Desk::new().opsctl(&["--format", "json", "lint", "--rules"]);
    let rules = said.json()["rules"].as_array().expect("rules").len();
    assert!(rules > 50, "{rules}");
}
