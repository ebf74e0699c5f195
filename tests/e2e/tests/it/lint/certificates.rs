//! Certificates that no client takes.

use probe::{Ask, Trust, Version};

use super::stage::{Case, NAME, Stage, fetch, top};

fn server(certificate: &str) -> String {
    top(&format!(
        "server {{ listen 127.0.0.1:@HTTPS@ ssl; server_name {NAME}; ssl_certificate {certificate}; ssl_certificate_key key.pem;\n\
         location = /mcp {{ proxy_pass http://127.0.0.1:@ORIGIN@; }} }}"
    ))
}

/// Whether a client that trusts the certificate as such does not connect by the name of the server.
async fn is_refused(stage: &Stage, certificate: &str) -> bool {
    let pem = std::fs::read(stage.folder.path().join(certificate)).expect("a certificate");
    let roots = probe::certificate::read_chain(&pem).expect("a certificate");
    let mut target = stage.secure().with_trust(Trust::Roots(roots));
    NAME.clone_into(&mut target.host);
    let answer = fetch(&target, Version::Http1, Ask::get("/mcp")).await;
    answer.is_err_and(|error| error.to_string().contains("certificate"))
}

fn served(stage: &Stage) -> &'static str {
    let conf = stage.conf();
    let all = ["expired.pem", "other.pem", "cert.pem"];
    let named = all.into_iter().find(|name| conf.contains(name));
    named.expect("one of them")
}

#[test]
fn a_certificate_that_has_ended_keeps_everybody_out() {
    let case = Case {
        rule: "certificate-expired",
        bad: server("expired.pem"),
        good: server("cert.pem"),
    };
    case.shows(async |stage| is_refused(&stage, served(&stage)).await);
}

#[test]
fn a_certificate_for_another_name_keeps_everybody_out() {
    let case = Case {
        rule: "certificate-name",
        bad: server("other.pem"),
        good: server("cert.pem"),
    };
    case.shows(async |stage| is_refused(&stage, served(&stage)).await);
}
