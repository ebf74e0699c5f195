//! A machine that forgot: the state is lost, the clock is set back, the spec is of another version.

use machine::{Deployed, Kit, served_meanwhile};

#[test]
fn a_lost_memory_is_made_anew_and_nothing_of_the_machine_is_lost() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    served_meanwhile(&deployed.machine, "a lost memory", || {
        lost_and_made_anew(&deployed);
    });
}

fn lost_and_made_anew(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must("rm -r /var/lib/opsctl/codeintel");
    for command in ["rollback --yes", "uninstall --yes"] {
        let said = deployed.opsctl(command);
        assert_eq!(said.code, 2, "{command}: {}{}", said.out, said.talk);
        assert!(said.talk.contains("opsctl apply"), "{}", said.talk);
    }
    deployed.change(300);
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 16, "{}{}", said.out, said.talk);
    assert!(
        said.talk.contains("opsctl adopt --replace"),
        "{}",
        said.talk
    );
    assert!(!deployed.has(300));
    deployed.change(128);
    machine.must("sed -i '/^max_concurrent_streams/d' /etc/opsctl/codeintel/deploy.toml");
    deployed.apply();
    deployed.change(300);
    deployed.apply();
    assert!(deployed.has(300));
}

#[test]
fn a_clock_that_is_set_back_breaks_neither_lock_nor_history() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    served_meanwhile(&deployed.machine, "a clock set back", || {
        three_days_ago(&deployed);
    });
}

fn three_days_ago(deployed: &Deployed) {
    deployed.change(300);
    let back = |command: &str| {
        let script = format!("cd /etc/opsctl/codeintel && faketime -m -f '-3d' opsctl {command}");
        let said = deployed.machine.run(&script);
        assert_eq!(said.code, 0, "{command}: {}{}", said.out, said.talk);
        said
    };
    let day = deployed.machine.must("date -u -d '3 days ago' +%Y-%m-%d");
    back("apply --yes");
    assert!(deployed.has(300));
    let history = back("history");
    let newest = history.out.lines().nth(1).unwrap_or_default();
    assert!(
        newest.starts_with('2') && newest.contains(day.trim()),
        "{}",
        history.out
    );
    back("rollback --yes");
    assert!(!deployed.has(300));
    back("status");
}

#[test]
fn a_key_of_another_version_is_refused_by_name_and_the_way_back_does_not_need_the_spec() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    served_meanwhile(&deployed.machine, "a spec of another version", || {
        of_another_version(&deployed);
    });
}

fn of_another_version(deployed: &Deployed) {
    let machine = &deployed.machine;
    deployed.change(300);
    deployed.apply();
    let old = "sed -i 's/^listen = /listen_on = /'";
    machine.must(&format!("{old} /etc/opsctl/codeintel/deploy.toml"));
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 10, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("`listen`"), "{}", said.talk);
    let said = deployed.opsctl("rollback --yes");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    assert!(!deployed.has(300));
    // a generation that is remembered with a spec of that version
    machine.must(&format!(
        "{old} /var/lib/opsctl/codeintel/generations/2/deploy.toml"
    ));
    let said = deployed.opsctl("rollback --to 2 --yes");
    assert_eq!(said.code, 10, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("made generation 2"), "{}", said.talk);
}
