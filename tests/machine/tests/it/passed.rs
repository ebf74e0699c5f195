//! Topology B on the machine: the edge passes, the origin ends TLS and QUIC.

use std::time::Duration;

use machine::{Deployed, Kit};
use probe::{Ask, Version};

#[test]
fn a_change_of_topology_is_an_apply_as_any_other_and_can_be_taken_back() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    machine.must(&format!(
        "{SPEC} 's/^topology = .*/topology = \"stream-passthrough\"/'"
    ));
    deployed.apply();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    let rights = machine.must("stat -c '%a %U %G' /etc/codeintel/tls/key.pem");
    assert_eq!(rights.trim(), "640 root codeintel");
    let listens = machine.must("ss -Hlunp 'sport = :443'");
    assert!(listens.contains("nginx"), "{listens}");
    is_served_from_outside(&deployed);
    // the second change: UDP past NGINX, so that the origin sees its clients
    machine.must(&format!(
        "{SPEC} 's/^\\[edge\\]$/[edge]\\nudp = \"kernel\"/'"
    ));
    deployed.apply();
    let listens = machine.must("ss -Hlunp 'sport = :443'");
    assert!(
        !listens.contains("nginx") && listens.contains("origin"),
        "{listens}"
    );
    is_served_from_outside(&deployed);
    machine.must(SEEN_FROM_OUTSIDE);
    renewed_by_hand(&deployed);
    is_served_from_outside(&deployed);
    let back = deployed.opsctl("rollback --yes --to 1");
    assert_eq!(back.code, 0, "{}{}", back.out, back.talk);
    is_served_from_outside(&deployed);
}

/// Over every version of HTTP, on the machine's own port 443.
fn is_served_from_outside(deployed: &Deployed) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let target = deployed.target().with_timeout(Duration::from_secs(20));
    for version in [Version::Http1, Version::Http2, Version::Http3] {
        let answer = runtime.block_on(probe::fetch(&target, version, Ask::get("/healthz")));
        let answer = answer.unwrap_or_else(|error| panic!("{version}: {error}"));
        assert_eq!(answer.head.status.as_u16(), 200, "{version}");
    }
}

/// The operator's files change: the origin gets copies, and shows the new one over TCP and QUIC without a restart.
fn renewed_by_hand(deployed: &Deployed) {
    let machine = &deployed.machine;
    let main_pid = "systemctl show --property=MainPID --value codeintel-origin.service";
    let before = machine.must(main_pid);
    machine.must(RENEW);
    assert_eq!(deployed.opsctl("status").code, 19);
    let said = deployed.opsctl("certificate install");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    machine.must("cmp /etc/ssl/mcp/chain.pem /etc/codeintel/tls/chain.pem");
    assert_eq!(machine.must(main_pid), before);
}

/// A request over HTTP/3 in the origin's log that does not come from the machine itself.
const SEEN_FROM_OUTSIDE: &str = "journalctl -u codeintel-origin -o cat | grep -F HTTP/3 | grep -F healthz \
    | grep -F '\"client\":' | grep -qvE '127[.]0[.]0[.]1|::1'";
const SPEC: &str = "sed -i /etc/opsctl/codeintel/deploy.toml -e";
const RENEW: &str = "cd /etc/ssl/mcp && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -x509 -days 90 \
    -subj /CN=mcp.example.com -keyout key.pem -out chain.pem -CA ca.pem -CAkey ca-key.pem \
    -addext subjectAltName=DNS:mcp.example.com -addext basicConstraints=critical,CA:false 2>/dev/null";
