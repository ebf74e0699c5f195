//! A server with a unit of its own: its user, its memory, its end and its next life, as the machine has them.

use machine::{Deployed, Kit, NAME, call, show};

/// The unit's processes, whichever connection they belong to.
const UNITS: &str = "codeintel-mcp_fixtures@*.service";

#[test]
fn a_server_with_a_unit_of_its_own_runs_as_its_user_within_its_memory_and_is_followed_by_another() {
    let kit = Kit::from_environment();
    let deployed = Deployed::prepare(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    machine.must(&format!(
        "echo 'unit = {{ user = \"codeintel-tools\", memory_max = \"256MiB\", tasks_max = 32 }}' \
         >> /etc/opsctl/{NAME}/deploy.toml"
    ));
    deployed.apply();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    assert_eq!(shown(&deployed, "MemoryMax"), "268435456");
    assert_eq!(shown(&deployed, "TasksMax"), "32");
    assert_eq!(users(&deployed), ["codeintel-tools"]);
    let exposure = exposure(&deployed);
    show(&format!(
        "systemd-analyze security says {exposure} of a server's own unit"
    ));
    assert!(exposure < 2.0, "{exposure}");

    let before = machine.must("pidof mcp-fixtures");
    machine.must("kill -9 $(pidof mcp-fixtures)");
    let again = call("again-1");
    machine.wait_for(&format!("{again} | grep -q 'a simple text response'"));
    let after = machine.must("pidof mcp-fixtures");
    let left = |process: &str| before.split_whitespace().any(|old| old == process);
    assert!(
        !after.split_whitespace().any(left),
        "{before} and then {after}"
    );
    let failed = machine.must("systemctl list-units --failed --plain --no-legend");
    assert_eq!(failed, "");
}

/// A property of one of the processes' units.
fn shown(deployed: &Deployed, property: &str) -> String {
    let values = deployed.machine.must(&format!(
        "systemctl show --property={property} --value '{UNITS}'"
    ));
    values.lines().next().unwrap_or_default().to_owned()
}

/// Who runs the server.
fn users(deployed: &Deployed) -> Vec<String> {
    let users = deployed
        .machine
        .must("ps -o user:32= -C mcp-fixtures | sort -u");
    users.split_whitespace().map(ToOwned::to_owned).collect()
}

/// What `systemd-analyze security` says of the unit, on its scale from 0 to 10.
fn exposure(deployed: &Deployed) -> f64 {
    let name = "systemctl list-units --plain --no-legend";
    let report = deployed.machine.must(&format!(
        "systemd-analyze security --no-pager $({name} '{UNITS}' | head -n 1 | cut -d' ' -f1)"
    ));
    let level = report.rsplit_once(".service: ").map(|(_, level)| level);
    let number = level.and_then(|level| level.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no level in {report}"))
}
