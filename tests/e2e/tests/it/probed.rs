//! `opsctl probe` of an NGINX with the origin behind, as of any server.

use e2e::{Deployment, Running, Tools, opsctl};
use serde_json::Value;

fn probed(tools: &Tools, running: &Running, deployment: &Deployment, words: &[&str]) -> Value {
    let mut probe = opsctl(tools, deployment);
    probe.arg("probe").args(words);
    probe.arg("--ca").arg(running.ca());
    let output = probe.output().expect("opsctl starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {talk}"))
}

#[test]
fn what_an_nginx_does_over_http3_is_seen_from_outside() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let running = Running::start(&tools, &deployment);
    let url = running.url("/healthz");
    let words = [url.as_str(), "--handshakes", "3"];
    let seen = probed(&tools, &running, &deployment, &words);
    for version in seen["versions"].as_array().expect("versions") {
        assert_eq!(version["status"], 200, "{seen:#}");
    }
    let http3 = &seen["http3"];
    assert_eq!(http3["upgrade"]["status"], 200, "{http3:#}");
    assert_eq!(http3["handshakes"]["done"], 3, "{http3:#}");
    assert_eq!(http3["early_data"], "not_offered", "{http3:#}");
    assert_eq!(http3["retry"], false, "{http3:#}");
    let url = running.url("/mcp/sse?interval_ms=100");
    let words = [url.as_str(), "--hold", "2s", "--handshakes", "0"];
    let held = probed(&tools, &running, &deployment, &words);
    for version in held["versions"].as_array().expect("versions") {
        let pieces = version["held"]["pieces"].as_u64();
        assert!(pieces.is_some_and(|pieces| pieces > 5), "{held:#}");
    }
}
