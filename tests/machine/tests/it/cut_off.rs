//! What an apply leaves that was killed, or whose machine lost its power: a configuration that is whole.

use machine::{Deployed, Kit, served_meanwhile};

/// The records of opsctl's journal in their order: the plan, the units are being told, the verification passed.
const RECORDS: &[&str] = &["begin", "telling", "verified"];

#[test]
fn a_killed_apply_and_a_power_cut_leave_a_configuration_that_is_whole() {
    let kit = Kit::from_environment();
    let mut deployed = Deployed::bring_up(&kit, &kit.debian_13);
    for (streams, record) in (300..).zip(RECORDS) {
        served_meanwhile(&deployed.machine, &format!("killed at {record}"), || {
            deployed.change(streams);
            kill_at(&deployed, record);
            deployed.machine.must("nginx -t");
            deployed.apply();
        });
        assert!(deployed.has(streams), "killed at {record}");
    }
    for (streams, record) in (400..).zip(&RECORDS[..2]) {
        deployed.change(streams);
        begin_until(&deployed, record);
        deployed.machine.cut_power();
        deployed.machine.start();
        deployed.wait_until_ready();
        assert!(deployed.answers(), "power cut at {record}");
        deployed.apply();
        assert!(deployed.has(streams), "power cut at {record}");
    }
    assert_eq!(deployed.failures(), Vec::<String>::new());
}

/// The long version: kills at moments that nothing announces, every 50 ms of an apply, and a power cut each tenth time.
#[test]
#[ignore = "minutes: cargo xtask soak machine"]
fn whenever_an_apply_is_killed_the_next_one_ends_it() {
    let kit = Kit::from_environment();
    let mut deployed = Deployed::bring_up(&kit, &kit.debian_13);
    for round in 0..80 {
        deployed.change(300 + round);
        let seconds = f64::from(round) * 0.05;
        begin(&deployed);
        deployed.machine.must(&format!("sleep {seconds}"));
        if round % 10 == 9 {
            deployed.machine.cut_power();
            deployed.machine.start();
            deployed.wait_until_ready();
        } else {
            deployed.machine.must("pkill -KILL -x opsctl || :");
        }
        assert!(deployed.answers(), "after {seconds} s");
        // a killed verification leaves sessions, each with a process of the server, for as long as sessions may idle
        deployed
            .machine
            .must("systemctl restart codeintel-origin.service");
        deployed.wait_until_ready();
        deployed.apply();
        assert!(deployed.has(300 + round), "after {seconds} s");
    }
}

fn kill_at(deployed: &Deployed, record: &str) {
    begin_until(deployed, record);
    let killed = deployed.machine.run("pkill -KILL -x opsctl").succeeded();
    // after its last record it takes milliseconds
    assert!(killed || record == RECORDS[2], "it was over at {record}");
}

/// Starts an apply, in the background.
fn begin(deployed: &Deployed) {
    deployed
        .machine
        .must("cd /etc/opsctl/codeintel && (opsctl apply --yes >/dev/null 2>&1 &)");
}

/// Starts an apply, and returns when its journal has one record of this kind more, or when it is over.
fn begin_until(deployed: &Deployed, record: &str) {
    deployed.machine.must(&format!(
        "records() {{ grep -c '^{{\"record\":\"{record}\"' /var/lib/opsctl/codeintel/journal; }}\n\
         cd /etc/opsctl/codeintel; before=$(records); (opsctl apply --yes; touch /tmp/over) >/dev/null 2>&1 & \
         until test $(records) -gt $before -o -e /tmp/over; do :; done; rm -f /tmp/over"
    ));
}
