//! A template that is broken on purpose makes exactly the check fail that is there for it.

use e2e::{Deployment, Tools, Verdict, up_once};

fn verify_broken(find: &str, replace: &str) -> Verdict {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let templates = deployment.broken_templates(find, replace);
    let verdict = up_once(
        &tools,
        &deployment,
        &["--templates", &templates.display().to_string()],
    );
    assert_eq!(verdict.code, 14, "{:#}\n{}", verdict.json, verdict.talk);
    assert_eq!(verdict.json["ok"], false);
    verdict
}

#[test]
fn buffering_is_seen_on_http1_and_named() {
    let hidden = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;";
    let verdict = verify_broken("proxy_buffering off;", hidden);
    let detail = verdict.failure("stream.cadence");
    assert!(
        detail.contains("HTTP/1.1"),
        "{detail} in {:#}",
        verdict.json
    );
    assert_eq!(verdict.status("http3"), "pass");
}

#[test]
fn a_missing_quic_listener_fails_http3() {
    let verdict = verify_broken("listen {{ address }} quic", "# listen");
    assert_eq!(verdict.status("http3"), "fail", "{:#}", verdict.json);
    assert_eq!(verdict.status("http2"), "pass");
}

#[test]
fn a_wrong_alt_svc_port_fails_alt_svc_alone() {
    let verdict = verify_broken("h3=\":", "h3=\":1");
    assert_eq!(verdict.status("alt-svc"), "fail", "{:#}", verdict.json);
    assert_eq!(verdict.status("http3"), "pass");
}

#[test]
fn an_overwritten_request_id_fails_request_id() {
    let verdict = verify_broken("X-Request-ID $", "X-Request-ID $request_id; #");
    assert_eq!(verdict.status("request-id"), "fail", "{:#}", verdict.json);
    assert_eq!(verdict.status("http1"), "pass");
}
