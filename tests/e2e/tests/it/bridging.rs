//! Servers that ask their client back, and clients that answer, each with the SDK of its own era: all four crossings.

use std::process::Command;

use e2e::{Deployment, Running, Tools};
use probe::{Ask, Connection, Version, mcp};
use serde_json::{Map, Value, json};

fn deployment(tools: &Tools) -> Deployment {
    let server = |name: &str, python: &std::path::Path, script: &str| {
        let (python, script) = (python.display(), Tools::script(script));
        format!(
            "[[servers]]\nname = \"{name}\"\ncommand = [\"{python}\", \"{script}\"]\n\
             process = \"per-session\"\ncheck_tool = \"echo\"\ncheck_arguments = {{ text = \"x\" }}\n"
        )
    };
    Deployment::with_servers(&format!(
        "{}{}",
        server("old", &tools.mcp1_python, "asks_mcp1.py"),
        server("new", &tools.clients_python, "asks_mcp2.py")
    ))
}

fn seen_by(running: &Running, python: &std::path::Path, script: &str, modes: &[&str]) -> Value {
    let script = format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut client = Command::new(python);
    client.args([script, running.url("/mcp")]).args(modes);
    client.args(["old", "new"]);
    // Both names: the packages make their TLS with different libraries.
    client.env("SSL_CERT_FILE", running.ca());
    let output = client.output().expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

#[test]
fn what_a_server_asks_reaches_a_client_of_the_other_era_and_the_answer_comes_back() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &deployment(&tools));
    let (old, new) = (&tools.mcp1_python, &tools.clients_python);
    let answers = json!([
        "accept Ada",
        "a line of the model",
        "file:///srv/a file:///srv/b"
    ]);
    for (python, script, modes, version) in [
        (new, "answers_mcp2.py", &["auto"][..], "2026-07-28"),
        (new, "answers_mcp2.py", &["legacy"][..], "2025-11-25"),
        (old, "answers_mcp1.py", &[][..], "2025-11-25"),
    ] {
        let seen = seen_by(&running, python, script, modes);
        assert_eq!(seen["version"], version, "{seen}");
        assert_eq!(seen["old"], answers, "{script} {version}");
        assert_eq!(seen["new"], answers, "{script} {version}");
    }
}

/// A request of 2026-07-28 by a client that fills in forms.
async fn ask(connection: &mut Connection, method: &str, params: Value) -> Value {
    let params: Map<String, Value> = serde_json::from_value(params).expect("an object");
    let Ask { body, .. } = mcp::modern("/mcp", 1, method, params.clone());
    let mut message: Value = serde_json::from_slice(&body).expect("a message");
    let claim = "io.modelcontextprotocol/clientCapabilities";
    message["params"]["_meta"][claim] = json!({"elicitation": {"form": {}}});
    let mut asked = mcp::modern("/mcp", 1, method, params);
    asked.body = message.to_string().into();
    let answer = connection.fetch(asked).await.expect("an answer");
    let answer = mcp::answer_to(&answer, 1).expect("an answer in JSON-RPC");
    answer["result"].clone()
}

#[tokio::test]
async fn the_reference_server_shows_and_serves_what_asks_its_client_also_to_the_newer_era() {
    let tools = Tools::from_environment();
    let (node, everything) = (tools.node.display(), tools.everything.display());
    let running = Running::start(
        &tools,
        &Deployment::with_servers(&format!(
            "[[servers]]\nname = \"everything\"\ncommand = [\"{node}\", \"{everything}\", \"stdio\"]\n\
             process = \"per-session\"\ncheck_tool = \"echo\"\ncheck_arguments = {{ message = \"x\" }}\n"
        )),
    );
    let connection = Connection::open(&running.target(), Version::Http3).await;
    let mut connection = connection.expect("a connection");
    let listed = ask(&mut connection, "tools/list", json!({})).await;
    let call = json!({"name": "everything__trigger-elicitation-request", "arguments": {}});
    let tools = listed["tools"].as_array().expect("tools");
    assert!(tools.iter().any(|tool| tool["name"] == call["name"]));
    let asked = ask(&mut connection, "tools/call", call.clone()).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let questions = asked["inputRequests"].as_object().expect("questions");
    let key = questions.keys().next().expect("a question").as_str();
    let mut again = call;
    again["requestState"] = asked["requestState"].clone();
    again["inputResponses"] = json!({key: {"action": "accept", "content": {"name": "Ada"}}});
    let answered = ask(&mut connection, "tools/call", again).await;
    assert!(answered.to_string().contains("Ada"), "{answered}");
}
