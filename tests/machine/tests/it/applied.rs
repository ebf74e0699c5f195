//! `opsctl apply` on a whole machine: a change and its way back, what people edit, and what a crash leaves.

use machine::{Deployed, Kit};

#[test]
fn a_change_keeps_a_hand_edit_and_can_be_taken_back() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    nothing_to_do(&deployed);
    let conf = "/etc/nginx/conf.d/codeintel.conf";
    deployed
        .machine
        .must(&format!("echo '# by hand' >> {conf}"));
    deployed.change(300);
    deployed.apply();
    assert!(deployed.has(300));
    assert!(deployed.machine.read(conf).ends_with("# by hand\n"));
    let history = deployed.opsctl("history --format json");
    assert_eq!(history.code, 0, "{}", history.talk);
    let back = deployed.opsctl("rollback --yes");
    assert_eq!(back.code, 0, "{}{}", back.out, back.talk);
    assert!(!deployed.has(300));
    assert!(deployed.answers());
}

/// No worker and no origin is another one than before.
fn nothing_to_do(deployed: &Deployed) {
    let processes =
        "pgrep -x nginx; systemctl show --property=MainPID --value codeintel-origin.service";
    let before = deployed.machine.must(processes);
    deployed.apply();
    assert_eq!(deployed.machine.must(processes), before);
}

#[test]
fn a_killed_apply_and_a_power_cut_leave_a_configuration_that_is_whole() {
    let kit = Kit::from_environment();
    let mut deployed = Deployed::bring_up(&kit, &kit.debian_13);
    // from the plan to the verification, which takes the longest
    for (round, after) in (0_u32..).zip(["0.2", "0.7", "2"]) {
        let streams = 300 + round;
        deployed.change(streams);
        let apply = "cd /etc/opsctl/codeintel && opsctl apply --yes";
        deployed.machine.must(&format!(
            "({apply} >/dev/null 2>&1; :) & sleep {after}; pkill -KILL -x opsctl; wait"
        ));
        deployed.machine.must("nginx -t");
        assert!(deployed.answers(), "killed after {after} s");
        deployed.apply();
        assert!(
            deployed.has(streams) && deployed.answers(),
            "killed after {after} s"
        );
    }
    deployed.change(400);
    let apply = "cd /etc/opsctl/codeintel && (opsctl apply --yes >/dev/null 2>&1 &)";
    deployed.machine.must(&format!("{apply} ; sleep 0.6"));
    deployed.machine.cut_power();
    deployed.machine.start();
    deployed.wait_until_ready();
    assert!(deployed.answers());
    deployed.apply();
    assert!(deployed.has(400));
    assert_eq!(deployed.failures(), Vec::<String>::new());
}
