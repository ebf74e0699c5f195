//! The Debian package: judged, installed, upgraded under a deployment that serves, removed and purged.

use machine::{Deployed, Kit, Machine, NAME};

/// What the package put there, less the folders that other packages have too.
const OURS: &str = "dpkg --listfiles mcp-edge-kit | grep -E 'opsctl|origin|mcp-edge-kit'";

#[test]
fn the_package_has_no_error_and_starts_nothing() {
    let kit = Kit::from_environment();
    let machine = Machine::boot(&kit.debian_13);
    machine.write(
        "/srv/kit.deb",
        std::fs::read(&kit.package).expect("a package"),
    );
    let judged = machine.run("lintian --allow-root --fail-on error /srv/kit.deb");
    assert!(judged.succeeded(), "{}{}", judged.out, judged.talk);
    let units = "systemctl list-unit-files --no-legend | cut -d' ' -f1 | sort; getent passwd";
    let before = machine.must(units);
    machine.must("dpkg --install /srv/kit.deb");
    assert_eq!(machine.must(units), before);
    machine.must("origin --version && opsctl --version && man --warnings opsctl >/dev/null");
    assert!(
        machine
            .must(OURS)
            .contains("/usr/share/doc/mcp-edge-kit/examples/specs/full.toml")
    );
    machine.must("dpkg --purge mcp-edge-kit");
    let left = machine.must("find /usr /etc /var/lib -name '*opsctl*' -o -name '*mcp-edge-kit*'");
    assert_eq!(left, "");
}

#[test]
fn an_upgrade_restarts_what_runs_and_a_removal_names_what_is_left() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    let process = format!("systemctl show --property=MainPID --value {NAME}-origin.service");
    let before = machine.must(&process);
    // requests of the whole upgrade, each on a connection of its own
    machine.must(
        "dpkg --install /srv/kit.deb >/dev/null & \
         for n in $(seq 40); do curl -sS --max-time 20 --output /dev/null --write-out '%{http_code}\\n' \
         --unix-socket /run/codeintel/origin.sock http://mcp.example.com/healthz || echo lost; done \
         | sort | uniq -c > /tmp/answers; wait",
    );
    assert_eq!(machine.read("/tmp/answers").trim(), "40 200");
    assert_ne!(machine.must(&process), before);
    deployed.wait_until_ready();
    let removed = machine.run("dpkg --remove mcp-edge-kit");
    assert!(removed.succeeded(), "{}", removed.talk);
    assert!(
        removed.talk.contains("codeintel-origin.service"),
        "{}",
        removed.talk
    );
    machine.must("test -s /etc/opsctl/codeintel/deploy.toml");
}
