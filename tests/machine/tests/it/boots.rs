//! Brought up once, it is there after every boot, and clients outside reach it over every version.

use machine::{Deployed, Kit, Way, blocks};
use probe::{Ask, Version};

#[test]
fn what_was_brought_up_is_there_again_after_a_reboot_and_a_power_cut() {
    let kit = Kit::from_environment();
    let mut deployed = Deployed::bring_up(&kit, &kit.debian_13);
    assert_eq!(deployed.failures(), Vec::<String>::new());
    reached_from_outside(&deployed);
    deployed.machine.reboot();
    deployed.wait_until_ready();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    deployed.machine.cut_power();
    deployed.machine.start();
    deployed.wait_until_ready();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    reached_from_outside(&deployed);
}

#[test]
fn debian_testing_serves_what_the_runbook_brings_up_by_hand() {
    let kit = Kit::from_environment();
    let deployed = Deployed::prepare(&kit, &kit.debian_testing);
    let machine = &deployed.machine;
    let blocks = blocks(&deployed.opsctl("runbook").out).unwrap_or_else(|error| panic!("{error}"));
    let by_hand: Vec<_> = blocks
        .iter()
        .filter(|block| block.way == Way::ByHand)
        .collect();
    let [bring_up, take_out] = by_hand[..] else {
        panic!("{by_hand:#?}");
    };
    bring_up.run(machine);
    deployed.wait_until_ready();
    assert_eq!(deployed.failures(), Vec::<String>::new());
    reached_from_outside(&deployed);
    take_out.run(machine);
    // what systemd notes of units is its own
    let left = "find /etc /run /var/lib /var/log/nginx -name '*codeintel*' -not -path '/etc/opsctl/*' \
                -not -path '/run/systemd/*'";
    assert_eq!(machine.must(left), "");
}

#[test]
fn debian_testing_takes_an_apply_and_a_change_of_it() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_testing);
    deployed.change(300);
    deployed.apply();
    assert!(deployed.has(300));
    reached_from_outside(&deployed);
}

fn reached_from_outside(deployed: &Deployed) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = deployed.target();
    for version in [Version::Http1, Version::Http2, Version::Http3] {
        let asked = probe::fetch(&target, version, Ask::get("/healthz"));
        let answer = runtime
            .block_on(asked)
            .unwrap_or_else(|error| panic!("{version}: {error:?}"));
        assert_eq!(answer.head.status, 200, "{version}");
    }
}
