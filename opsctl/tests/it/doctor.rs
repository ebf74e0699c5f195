//! `opsctl doctor`.

use serde_json::Value;

use crate::harness::{Desk, Said, VALID};

fn doctor(desk: &Desk, words: &[&str]) -> Said {
    desk.opsctl(&[&["--format", "json", "doctor"], words].concat())
}

fn status(said: &Said, id: &str) -> String {
    let document = said.json();
    let checks = document["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == id);
    check
        .map_or("absent", |check| {
            check["status"].as_str().unwrap_or_default()
        })
        .to_owned()
}

#[test]
fn the_machine_alone_is_looked_at_without_a_spec_and_that_is_said() {
    let desk = Desk::new();
    let said = doctor(&desk, &["--nginx", &desk.fake_nginx()]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(
        (status(&said, "nginx"), status(&said, "servers")),
        ("pass".into(), "absent".into())
    );
    assert_eq!(said.json()["spec"], Value::Null);
    assert!(said.out.contains("opsctl init"), "{said:?}");
    for id in ["ports", "udp.buffers", "firewall"] {
        assert_ne!(status(&said, id), "absent", "{id}");
    }
}

#[test]
fn a_spec_with_faults_ends_with_10_and_the_machine_is_looked_at_all_the_same() {
    let desk = Desk::new();
    desk.write("deploy.toml", &VALID.replace("listen =", "lisen ="));
    let said = doctor(&desk, &["--nginx", "/no/such/nginx"]);
    assert_eq!(said.code, 10, "{said:?}");
    assert_eq!(
        (status(&said, "spec"), status(&said, "nginx")),
        ("fail".into(), "fail".into())
    );
    let findings = said.json()["findings"]
        .as_array()
        .expect("findings")
        .clone();
    assert!(
        findings.iter().any(|finding| finding["line"] == 5),
        "{findings:?}"
    );
    assert!(
        findings.iter().all(|finding| finding["hint"].is_string()),
        "{findings:?}"
    );
    assert_eq!(
        doctor(&desk, &["--machine", "--nginx", &desk.fake_nginx()]).code,
        0
    );
}

#[test]
fn what_is_missing_of_a_good_spec_ends_with_17() {
    let desk = Desk::with_valid_spec();
    let nginx = desk.fake_nginx();
    let said = doctor(&desk, &["--nginx", &nginx, "--origin", "/bin/false"]);
    assert_eq!(
        (said.code, status(&said, "servers")),
        (17, "fail".into()),
        "{said:?}"
    );
    assert_eq!(status(&said, "spec"), "pass");
    let spec = VALID.replace("[\"cat\"]", "[\"no-such-server\"]");
    desk.write("deploy.toml", &spec);
    let said = doctor(&desk, &["--nginx", &nginx, "--origin", "/bin/false"]);
    assert!(said.out.contains("no-such-server"), "{said:?}");
    assert!(desk.temporary().is_empty(), "{:?}", desk.temporary());
}
