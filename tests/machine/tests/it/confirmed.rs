//! A generation that waits to be confirmed, and a deployment that is taken out.

use machine::{Deployed, Kit, Machine, served_meanwhile};

#[test]
fn what_nobody_confirms_is_taken_back_though_the_terminal_is_gone() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    deployed.change(300);
    served_meanwhile(&deployed.machine, "what nobody confirms", || {
        taken_back(&deployed.machine);
    });
    confirmed_stays(&deployed);
}

fn taken_back(machine: &Machine) {
    // the terminal: a session whose end takes every process of its own with it
    machine.must(
        "systemd-run --quiet --wait --collect --unit terminal --working-directory=/etc/opsctl/codeintel \
         --setenv=HOME=/root opsctl apply --yes --confirm-within 3s",
    );
    machine.wait_for("! grep -rq 'http2_max_concurrent_streams 300;' /etc/nginx/codeintel");
    machine.wait_for("cd /etc/opsctl/codeintel && test \"$(opsctl history | wc -l)\" = 4");
    machine.wait_for("cd /etc/opsctl/codeintel && opsctl status");
}

fn confirmed_stays(deployed: &Deployed) {
    let said = deployed.opsctl("apply --yes --confirm-within 10m");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    assert!(said.talk.contains("opsctl confirm"), "{}", said.talk);
    deployed.change(400);
    let said = deployed.opsctl("apply --yes");
    assert_eq!(said.code, 15, "{}{}", said.out, said.talk);
    let said = deployed.opsctl("confirm");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    let timers = "systemctl list-units --all --no-legend 'opsctl-revert-*'";
    assert_eq!(deployed.machine.must(timers), "");
    assert!(deployed.has(300));
    assert_eq!(deployed.opsctl("confirm").code, 2);
}

#[test]
fn taken_out_nothing_is_left_but_what_a_hand_made() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let machine = &deployed.machine;
    let snippet = "/etc/nginx/codeintel/snippets/http/mine.conf";
    let other = "/etc/nginx/conf.d/other.conf";
    machine.write(snippet, "# mine\n");
    machine.write(other, "# not opsctl's\n");
    let said = deployed.opsctl("uninstall --yes --purge");
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    assert!(
        said.talk.contains("kept: /etc/nginx/codeintel"),
        "{}",
        said.talk
    );
    machine.must(&format!("test -e {snippet} && rm -r /etc/nginx/codeintel"));
    let left = machine.must(
        "find /etc /run /var/lib /usr/lib/systemd -name '*codeintel*' -not -path '/etc/opsctl/*' -not -path '/run/systemd/*'; \
         systemctl list-unit-files --no-legend '*codeintel*'; getent passwd codeintel; ls /var/lib/opsctl",
    );
    assert_eq!(left, "");
    machine.must(&format!(
        "test -e {other} && nginx -t && systemctl is-active nginx"
    ));
    machine.must("! ss -ltnuH | grep -q ':443 '");
    deployed.apply();
    assert!(deployed.answers());
}
