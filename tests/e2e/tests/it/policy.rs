//! Limits and routes by tool: NGINX decides by the headers of MCP 2026-07-28, without a look into the body.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use e2e::{Deployment, Running, Tools};
use probe::mcp::{LEGACY, header_value, initialize, tools_call};
use probe::{Answer, Ask, Target, Version, fetch};
use serde_json::{Map, Value, json};

/// A deployment with this in its `[edge]`, and the time server behind it.
fn deployment(policy: &str) -> Deployment {
    let time = Tools::from_environment().server("mcp-server-time");
    Deployment::from_text(|https, http| {
        format!(
            "name = \"policy\"\nserver_names = [\"localhost\"]\n[edge]\nlisten = [\"127.0.0.1\"]\n\
             https_port = {https}\nhttp_port = {http}\n{policy}\n[tls]\nself_signed = true\n\
             [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\ncheck_tool = \"get_current_time\"\n\
             check_arguments = {{ timezone = \"UTC\" }}\n"
        )
    })
}

fn arguments() -> Map<String, Value> {
    let zones = json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    let Value::Object(arguments) = zones else {
        unreachable!()
    };
    arguments
}

/// A call of the limited tool.
fn call(path: &str, tool: &str) -> Ask {
    tools_call(path, 1, tool, arguments())
}

fn ask(target: &Target, version: Version, ask: Ask) -> Answer {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let answer = runtime.block_on(Box::pin(fetch(target, version, ask)));
    answer.expect("an answer")
}

const LIMIT: &str = "[[edge.limits]]\nname = \"convert\"\ntools = [\"time__convert_*\"]\nrate = \"1r/m\"\nburst = 1\n";

#[test]
fn a_limited_tool_is_answered_429_whatever_the_version_and_others_are_not() {
    let running = Running::start(&Tools::from_environment(), &deployment(LIMIT));
    let target = running.target();
    let statuses = [Version::Http1, Version::Http2, Version::Http3].map(|version| {
        let answer = ask(&target, version, call("/mcp", "time__convert_time"));
        (answer.head.status.as_u16(), answer)
    });
    assert_eq!(
        [statuses[0].0, statuses[1].0, statuses[2].0],
        [200, 200, 429]
    );
    let refused = &statuses[2].1;
    assert_eq!(refused.head.headers["retry-after"], "1");
    let body: Value = serde_json::from_slice(&refused.body).expect("JSON-RPC");
    assert_eq!(body["error"]["data"]["code"], "RATE_LIMITED");
    let mut zone = Map::new();
    zone.insert("timezone".into(), json!("UTC"));
    let other = tools_call("/mcp", 2, "time__get_current_time", zone);
    assert_eq!(ask(&target, Version::Http3, other).head.status, 200);
    let older = initialize("/mcp", 3, LEGACY);
    assert_eq!(ask(&target, Version::Http1, older).head.status, 200);
}

#[test]
fn no_spelling_of_a_limited_tool_gets_round_its_limit() {
    let running = Running::start(&Tools::from_environment(), &deployment(LIMIT));
    let target = running.target();
    let status = |ask_: Ask| ask(&target, Version::Http2, ask_).head.status.as_u16();
    assert_eq!(status(call("/mcp", "time__convert_time")), 200);
    // on its own path the tool has no prefix
    assert_eq!(status(call("/servers/time/mcp", "convert_time")), 200);
    assert_eq!(status(call("/servers/time/mcp", "convert_time")), 429);
    let mut wrapped = call("/mcp", "time__convert_time");
    let name = "=?base64?dGltZV9fY29udmVydF90aW1l?=";
    wrapped
        .headers
        .insert("mcp-name", name.parse().expect("a value"));
    assert_eq!(status(wrapped), 429);
    // what says another tool in its header is not limited, and the origin refuses it
    let mut lying = call("/mcp", "time__convert_time");
    lying
        .headers
        .insert("mcp-name", header_value("time__get_current_time"));
    assert_eq!(status(lying), 400);
}

#[test]
fn a_routed_tool_is_answered_by_the_other_origin_and_the_log_names_it() {
    let other = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = other.local_addr().expect("bound").port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = other.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nother",
            );
        }
    });
    let route = format!(
        "[[edge.routes]]\nname = \"convert\"\ntools = [\"time__convert_time\"]\nto = \"127.0.0.1:{port}\"\n"
    );
    let running = Running::start(&Tools::from_environment(), &deployment(&route));
    let target = running.target();
    let routed = ask(&target, Version::Http3, call("/mcp", "time__convert_time"));
    assert_eq!(String::from_utf8_lossy(&routed.body), "other");
    let mut zone = Map::new();
    zone.insert("timezone".into(), json!("UTC"));
    let own = tools_call("/mcp", 2, "time__get_current_time", zone);
    assert_eq!(ask(&target, Version::Http3, own).head.status, 200);
    let log = std::fs::read_to_string(running.dir.join("log/policy.access.log")).expect("a log");
    let named = r#""mcp_method":"tools/call","mcp_name":"time__convert_time""#;
    assert!(log.contains(named), "{log}");
}
