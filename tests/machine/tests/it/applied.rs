//! `opsctl apply` on a whole machine: nothing to do, a change and its way back, and what people edit.

use std::time::Instant;

use machine::{Deployed, Kit, show};

#[test]
fn an_apply_without_a_change_touches_nothing() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let before = deployed.machine.must(TOUCHED);
    let start = Instant::now();
    let said = deployed.opsctl("apply --yes");
    let took = start.elapsed();
    assert!(said.talk.contains("nothing to do"), "{}", said.talk);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(deployed.machine.must(TOUCHED), before);
    show(&format!(
        "an apply without a change took {} ms",
        took.as_millis()
    ));
    changed_under_its_plan(&deployed);
}

/// Every file that opsctl could have touched, with the times of its content and of its rights, and every process of ours.
const TOUCHED: &str = "find /etc /var/lib /run/codeintel -printf '%p %i %T@ %C@\\n' | grep -v systemd/timers | sort; \
     pgrep -x nginx; systemctl show --property=MainPID --value codeintel-origin.service";

/// A saved plan does not hold for a machine that moved, nor for one that another opsctl made.
fn changed_under_its_plan(deployed: &Deployed) {
    deployed.change(300);
    let planned = deployed.opsctl("--format json apply --dry-run > /tmp/plan.json");
    assert_eq!(planned.code, 0, "{}", planned.talk);
    let refused = |why: &str| {
        let said = deployed.opsctl("apply --yes --plan /tmp/plan.json");
        assert_eq!(said.code, 20, "{why}: {}{}", said.out, said.talk);
        assert!(said.talk.contains(why), "{}", said.talk);
        assert!(!deployed.has(300));
    };
    let machine = &deployed.machine;
    let conf = "/etc/nginx/codeintel/connection.conf";
    machine.must(&format!(
        "cp -a {conf} /tmp/conf && echo '# moved' >> {conf}"
    ));
    refused(conf);
    machine.must(&format!("cp -a /tmp/conf {conf}"));
    let said = deployed.opsctl("apply --yes --plan /tmp/plan.json");
    assert!(said.succeeded() || said.code == 14, "{}", said.talk);
}

#[test]
fn a_change_keeps_a_hand_edit_and_can_be_taken_back() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let conf = "/etc/nginx/conf.d/codeintel.conf";
    deployed
        .machine
        .must(&format!("echo '# by hand' >> {conf}"));
    deployed.change(300);
    let pending = deployed.opsctl("diff");
    assert_eq!(pending.code, 3, "{}", pending.talk);
    deployed.apply();
    assert!(deployed.has(300));
    assert!(deployed.machine.read(conf).ends_with("# by hand\n"));
    let history = deployed.opsctl("history --format json").json();
    assert_eq!(history["generations"].as_array().map(Vec::len), Some(2));
    let back = deployed.opsctl("rollback --yes");
    assert_eq!(back.code, 0, "{}{}", back.out, back.talk);
    assert!(!deployed.has(300));
    assert!(deployed.answers());
    let status = deployed.opsctl("status");
    assert_eq!(status.code, 0, "{}", status.out);
    rolled_back_from_a_broken_configuration(&deployed);
}

/// The live configuration is one that NGINX would not take, and the spec is gone.
fn rolled_back_from_a_broken_configuration(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must("echo nonsense > /etc/nginx/codeintel/tls.conf && ! nginx -t 2>/dev/null");
    machine.must("mv /etc/opsctl/codeintel/deploy.toml /tmp");
    let back = deployed.opsctl("rollback --name codeintel --to 1 --yes");
    assert_eq!(back.code, 0, "{}{}", back.out, back.talk);
    machine.must("nginx -t");
    assert!(deployed.answers());
}
