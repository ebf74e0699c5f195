//! Harm of weak TLS.

use probe::{Ask, Version};

use super::stage::{Case, Stage, secure, top};

const LOCATION: &str = "location = /mcp { proxy_pass http://127.0.0.1:@ORIGIN@; }";

fn server(directives: &str) -> String {
    secure(
        "",
        &format!("listen 127.0.0.1:@HTTPS@ ssl; {directives} {LOCATION}"),
    )
}

/// Whether a client with these arguments and no other way to speak ends its handshake with this cipher.
async fn agrees(stage: &Stage, client: &str, cipher: &str) -> bool {
    let script = format!(
        "openssl s_client -connect \"127.0.0.1:$1\" -servername localhost {client} < /dev/null 2>&1 || true"
    );
    let said = stage.shell(&script).await;
    assert!(said.contains("Cipher is "), "{said}");
    said.contains(&format!("Cipher is {cipher}"))
}

#[test]
fn a_client_of_tls_1_1_is_served() {
    // OpenSSL 3 speaks the old versions at security level 0 alone, which configurations for old clients say
    let with = |versions: &str| {
        server(&format!(
            "ssl_ciphers DEFAULT:@SECLEVEL=0; ssl_protocols {versions};"
        ))
    };
    let case = Case {
        rule: "tls-protocols",
        bad: with("TLSv1.1 TLSv1.2 TLSv1.3"),
        good: with("TLSv1.2 TLSv1.3"),
    };
    let client = "-tls1_1 -cipher ALL:@SECLEVEL=0";
    case.shows(async |stage| agrees(&stage, client, "ECDHE-ECDSA-AES256-SHA").await);
}

#[test]
fn a_client_gets_a_cipher_that_does_not_authenticate_what_it_encrypts() {
    let with = |ciphers: &str| server(&format!("ssl_ciphers {ciphers};"));
    let case = Case {
        rule: "tls-ciphers",
        bad: with("HIGH:!aNULL:!MD5"),
        good: with("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"),
    };
    let cipher = "ECDHE-ECDSA-AES128-SHA";
    case.shows(async |stage| agrees(&stage, &format!("-tls1_2 -cipher {cipher}"), cipher).await);
}

#[test]
fn a_client_that_speaks_http2_is_given_none() {
    let case = Case {
        rule: "http2-missing",
        bad: server(""),
        good: server("http2 on;"),
    };
    case.shows(async |stage| {
        let answer = stage.ask_secure(Version::Http2, Ask::get("/mcp")).await;
        answer.is_err()
    });
}

/// Takes a session from the HTTP port, whose server seals it with a key of zeros as anybody could, and shows it to the HTTPS
/// port: `Reused` when it is taken there for one of its own.
const FORGE: &str = "
ask() {
    port=$1; shift
    (printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'; sleep 1) |
        openssl s_client -connect \"127.0.0.1:$port\" -servername localhost -tls1_2 -ign_eof \"$@\" 2>&1 || true
}
ask \"$2\" -sess_out session > log
test -s session
ask \"$1\" -sess_in session
";

/// A server with tickets at the HTTPS port, and the forger at the other one.
pub(super) fn with_forger(tickets: &str) -> String {
    let own = |listen: &str, directives: &str| {
        format!(
            "server {{ listen 127.0.0.1:{listen} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; {directives}; return 200 ok; }}"
        )
    };
    let judged = format!("ssl_session_cache shared:tls:1m; ssl_session_tickets {tickets}");
    let forger = own("@HTTP@", "ssl_session_ticket_key zeros.key");
    top(&format!("{}\n{forger}", own("@HTTPS@", &judged)))
}

pub(super) async fn takes_a_forged_session(stage: &Stage) -> bool {
    stage.shell(FORGE).await.contains("\nReused, ")
}

#[test]
fn a_session_that_anybody_could_have_made_is_taken() {
    let case = Case {
        rule: "session-tickets",
        bad: with_forger("on"),
        good: with_forger("off"),
    };
    case.shows(async |stage| takes_a_forged_session(&stage).await);
}
