//! A certificate from an ACME server, pebble, by certbot: got at the first apply, renewed under load, and kept when the server
//! is gone.

use machine::{Deployed, Kit, SERVER_NAME, served_meanwhile};

#[test]
fn a_certificate_is_got_by_the_first_apply_renewed_under_load_and_kept_without_the_server() {
    is_got_renewed_and_kept("h3-termination");
}

#[test]
fn a_certificate_that_the_origin_shows_is_got_renewed_under_load_and_kept_as_well() {
    is_got_renewed_and_kept("stream-passthrough");
}

fn is_got_renewed_and_kept(topology: &str) {
    let kit = Kit::from_environment();
    let deployed = Deployed::prepare(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    machine.must(&format!(
        "sed -i 's/^topology = .*/topology = \"{topology}\"/' {SPEC} && grep -q '^topology = \"{topology}\"' {SPEC}"
    ));
    machine.must(PREPARE);
    refused_without_a_server(&deployed);
    machine.must(START);
    machine.wait_for(
        "curl -sS https://localhost:14000/dir && curl -sS --fail https://localhost:15000/roots/0",
    );
    machine.must(TRUST);
    deployed.apply();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    let rights = machine.must("stat -c '%a %U %G' /etc/codeintel/tls/key.pem");
    assert_eq!(rights.trim(), "640 root codeintel");
    let first = shown(&deployed);
    renewed_under_load(&deployed);
    let second = shown(&deployed);
    assert_ne!(first, second);
    served_meanwhile(machine, "the server gone", || {
        kept_when_the_server_is_gone(&deployed);
    });
    assert_eq!(shown(&deployed), second);
    let out = deployed.opsctl("uninstall --yes");
    assert_eq!(out.code, 0, "{}{}", out.out, out.talk);
    assert!(out.talk.contains("certbot delete"), "{}", out.talk);
    machine.must("test ! -e /etc/codeintel/tls");
}

/// Nobody to ask: the first apply ends as if it had not been, and says what to do.
fn refused_without_a_server(deployed: &Deployed) {
    let shown = deployed.opsctl("apply --dry-run");
    assert!(shown.out.contains("a placeholder until"), "{}", shown.out);
    assert!(
        shown.out.contains("by certbot (there is none yet)"),
        "{}",
        shown.out
    );
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 12, "{}{}", said.out, said.talk);
    assert!(
        said.talk.contains("no certificate was issued"),
        "{}",
        said.talk
    );
    assert!(said.talk.contains("letsencrypt.log"), "{}", said.talk);
    deployed
        .machine
        .must("nginx -t && test ! -e /etc/nginx/conf.d/codeintel.conf && test ! -e /etc/codeintel");
}

/// certbot renews as its timer would, and no request over TCP is lost.
fn renewed_under_load(deployed: &Deployed) {
    let machine = &deployed.machine;
    served_meanwhile(machine, "a renewal", || {
        machine.must("certbot renew --force-renewal --no-random-sleep-on-renew")
    });
    machine.must("cmp /etc/letsencrypt/live/codeintel/fullchain.pem /etc/codeintel/tls/chain.pem");
    let audit = machine.must("tail -n 1 /var/lib/opsctl/codeintel/audit.log");
    assert!(audit.contains("\"what\":\"certificate\""), "{audit}");
    assert_eq!(deployed.opsctl("certificate install").code, 0);
}

/// A name more needs another certificate: without the server the apply is refused, and the old one goes on.
fn kept_when_the_server_is_gone(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must("systemctl stop pebble");
    assert!(
        !machine
            .run("certbot renew --force-renewal --no-random-sleep-on-renew")
            .succeeded()
    );
    deployed.apply();
    machine.must("sed -i 's/^server_names = .*/server_names = [\"mcp.example.com\", \"second.example.com\"]/' /etc/opsctl/codeintel/deploy.toml");
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 12, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("second.example.com"), "{}", said.talk);
}

/// The serial number of the certificate that clients see.
fn shown(deployed: &Deployed) -> String {
    deployed.machine.must(&format!(
        "openssl s_client -connect 127.0.0.1:443 -servername {SERVER_NAME} </dev/null 2>/dev/null | openssl x509 -noout -serial"
    ))
}

const SPEC: &str = "/etc/opsctl/codeintel/deploy.toml";
/// The names lead to the machine itself, the spec asks for a certificate, and the server has one that the machine trusts.
const PREPARE: &str = r#"set -e
echo '127.0.0.1 mcp.example.com second.example.com' >> /etc/hosts
sed -i -e '/^certificate = /d' -e '/^private_key = /d' \
    -e 's|^\[tls\]$|[tls.acme]\nterms_agreed = true\ndirectory_url = "https://localhost:14000/dir"|' \
    /etc/opsctl/codeintel/deploy.toml
cd /etc/ssl/mcp
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -x509 -subj /CN=localhost \
    -keyout pebble-key.pem -out pebble.pem -CA ca.pem -CAkey ca-key.pem \
    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false 2>/dev/null
cat > /etc/pebble.json <<'END'
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
  "certificate": "/etc/ssl/mcp/pebble.pem", "privateKey": "/etc/ssl/mcp/pebble-key.pem",
  "httpPort": 80, "tlsPort": 443, "retryAfter": {"authz": 1, "order": 1}, "certificateValidityPeriod": 7776000}}
END
"#;
const START: &str = "systemd-run --unit pebble --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 \
    pebble -config /etc/pebble.json";
/// Its root is another one at every start.
const TRUST: &str = "curl -sS --fail https://localhost:15000/roots/0 > /usr/local/share/ca-certificates/pebble.crt \
    && update-ca-certificates >/dev/null 2>&1";
