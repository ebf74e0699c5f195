//! The origin's unit: what it may do, and what becomes of an origin that is stuck.

use machine::{Deployed, Kit, show};

#[test]
fn the_origin_is_hardened_and_a_stuck_one_is_replaced() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let exposure = exposure(&deployed);
    show(&format!("systemd-analyze security says {exposure}"));
    assert!(exposure < 2.0, "{exposure}");
    let machine = &deployed.machine;
    machine.write(
        "/etc/systemd/system/codeintel-origin.service.d/quick.conf",
        "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\n",
    );
    machine.must("systemctl daemon-reload && systemctl restart codeintel-origin.service");
    deployed.wait_until_ready();
    let process = "systemctl show --property=MainPID --value codeintel-origin.service";
    let stuck = machine.must(process);
    machine.must(&format!("kill -STOP {stuck}"));
    machine.wait_for(&format!(
        "p=$({process}) && test $p -gt 0 && test $p != {stuck}"
    ));
    deployed.wait_until_ready();
    assert!(
        machine
            .must("journalctl -t codeintel-origin -o cat")
            .contains("listening")
    );
    let restarts = "systemctl show --property=NRestarts --value codeintel-origin.service";
    assert_eq!(machine.must(restarts).trim(), "1");
}

/// The last line of the report: `→ Overall exposure level for NAME: 1.5 OK`.
fn exposure(deployed: &Deployed) -> f64 {
    let unit = "codeintel-origin.service";
    let report = deployed
        .machine
        .must(&format!("systemd-analyze security --no-pager {unit}"));
    let (_, level) = report.rsplit_once(&format!("{unit}: ")).expect("a level");
    let number = level
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("no number in `{level}`"))
}
