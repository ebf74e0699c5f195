//! A template that is broken on purpose makes exactly the check fail that is there for it, and no other.

use e2e::{Deployment, Tools, Verdict, up_once};

/// What the deployments of these tests have.
const KEEP_ALIVE: &str = "stream_keep_alive = \"2s\"";

/// Brings the deployment up with one text of the templates replaced; these checks fail, and only these.
fn verify_broken(find: &str, replace: &str, failing: &[&str]) -> Verdict {
    let deployment = Deployment::with_time(&Tools::from_environment());
    verify_with(&deployment, find, replace, failing)
}

fn verify_with(deployment: &Deployment, find: &str, replace: &str, failing: &[&str]) -> Verdict {
    let tools = Tools::from_environment();
    let templates = deployment.broken_templates(find, replace);
    let verdict = up_once(
        &tools,
        deployment,
        &["--templates", &templates.display().to_string()],
    );
    assert_eq!(verdict.code, 14, "{:#}\n{}", verdict.json, verdict.talk);
    assert_eq!(verdict.json["ok"], false);
    let failed: Vec<_> = verdict.failed().iter().map(|(id, _)| *id).collect();
    assert_eq!(failed, failing, "{:#}", verdict.json);
    verdict
}

/// The same of the topology in which NGINX passes connections on.
fn verify_passed_on(find: &str, replace: &str, failing: &[&str]) -> Verdict {
    let deployment = Deployment::with_time(&Tools::from_environment()).passed_on();
    verify_with(&deployment, find, replace, failing)
}

#[test]
fn buffering_is_seen_on_http1_and_named() {
    let hidden = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;";
    let held_back = [
        "nginx.lint",
        "stream.first-event",
        "stream.cadence",
        "stream.keepalive",
        "stream.disconnect",
    ];
    let verdict = verify_broken("proxy_buffering off;", hidden, &held_back);
    let detail = verdict.failure("stream.cadence");
    assert!(
        detail.contains("HTTP/1.1"),
        "{detail} in {:#}",
        verdict.json
    );
}

#[test]
fn a_missing_quic_listener_fails_http3() {
    verify_broken("listen {{ address }} quic", "# listen", &["http3"]);
}

#[test]
fn a_missing_http2_fails_http2() {
    verify_broken("http2 on;", "http2 off;", &["http2"]);
}

#[test]
fn an_alt_svc_that_leads_nowhere_fails_alt_svc() {
    verify_broken("h3=\":", "h3=\":1", &["alt-svc"]);
    verify_broken("ma=86400", "ma=0", &["alt-svc"]);
}

#[test]
fn an_overwritten_request_id_fails_request_id() {
    let overwritten = "X-Request-ID $request_id; #";
    let lost = ["nginx.lint", "request-id", "stream.disconnect"];
    verify_broken("X-Request-ID $", overwritten, &lost);
}

#[test]
fn an_edge_that_ignores_the_end_of_its_clients_fails_stream_disconnect() {
    let ignored = "proxy_buffering off; proxy_ignore_client_abort on;";
    let deployment = Deployment::with_time(&Tools::from_environment());
    // a keep-alive within the check's patience would show the end to such an edge
    let spec = std::fs::read_to_string(deployment.spec()).expect("our own file");
    let slow = spec.replace(KEEP_ALIVE, "stream_keep_alive = \"6s\"");
    assert_ne!(slow, spec);
    deployment.write("deploy.toml", &slow);
    let failing = ["stream.disconnect"];
    let verdict = verify_with(&deployment, "proxy_buffering off;", ignored, &failing);
    let detail = verdict.failure("stream.disconnect");
    assert!(detail.contains("HTTP/1.1, HTTP/2"), "{detail}");
}

#[test]
fn a_redirect_of_the_endpoint_fails_mcp() {
    let redirect = "include {{ pieces }}/mcp-errors.conf; return 307 /mcp/;";
    let all = ["mcp.discover", "mcp.initialize", "mcp.tool-call"];
    verify_broken("include {{ pieces }}/mcp-errors.conf;", redirect, &all);
}

#[test]
fn a_passing_edge_that_names_no_client_is_refused_by_the_origin_over_tcp() {
    let failing = ["http1", "http2"];
    verify_passed_on("proxy_protocol on;", "proxy_protocol off;", &failing);
}

#[test]
fn a_passing_edge_that_passes_no_datagrams_on_fails_http3() {
    verify_passed_on("proxy_pass {{ udp_to }};", "return \"\";", &["http3"]);
}

#[test]
fn a_passing_edge_that_cuts_silent_connections_fails_what_is_silent() {
    let cut = "proxy_timeout 1s";
    let failing = ["nginx.lint", "stream.keepalive", "timeouts"];
    verify_passed_on("proxy_timeout {{ tcp_timeout }}", cut, &failing);
}
