//! The command line as people and scripts meet it: the real program, its exit codes, its two streams.

mod doctor;
mod generations;
mod hand;
mod harness;
mod import;
mod keys;
mod lint;
mod runbook;
mod services;
mod wrappers;

use harness::{Desk, VALID};
use serde_json::Value;

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let desk = Desk::new();
    for line in [
        ["--no-such-flag"].as_slice(),
        &["no-such-command"],
        &["probe"],
        &["verify", "--url", "not a url"],
        &[],
    ] {
        let said = desk.opsctl(line);
        assert_eq!(said.code, 2, "{line:?}: {said:?}");
        assert!(
            said.out.is_empty() && !said.talk.is_empty(),
            "{line:?}: {said:?}"
        );
    }
}

#[test]
fn help_and_version_are_no_fault() {
    let desk = Desk::new();
    for line in ["--help", "--version"] {
        let said = desk.opsctl(&[line]);
        assert_eq!((said.code, said.out.is_empty()), (0, false), "{said:?}");
    }
}

#[test]
fn every_fault_of_a_spec_is_told_at_once_with_its_line() {
    let desk = Desk::new();
    desk.write(
        "deploy.toml",
        &VALID
            .replace("listen =", "lisen =")
            .replace("\"localhost\"", "\"local;host\""),
    );
    let said = desk.opsctl(&["render", "--nginx", "1.30.6"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert!(said.out.is_empty());
    for part in [
        "lisen",
        "did you mean `listen`?",
        "^^^^^",
        "server_names",
        "deploy.toml:5",
    ] {
        assert!(said.talk.contains(part), "{part}: {}", said.talk);
    }
}

#[test]
fn findings_are_json_when_asked_for() {
    let desk = Desk::new();
    desk.write("deploy.toml", &VALID.replace("listen =", "lisen ="));
    let said = desk.opsctl(&["--format", "json", "render", "--nginx", "1.30.6"]);
    let finding = &said.json()["findings"][0];
    for key in ["severity", "id", "path", "file", "line", "message", "hint"] {
        assert!(finding.get(key).is_some(), "{key}: {finding}");
    }
    assert_eq!((said.code, said.json()["ok"].as_bool()), (10, Some(false)));
}

#[test]
fn a_spec_that_is_not_there_says_how_to_make_one() {
    let said = Desk::new().opsctl(&["up", "--once"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert!(said.talk.contains("opsctl init"), "{}", said.talk);
}

#[test]
fn what_init_writes_renders() {
    let desk = Desk::new();
    assert_eq!(
        desk.opsctl(&["init", "--server", "time=mcp-server-time"])
            .code,
        0
    );
    let again = desk.opsctl(&["init"]);
    assert_eq!(again.code, 2, "{again:?}");
    assert!(again.talk.contains("--force"), "{}", again.talk);
    let said = desk.opsctl(&["render", "--nginx", "1.30.6,stream=dynamic"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("/etc/nginx/conf.d/mcp.conf"),
        "{}",
        said.out
    );
}

#[test]
fn init_writes_nothing_that_would_not_parse() {
    let desk = Desk::new();
    let said = desk.opsctl(&["init", "--server-name", "a;b"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert_eq!(desk.files(), Vec::<String>::new());
}

#[test]
fn a_check_knows_every_change_and_writes_none() {
    let desk = Desk::with_valid_spec();
    let render = |more: &[&str]| {
        desk.opsctl(&[&["render", "--nginx", "1.30.6", "--out", "out"], more].concat())
    };
    assert_eq!(render(&["--check"]).code, 3);
    assert_eq!(desk.files(), ["deploy.toml"]);
    assert_eq!(render(&[]).code, 0);
    assert_eq!(render(&["--check"]).code, 0);
    let conf = "out/etc/nginx/conf.d/demo.conf";
    let text = desk.read(conf);
    desk.write(conf, &text.replacen("gzip off;", "gzip on;", 1));
    let said = render(&["--check"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(
        said.out.contains("-    gzip on;\n+    gzip off;\n"),
        "{}",
        said.out
    );
    assert!(desk.read(conf).contains("gzip on;"));
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    let desk = Desk::with_valid_spec();
    let render = || {
        desk.opsctl(&["--format", "json", "render", "--nginx", "1.26.3"])
            .json()
    };
    let tree = render();
    assert_eq!(tree, render());
    let files = tree["files"].as_array().cloned().unwrap_or_default();
    assert!(files.len() > 5, "{tree}");
    let generation = tree["generation"].as_str().expect("a digest");
    let named = |file: &Value| {
        file["contents"]
            .as_str()
            .is_some_and(|text| text.contains(generation))
    };
    let head: Vec<_> = files
        .iter()
        .filter(|file| !named(file))
        .map(|file| file["path"].clone())
        .collect();
    assert!(head.is_empty(), "without the digest: {head:?}");
}

#[test]
fn an_nginx_without_http3_is_a_missing_prerequisite() {
    let desk = Desk::with_valid_spec();
    let said = desk.opsctl(&["render", "--nginx", "1.22.1"]);
    assert_eq!(said.code, 17, "{said:?}");
    let said = desk.opsctl(&["render", "--nginx", "/no/such/nginx"]);
    assert_eq!(said.code, 17, "{said:?}");
    let said = desk.opsctl(&["render", "--nginx", "1.30"]);
    assert_eq!(said.code, 2, "{said:?}");
}

#[test]
fn a_template_that_cannot_be_read_is_a_rejected_rendering() {
    let desk = Desk::with_valid_spec();
    desk.write("templates/http.conf.tera", "{{ no_such_value }}");
    let said = desk.opsctl(&["render", "--nginx", "1.30.6", "--templates", "templates"]);
    assert_eq!(said.code, 11, "{said:?}");
}

#[test]
fn a_certificate_that_is_not_there_is_named_with_its_line_before_anything_runs() {
    let desk = Desk::new();
    let nginx = desk.fake_nginx();
    desk.write("origin", "#!/bin/sh\n");
    desk.make_executable("origin");
    let files = "certificate = \"/nowhere/chain.pem\"\nprivate_key = \"/nowhere/key.pem\"";
    desk.write("deploy.toml", &VALID.replace("self_signed = true", files));
    let said = desk.opsctl(&["up", "--once", "--nginx", &nginx, "--origin", "origin"]);
    assert_eq!(said.code, 10, "{said:?}");
    for part in [
        "/nowhere/chain.pem",
        "/nowhere/key.pem",
        "tls.certificate",
        "deploy.toml:9",
    ] {
        assert!(said.talk.contains(part), "{part}: {}", said.talk);
    }
}

#[test]
fn a_port_in_use_and_a_missing_command_are_told_together() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = held.local_addr().expect("bound").port();
    let desk = Desk::new();
    let nginx = desk.fake_nginx();
    desk.write("origin", "#!/bin/sh\n");
    desk.make_executable("origin");
    let spec = VALID
        .replace("28443", &port.to_string())
        .replace("\"cat\"]", "\"no-such-mcp-server\"]");
    desk.write("deploy.toml", &spec);
    let said = desk.opsctl(&["up", "--once", "--nginx", &nginx, "--origin", "origin"]);
    assert_eq!(said.code, 17, "{said:?}");
    for part in ["no-such-mcp-server", &port.to_string(), "process"] {
        assert!(said.talk.contains(part), "{part}: {}", said.talk);
    }
}

#[test]
fn an_origin_that_dies_is_shown_with_its_last_words_and_leaves_nothing() {
    let desk = Desk::new();
    let nginx = desk.fake_nginx();
    desk.write("origin", "#!/bin/sh\necho the disk is on fire\nexit 70\n");
    desk.make_executable("origin");
    desk.write("deploy.toml", VALID);
    let said = desk.opsctl(&["up", "--once", "--nginx", &nginx, "--origin", "origin"]);
    assert_eq!(said.code, 14, "{said:?}");
    assert!(said.talk.contains("the disk is on fire"), "{}", said.talk);
    assert_eq!(desk.temporary(), Vec::<String>::new());
}

#[test]
fn what_nginx_rejects_is_told_with_file_and_line() {
    let desk = Desk::new();
    let nginx =
        desk.nginx_that_says("nginx: [emerg] unknown directive \"bufering\" in /x/demo.conf:12");
    desk.write("origin", "#!/bin/sh\n");
    desk.make_executable("origin");
    desk.write("deploy.toml", VALID);
    let said = desk.opsctl(&[
        "--format", "json", "up", "--once", "--nginx", &nginx, "--origin", "origin",
    ]);
    assert_eq!(said.code, 11, "{said:?}");
    let finding = &said.json()["findings"][0];
    assert_eq!(
        (finding["file"].as_str(), finding["line"].as_u64()),
        (Some("/x/demo.conf"), Some(12))
    );
    assert_eq!(desk.temporary(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_not_there_fails_every_check_of_a_url_and_skips_the_hosts() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a port");
    let said = Desk::new().opsctl(&[
        "--format",
        "json",
        "verify",
        "--url",
        &format!("https://{free}/mcp"),
    ]);
    assert_eq!(said.code, 14, "{said:?}");
    let document = said.json();
    let status = |id: &str| {
        let checks = document["checks"].as_array().cloned().unwrap_or_default();
        let check = checks.into_iter().find(|check| check["id"] == id);
        check.and_then(|check| check["status"].as_str().map(str::to_owned))
    };
    assert_eq!(status("http1").as_deref(), Some("fail"), "{document}");
    assert_eq!(
        status("nginx.config").as_deref(),
        Some("skip"),
        "{document}"
    );
    assert_eq!(
        status("stream.cadence").as_deref(),
        Some("skip"),
        "{document}"
    );
    assert_eq!(document["checks"].as_array().map(Vec::len), Some(22));
}

#[test]
fn bash_completes_by_the_script_that_is_written_for_it() {
    let said = Desk::new().opsctl(&["completions", "bash"]);
    assert_eq!(said.code, 0, "{said:?}");
    let ask = "COMP_WORDS=(opsctl ver); COMP_CWORD=1; _opsctl opsctl ver opsctl; echo \"${COMPREPLY[*]}\"";
    let mut bash = std::process::Command::new("bash");
    let output = bash.args(["-c", &format!("{}\n{ask}", said.out)]).output();
    let output = output.expect("bash starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "verify\n",
        "{output:?}"
    );
}
