//! What a person sees with curl: every version, and events one by one.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{Deployment, Running, Tools};

/// One call of `time__get_current_time` in the 2026-07-28 revision, as curl arguments.
const CALL: [&str; 12] = [
    "-H",
    "Content-Type: application/json",
    "-H",
    "Accept: application/json, text/event-stream",
    "-H",
    "MCP-Protocol-Version: 2026-07-28",
    "-H",
    "Mcp-Method: tools/call",
    "-H",
    "Mcp-Name: time__get_current_time",
    "--data",
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"time__get_current_time","arguments":{"timezone":"UTC"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#,
];

#[test]
fn curl_gets_the_same_tool_answer_over_every_version() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_time(&tools));
    call_over_every_version(&tools, &running);
}

pub(crate) fn call_over_every_version(tools: &Tools, running: &Running) {
    for (flag, version) in [
        ("--http1.1", "1.1"),
        ("--http2", "2"),
        ("--http3-only", "3"),
    ] {
        let mut command = tools.curl_with_http3(&running.ca());
        command
            .args([flag, "--write-out", "\n%{http_version}"])
            .args(CALL)
            .arg(running.url("/mcp"));
        let output = command.output().expect("curl starts");
        let text = String::from_utf8_lossy(&output.stdout);
        let talk = String::from_utf8_lossy(&output.stderr);
        let (body, seen) = text
            .rsplit_once('\n')
            .unwrap_or_else(|| panic!("{flag}: {text} {talk}"));
        assert_eq!(seen, version, "{body}");
        assert!(
            body.contains(r#""result""#) && body.contains("UTC"),
            "{flag}: {body} {talk}"
        );
    }
}

#[test]
fn curl_shows_each_event_as_it_is_sent_on_every_version() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_time(&tools));
    for flag in ["--http1.1", "--http2", "--http3-only"] {
        let arrivals = event_arrivals(tools.curl_with_http3(&running.ca()), flag, &running);
        assert_eq!(arrivals.len(), 5, "{flag}");
        // five events 400 ms apart: held back, they would all come within a few milliseconds of each other
        let spread = arrivals[4].duration_since(arrivals[0]);
        assert!(
            spread > Duration::from_millis(1_200),
            "{flag}: all events within {spread:?}"
        );
    }
}

fn event_arrivals(mut curl: Command, flag: &str, running: &Running) -> Vec<Instant> {
    curl.args(["-N", flag, &running.url("/mcp/sse?interval_ms=400&count=5")])
        .stdout(Stdio::piped());
    let mut child = curl.spawn().expect("curl starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let events = lines
        .map_while(Result::ok)
        .filter(|line| line.starts_with("data:") && line.contains("seq"));
    let arrivals = events.map(|_| Instant::now()).collect();
    assert!(child.wait().expect("curl ends").success(), "{flag}");
    arrivals
}

#[test]
fn mcp_is_never_redirected_and_a_websocket_is_refused() {
    let tools = Tools::from_environment();
    let running = Running::start(&tools, &Deployment::with_time(&tools));
    for (path, arguments, status) in [
        ("/mcp", &CALL[..], "200"),
        ("/mcp/", &CALL[..], "200"),
        ("/mcp/nothing", &[][..], "404"),
        (
            "/mcp",
            &["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"][..],
            "501",
        ),
    ] {
        let mut command = tools.curl_with_http3(&running.ca());
        command
            .args([
                "--http1.1",
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
            ])
            .args(arguments);
        let output = command
            .arg(running.url(path))
            .output()
            .expect("curl starts");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            status,
            "{path} {arguments:?}"
        );
    }
}

#[test]
fn plain_http_leads_to_https_and_answers_the_authority_itself() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let running = Running::start(&tools, &deployment);
    let https = running.url("/mcp");
    for (host, path, said) in [
        ("localhost", "/mcp", format!("308 {https}")),
        (
            "localhost",
            "/.well-known/acme-challenge/none",
            "404 ".to_owned(),
        ),
        ("foreign.example", "/mcp", "421 ".to_owned()),
    ] {
        let mut command = tools.curl_with_http3(&running.ca());
        command.args(["--request", "POST", "--output", "/dev/null"]);
        command.args(["--write-out", "%{http_code} %{redirect_url}"]);
        command.args(["--header", &format!("Host: {host}")]);
        let url = format!("http://127.0.0.1:{}{path}", deployment.http_port);
        let output = command.arg(url).output().expect("curl starts");
        let answered = String::from_utf8_lossy(&output.stdout);
        assert_eq!(answered, said, "{host}{path}");
    }
}
