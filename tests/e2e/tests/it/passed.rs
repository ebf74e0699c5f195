//! A deployment whose edge passes connections on, as a user of it sees it.

use std::fs;
use std::path::Path;

use e2e::{Deployment, Running, Tools};
use probe::{Ask, Version};
use serde_json::Value;

use crate::curl::call_over_every_version;
use crate::demo::PROMISED;

#[test]
fn it_is_verified_and_curl_gets_the_same_answer_over_every_version() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_git_and_time(&tools).passed_on();
    let running = Running::start(&tools, &deployment);
    let verdict = &running.verdict;
    assert_eq!(verdict["topology"], "stream-passthrough");
    assert_eq!(verdict["ok"], true, "{verdict:#}");
    let checks = verdict["checks"].as_array().expect("a list");
    for id in PROMISED {
        let passed = |check: &Value| check["id"] == id && check["status"] == "pass";
        assert!(checks.iter().any(passed), "{id}: {verdict:#}");
    }
    call_over_every_version(&tools, &running);
}

#[tokio::test]
async fn the_lines_of_edge_and_origin_are_joined_by_the_port_of_the_client() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools).passed_on();
    let mut running = Running::start(&tools, &deployment);
    let ask = Ask::get("/healthz").with_header("x-request-id", "joined");
    let ask = ask.expect("a header");
    let answer = Box::pin(probe::fetch(&running.target(), Version::Http2, ask)).await;
    assert_eq!(answer.expect("an answer").head.status, 200);
    running.stop();
    let origin = line(&running.dir.join("log/demo-origin.log"), |line| {
        line["request_id"] == "joined"
    });
    let port = origin["peer"]
        .as_str()
        .and_then(|peer| peer.strip_prefix("127.0.0.1:"));
    let port = port.unwrap_or_else(|| panic!("{origin}"));
    let edge = line(&running.dir.join("log/demo.access.log"), |line| {
        line["remote_port"] == port
    });
    assert_eq!(
        (&edge["protocol"], &edge["route"]),
        (&"TCP".into(), &"stream".into())
    );
}

/// The first line of a log of JSON lines that is asked for.
fn line(log: &Path, is_it: impl Fn(&Value) -> bool) -> Value {
    let text = fs::read_to_string(log).expect("a log");
    let mut lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    lines
        .find(is_it)
        .unwrap_or_else(|| panic!("no such line in {text}"))
}
