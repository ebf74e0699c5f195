//! The main job: one spec to a verified deployment, and nothing left of it afterwards.

use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use e2e::{Deployment, Running, Tools, Verdict, children_of, up_once};

/// The checks that the main job promises; the rest of the table may only add to them.
pub(crate) const PROMISED: [&str; 16] = [
    "nginx.config",
    "nginx.lint",
    "nginx.generation",
    "origin.generation",
    "origin.ready",
    "tls.chain",
    "tls.expiry",
    "http1",
    "http2",
    "http3",
    "alt-svc",
    "request-id",
    "stream.first-event",
    "stream.cadence",
    "stream.disconnect",
    "mcp.tool-call",
];

#[test]
fn one_spec_becomes_a_verified_deployment_with_git_and_time_behind_it() {
    let tools = Tools::from_environment();
    let verdict = up_once(&tools, &Deployment::with_git_and_time(&tools), &[]);
    assert_eq!(verdict.code, 0, "{:#}\n{}", verdict.json, verdict.talk);
    for id in PROMISED {
        assert_eq!(verdict.status(id), "pass", "{id}: {:#}", verdict.json);
    }
    assert_eq!(verdict.json["ok"], true);
    assert_eq!(verdict.json["topology"], "h3-termination");
}

#[test]
fn ctrl_c_leaves_no_process_no_port_and_the_given_folder_only() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let mut running = Running::start(&tools, &deployment);
    assert!(
        !children_of(&running.dir).is_empty(),
        "nothing runs: {}",
        running.verdict
    );
    assert_eq!(running.stop(), 0);
    assert_eq!(children_of(&running.dir), Vec::<String>::new());
    TcpListener::bind(("127.0.0.1", deployment.https_port)).expect("the TCP port is free again");
    UdpSocket::bind(("127.0.0.1", deployment.https_port)).expect("the UDP port is free again");
}

#[test]
fn verify_judges_a_url_alone_and_skips_what_needs_the_host() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let running = Running::start(&tools, &deployment);
    let mut command = Command::new(&tools.opsctl);
    command
        .args([
            "--format",
            "json",
            "verify",
            "--url",
            &running.url("/mcp"),
            "--ca",
        ])
        .arg(running.ca());
    let verdict = Verdict::of(&mut command);
    assert_eq!(verdict.code, 0, "{:#}\n{}", verdict.json, verdict.talk);
    assert_eq!(verdict.status("http3"), "pass");
    assert_eq!(verdict.status("nginx.config"), "skip");
}

#[test]
fn probe_reports_all_three_versions_of_a_server() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools);
    let running = Running::start(&tools, &deployment);
    let mut command = Command::new(&tools.opsctl);
    command
        .args([
            "--format",
            "json",
            "probe",
            &running.url("/healthz"),
            "--ca",
        ])
        .arg(running.ca());
    let verdict = Verdict::of(&mut command);
    let text = verdict.json.to_string();
    for version in ["HTTP/1.1", "HTTP/2", "HTTP/3"] {
        assert!(
            text.contains(version),
            "{version}: {text}\n{}",
            verdict.talk
        );
    }
    assert_eq!(verdict.code, 0);
}
