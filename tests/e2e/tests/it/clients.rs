//! Clients that nobody here wrote, and the probe over HTTP/3, get the right answers through the edge.

use std::process::Command;

use e2e::{Deployment, Running, Tools};
use probe::{Ask, Version};
use serde_json::{Value, json};

fn python_client(tools: &Tools, running: &Running, mode: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/list_and_call.py");
    let output = Command::new(&tools.clients_python)
        .args([
            script,
            &running.url("/mcp"),
            mode,
            env!("CARGO_MANIFEST_DIR"),
        ])
        .env("SSL_CERT_FILE", running.ca())
        .output()
        .expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

fn head_commit() -> String {
    let output = Command::new("git")
        .args(["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "HEAD"])
        .output()
        .expect("git runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn the_python_client_of_each_era_lists_and_calls_the_tools_of_both_servers() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_git_and_time(&tools));
    for mode in ["auto", "legacy"] {
        let seen = python_client(&tools, &running, mode);
        let names: Vec<_> = seen["tools"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(
            names.contains(&"git__git_log") && names.contains(&"time__get_current_time"),
            "{names:?}"
        );
        let log = seen["git_log"].as_str().expect("a text");
        assert!(log.contains(&head_commit()), "{mode}: {log}");
        assert!(
            seen["time"]
                .as_str()
                .is_some_and(|text| text.contains("\"timezone\": \"UTC\"")),
            "{mode}: {seen}"
        );
    }
}

#[tokio::test]
async fn the_probe_gets_the_same_answer_over_http3() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_git_and_time(&tools));
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let repository = repository
        .canonicalize()
        .expect("it exists")
        .display()
        .to_string();
    let arguments = json!({"repo_path": repository, "max_count": 1});
    for version in Version::ALL {
        let arguments = arguments.as_object().expect("an object").clone();
        let ask: Ask = probe::mcp::tools_call("/mcp", 1, "git__git_log", arguments);
        let answer = probe::fetch(&running.target(), version, ask)
            .await
            .expect("an answer");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.head.status, 200, "{version}: {text}");
        assert!(text.contains(&head_commit()), "{version}: {text}");
    }
}
