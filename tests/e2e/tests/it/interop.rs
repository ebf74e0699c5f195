//! Clients that nobody here wrote, through the edge, in each era that they have: each lists the tools, calls some, reads a
//! resource, gets a prompt, and answers what the server asks back.

use std::path::Path;
use std::process::Command;

use e2e::{Deployment, Running, Tools};
use serde_json::{Value, json};

/// What every client must have seen; `null` where a client does not say it.
fn assert_tour(seen: &Value, of: &str) {
    let names = seen["tools"].as_array().expect("a list of names");
    assert!(
        names.contains(&json!("test_simple_text")),
        "{of}: {names:?}"
    );
    assert!(names.len() > 30, "{of}: {names:?}");
    let expected = [
        ("call", json!("This is a simple text response for testing.")),
        ("echo", json!({"text": "größe \n\"'$()"})),
        (
            "resource",
            json!("This is the content of the static text resource."),
        ),
        (
            "prompt",
            json!("Prompt with arguments: arg1='one', arg2='two'"),
        ),
    ];
    for (what, value) in expected {
        assert_eq!(seen[what], value, "{of}: {what}");
    }
}

/// Runs a program that prints what it saw as one JSON object.
fn seen_by(command: &mut Command) -> Value {
    let output = command.output().expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{talk}"))
}

fn python(program: &Path, script: &str, running: &Running, mode: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("clients")
        .join(script);
    let mut command = Command::new(program);
    command.arg(script).args([&running.url("/mcp"), mode]);
    seen_by(command.env("SSL_CERT_FILE", running.ca()))
}

/// The modes of both Python packages and the revision that comes of each.
const MODES: [(&str, &str); 3] = [
    ("auto", "2026-07-28"),
    ("legacy", "2025-11-25"),
    ("2026-07-28", "2026-07-28"),
];

#[test]
fn the_mcp_package_tours_the_endpoint_in_both_eras() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    for (mode, version) in MODES {
        let seen = python(&tools.clients_python, "mcp_tour.py", &running, mode);
        assert_tour(&seen, mode);
        assert_eq!(seen["version"], version, "{mode}");
        assert_eq!(seen["progress"], json!([0.0, 50.0, 100.0]), "{mode}");
        let asked = seen["asked"].as_str().expect("a text");
        assert!(asked.contains("Ada"), "{mode}: {asked}");
    }
}

#[test]
fn the_mcp_package_tours_an_origin_that_ends_tls_itself() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_fixtures(&tools).passed_on();
    let running = Running::start(&tools, &deployment);
    let seen = python(&tools.clients_python, "mcp_tour.py", &running, "auto");
    assert_tour(&seen, "auto");
}

#[test]
fn the_fastmcp_package_tours_the_endpoint_in_both_eras() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    for (mode, version) in MODES {
        let seen = python(&tools.fastmcp_python, "fastmcp_tour.py", &running, mode);
        assert_tour(&seen, mode);
        assert_eq!(seen["version"], version, "{mode}");
        assert_eq!(seen["progress"], json!([0.0, 50.0, 100.0]), "{mode}");
    }
}

#[test]
fn the_client_of_rmcp_tours_the_endpoint_in_both_eras() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    for mode in ["auto", "legacy", "modern"] {
        let mut command = Command::new(&tools.rmcp);
        command.args([&running.url("/mcp"), mode]).arg(running.ca());
        let seen = seen_by(&mut command);
        assert_tour(&seen, mode);
        let asked = seen["asked"].as_str().expect("a text");
        assert!(asked.contains("Ada"), "{mode}: {asked}");
    }
}

#[test]
fn mcp_inspector_tours_the_endpoint_in_both_eras() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_fixtures(&tools));
    for era in ["legacy", "modern"] {
        let ask = |arguments: &[&str]| inspector(&tools, &running, era, arguments);
        let listed = ask(&["--method", "tools/list"]);
        let names = listed["tools"].as_array().expect("a list");
        let names: Vec<&Value> = names.iter().map(|tool| &tool["name"]).collect();
        let call = ask(&["--method", "tools/call", "--tool-name", "test_simple_text"]);
        let text = ["--tool-arg", "text=größe \n\"'$()"];
        let echo = ask(&[
            &["--method", "tools/call", "--tool-name", "test_echo"],
            &text[..],
        ]
        .concat());
        let resource = ask(&["--method", "resources/read", "--uri", "test://static-text"]);
        let words = ["--prompt-args", "arg1=one", "arg2=two"];
        let name = ["--prompt-name", "test_prompt_with_arguments"];
        let prompt = ask(&[&["--method", "prompts/get"], &name[..], &words[..]].concat());
        let seen = json!({
            "tools": names,
            "call": call["content"][0]["text"],
            "echo": echo["structuredContent"],
            "resource": resource["contents"][0]["text"],
            "prompt": prompt["messages"][0]["content"]["text"],
        });
        assert_tour(&seen, era);
    }
}

/// The result of one request of the Inspector's command line.
fn inspector(tools: &Tools, running: &Running, era: &str, arguments: &[&str]) -> Value {
    let home = tempfile::TempDir::with_prefix("e2e-inspector-").expect("a temporary folder");
    let mut command = Command::new(&tools.node);
    command.arg(&tools.inspector).arg("--cli");
    command.args([&running.url("/mcp"), "--protocol-era", era]);
    command.args(arguments).args(["--format", "json", "-q"]);
    // it keeps a catalogue of servers in the home of its user
    command.env("HOME", home.path());
    command.env("NODE_EXTRA_CA_CERTS", running.ca());
    seen_by(&mut command)["result"].take()
}
