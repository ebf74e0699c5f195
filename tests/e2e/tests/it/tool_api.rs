//! The tools over plain HTTP, through the edge.

use std::process::Command;
use std::time::{Duration, Instant};

use e2e::{DEADLINE, Deployment, Running, Tools};
use serde_json::Value;

/// Three servers that others or their makers wrote, and all of the tool API open.
fn deployment(tools: &Tools) -> Deployment {
    let (git, time) = (
        tools.server("mcp-server-git"),
        tools.server("mcp-server-time"),
    );
    let fixtures = tools.fixtures.display();
    Deployment::from_text(|https, http| {
        format!(
            "name = \"demo\"\nserver_names = [\"localhost\"]\n\
             [edge]\nlisten = [\"127.0.0.1\"]\nhttps_port = {https}\nhttp_port = {http}\n\
             expose = [\"healthz\", \"tools\", \"call-tool\", \"openapi\"]\n\
             [tls]\nself_signed = true\n\
             [[servers]]\nname = \"git\"\ncommand = [\"{git}\"]\n\
             [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
             check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n\
             [[servers]]\nname = \"fixtures\"\ncommand = [\"{fixtures}\"]\n"
        )
    })
}

/// Runs a line of shell whose `curl` speaks one version of HTTP to the edge; what it said.
fn shell(tools: &Tools, running: &Running, version: &str, line: &str) -> String {
    let curl = tools.curl_with_http3(&running.ca());
    let words = std::iter::once(curl.get_program()).chain(curl.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let script = format!(
        "curl() {{ {} {version} \"$@\"; }}\nORIGIN={}\n{line}",
        words.join(" "),
        running.url("")
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a shell");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{version} {line}: {talk}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

const VERSIONS: [&str; 3] = ["--http1.1", "--http2", "--http3-only"];

#[test]
fn the_tool_api_works_over_every_version_and_is_verified() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &deployment(&tools));
    assert_eq!(status(&running), "pass", "{}", running.verdict);
    the_lines_of_the_page_work(&tools, &running);
    tools_of_several_servers_answer_and_fail_in_one_shape(&tools, &running);
    the_id_of_the_body_is_in_the_log_of_the_edge(&tools, &running);
    a_client_made_from_the_document_calls_a_tool(&tools, &running);
}

fn the_lines_of_the_page_work(tools: &Tools, running: &Running) {
    let page = include_str!("../../../../docs/tool-api.md");
    let lines: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("curl "))
        .collect();
    assert!(lines.len() > 4, "{lines:?}");
    for version in VERSIONS {
        for line in &lines {
            let said = shell(tools, running, version, line);
            let part = match line {
                line if line.contains("event-stream") => "event: result\ndata: {\"success\":true",
                line if line.contains("/call-tool") => "{\"success\":true",
                line if line.contains("/openapi") => "{\"openapi\":\"3.1",
                _ => "\"name\":\"time__get_current_time\"",
            };
            assert!(said.contains(part), "{version} {line}: {said}");
        }
    }
}

/// The envelope of a call.
fn call(tools: &Tools, running: &Running, version: &str, body: &str) -> Value {
    let line = format!("curl \"$ORIGIN/call-tool\" -d '{body}'");
    let said = shell(tools, running, version, &line);
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn tools_of_several_servers_answer_and_fail_in_one_shape(tools: &Tools, running: &Running) {
    let folder = env!("CARGO_MANIFEST_DIR");
    for version in VERSIONS {
        let git = format!(
            r#"{{"tool":"git__git_log","arguments":{{"repo_path":"{folder}/../..","max_count":1}}}}"#
        );
        let log = call(tools, running, version, &git);
        assert_eq!(log["success"], true, "{log}");
        let text = call(
            tools,
            running,
            version,
            r#"{"tool":"fixtures__test_simple_text"}"#,
        );
        assert!(text["data"]["content"][0]["text"].is_string(), "{text}");
        for (body, code) in [
            (r#"{"tool":"git__git_lg"}"#, "TOOL_NOT_FOUND"),
            (
                r#"{"tool":"git__git_log","arguments":{"max_count":"x"}}"#,
                "INVALID_ARGUMENTS",
            ),
            (
                r#"{"tool":"fixtures__test_error_handling"}"#,
                "EXECUTION_ERROR",
            ),
        ] {
            assert_eq!(call(tools, running, version, body)["code"], code, "{body}");
        }
    }
}

fn status(running: &Running) -> &str {
    let checks = running.verdict["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == "tool-api");
    check
        .and_then(|check| check["status"].as_str())
        .unwrap_or("absent")
}

fn the_id_of_the_body_is_in_the_log_of_the_edge(tools: &Tools, running: &Running) {
    let body = r#"{"tool":"time__get_current_time","arguments":{"timezone":"UTC"},"request_id":"body-id:1"}"#;
    assert_eq!(
        call(tools, running, "--http3-only", body)["request_id"],
        "body-id:1"
    );
    let end = Instant::now() + DEADLINE;
    let logged = || {
        let logs = std::fs::read_dir(running.dir.join("log")).expect("the folder of the logs");
        let mut logs = logs
            .flatten()
            .filter_map(|log| std::fs::read_to_string(log.path()).ok());
        logs.any(|log| log.contains(r#""request_id":"body-id:1","route":"call-tool""#))
    };
    while !logged() {
        assert!(Instant::now() < end, "the edge does not log the id");
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "between two looks at a file")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn a_client_made_from_the_document_calls_a_tool(tools: &Tools, running: &Running) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/openapi_tour.py");
    let output = Command::new(&tools.clients_python)
        .args([script, &running.url("/openapi.json")])
        .env("SSL_CERT_FILE", running.ca())
        .output()
        .expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    let seen: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"));
    assert_eq!(seen["valid"], true, "{seen}");
    assert_eq!(seen["success"], true, "{seen}");
    assert!(
        seen["text"]
            .as_str()
            .is_some_and(|text| text.contains("UTC")),
        "{seen}"
    );
}
