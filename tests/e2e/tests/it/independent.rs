//! Clients of HTTP/3 that share no code with the origin, at the origin alone: a GET, a POST, a stream and a call.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::Tools;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::alone::{Alone, NAME, put};

#[test]
fn aioquic_tours_the_origin() {
    let tools = Tools::from_environment();
    let alone = Alone::start(&tools);
    alone.wait_until_ready(&tools);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/aioquic_tour.py");
    let mut command = Command::new(&tools.aioquic_python);
    command.arg(script).args([&alone.port.to_string(), NAME]);
    let output = command.arg(alone.certificate()).output();
    let output = output.expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    let seen: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"));
    let text = |what: &str| seen[what][1].as_str().expect("a text");
    assert_eq!(seen["get"], json!([200, "{\"status\":\"ok\"}"]));
    // 100 kB of a member that there is none of are read all the same.
    assert_eq!(seen["post"][0], 400);
    assert!(text("post").contains("INVALID_ARGUMENTS"), "{seen}");
    assert_eq!(text("events").matches("event: tick").count(), 3, "{seen}");
    assert!(text("call").contains("structuredContent"), "{seen}");
}

/// Debian's client of ngtcp2: what it downloaded of these paths, one after the other on one connection.
fn ngtcp2(tools: &Tools, alone: &Alone, arguments: &[&str], path: &str) -> String {
    let folder = TempDir::with_prefix_in("e2e-ngtcp2-", tools.root_trixie.join("tmp"));
    let folder = folder.expect("the root is writable");
    let inside = format!(
        "/tmp/{}",
        folder.path().file_name().expect("a name").display()
    );
    let mut command = Command::new("chroot");
    command.arg(&tools.root_trixie).arg("gtlsclient");
    command.args(["-q", "--exit-on-all-streams-close", "--timeout=20s"]);
    command.args([format!("--sni={NAME}"), format!("--download={inside}")]);
    if let [method, body] = arguments {
        put(&folder.path().join("body"), body);
        command.args([
            format!("--http-method={method}"),
            format!("--data={inside}/body"),
        ]);
    }
    let port = alone.port.to_string();
    let url = format!("https://{NAME}:{port}{path}");
    let output = command.args(["127.0.0.1", &port, &url]).output();
    let output = output.expect("the client starts");
    let last = path.rsplit('/').next().expect("a name");
    let talk = String::from_utf8_lossy(&output.stderr);
    fs::read_to_string(folder.path().join(last)).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

#[test]
fn ngtcp2_gets_posts_and_streams() {
    let tools = Tools::from_environment();
    let alone = Alone::start(&tools);
    alone.wait_until_ready(&tools);
    assert_eq!(
        ngtcp2(&tools, &alone, &[], "/healthz"),
        "{\"status\":\"ok\"}"
    );
    let events = ngtcp2(&tools, &alone, &[], "/mcp/sse?interval_ms=20&count=3");
    assert_eq!(events.matches("event: tick").count(), 3, "{events}");
    let call = r#"{"tool": "time__get_current_time", "arguments": {"timezone": "UTC"}}"#;
    let answer = ngtcp2(&tools, &alone, &["POST", call], "/call-tool");
    assert!(answer.contains("\"success\":true"), "{answer}");
}
