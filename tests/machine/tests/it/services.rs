//! What runs, as `opsctl services` and `opsctl logs` say it.

use machine::{Deployed, Kit, NAME, call};
use serde_json::Value;

#[test]
fn services_are_shown_stopped_and_started_and_a_request_is_followed_to_its_tool() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    assert_eq!(deployed.opsctl("services status").code, 0);
    stops_and_starts(&deployed);
    ends_at_once(&deployed);
    follows_a_request(&deployed);
}

fn states(document: &Value) -> Vec<(&str, &str)> {
    let services = document["services"].as_array().expect("services");
    services
        .iter()
        .map(|unit| {
            (
                unit["name"].as_str().unwrap_or(""),
                unit["active"].as_str().unwrap_or(""),
            )
        })
        .collect()
}

fn stops_and_starts(deployed: &Deployed) {
    let stopped = deployed.opsctl("services stop --format json");
    assert_eq!(stopped.code, 0, "{}", stopped.talk);
    let status = deployed.opsctl("services status --format json");
    assert_eq!(status.code, 19);
    let document = status.json();
    let states = states(&document);
    assert!(
        states.contains(&("codeintel-origin.socket", "inactive")),
        "{states:?}"
    );
    assert!(states.contains(&("nginx.service", "active")), "{states:?}");
    let started = deployed.opsctl("services start");
    assert_eq!(started.code, 0, "{}{}", started.out, started.talk);
    assert_eq!(started.out.lines().count(), 5, "{}", started.out);
    deployed.wait_until_ready();
}

/// A configuration that the origin refuses: the start ends with 14 and names where to look.
fn ends_at_once(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must(
        "cp -a /etc/codeintel/origin.toml /tmp/good && echo nonsense >> /etc/codeintel/origin.toml",
    );
    let said = deployed.opsctl("services restart codeintel");
    assert_eq!(said.code, 14, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("opsctl services logs"), "{}", said.talk);
    let logs = deployed.opsctl("services logs codeintel-origin --since 10m");
    assert!(logs.out.contains("toml.syntax"), "{}", logs.out);
    machine.must("cp -a /tmp/good /etc/codeintel/origin.toml && systemctl reset-failed");
    let said = deployed.opsctl("services restart");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    deployed.wait_until_ready();
}

fn follows_a_request(deployed: &Deployed) {
    deployed.machine.must(&call("followed-1"));
    // the journal takes a moment
    deployed.machine.wait_for(&format!(
        "cd /etc/opsctl/{NAME} && opsctl logs --request-id followed-1 | grep -q 'of fixtures: answered'"
    ));
    let said = deployed.opsctl("logs --request-id followed-1 --format json");
    let document = said.json();
    let lines = document["lines"].as_array().expect("lines");
    let sources: Vec<_> = lines
        .iter()
        .map(|line| line["source"].as_str().unwrap_or(""))
        .collect();
    let origin = "codeintel-origin.service";
    assert_eq!(sources, ["edge", origin, origin], "{document:#}");
    let unknown = deployed.opsctl("logs --request-id nobody-1");
    assert_eq!(unknown.code, 1);
    assert!(unknown.talk.contains("nobody-1"), "{}", unknown.talk);
}
