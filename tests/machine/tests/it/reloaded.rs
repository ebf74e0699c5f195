//! A change that a running origin takes up, and one that it does not.

use std::time::Instant;

use machine::{Deployed, Kit, Said, Traffic, show};

#[test]
fn what_a_running_origin_takes_up_ends_no_stream_and_anything_else_restarts_it_once() {
    let kit = Kit::from_environment();
    let deployed = Deployed::bring_up(&kit, &kit.debian_13);
    let pid = main_pid(&deployed);
    let traffic = Traffic::start(&deployed.machine, 5);
    sets(&deployed, "include_server_header", "true");
    will(
        &deployed,
        "reload codeintel-origin.service (it takes up `include_server_header`)",
    );
    let said = applied(&deployed, "reloads");
    assert!(!said.out.contains("ended"), "{}", said.out);
    let served = traffic.stop();
    assert_eq!(main_pid(&deployed), pid);
    assert_eq!(
        (served.lost, served.streams),
        (Vec::<String>::new(), Vec::<String>::new())
    );
    assert!(names_itself(&deployed));
    restarted_once(&deployed, &pid);
    back_again(&deployed);
}

fn applied(deployed: &Deployed, what: &str) -> Said {
    let start = Instant::now();
    let said = deployed.apply();
    let took = start.elapsed().as_millis();
    show(&format!("an apply that {what} the origin took {took} ms"));
    said
}

/// The pace of the streams that are open is one of the origin's start.
fn restarted_once(deployed: &Deployed, pid: &str) {
    sets(deployed, "stream_keep_alive", "\"3s\"");
    will(
        deployed,
        "restart codeintel-origin.service (`stream_keep_alive` needs a restart)",
    );
    let traffic = Traffic::start(&deployed.machine, 5);
    applied(deployed, "restarts");
    let served = traffic.stop();
    assert_eq!(served.lost, Vec::<String>::new());
    // a proper end, and the exit code of one
    assert_eq!(served.streams, vec!["0"; 10]);
    assert_ne!(main_pid(deployed), pid);
    // none that it made by itself
    let restarts = "systemctl show --property=NRestarts --value codeintel-origin.service";
    assert_eq!(deployed.machine.must(restarts).trim(), "0");
}

/// The way back chooses in the same way: to generation 2 by a restart, from there to the first by a reload.
fn back_again(deployed: &Deployed) {
    let mut pid = main_pid(deployed);
    for (to, is_reload) in [(2, false), (1, true)] {
        let back = deployed.opsctl(&format!("rollback --to {to} --yes"));
        assert_eq!(back.code, 0, "{}{}", back.out, back.talk);
        let now = main_pid(deployed);
        assert_eq!(now == pid, is_reload, "to {to}: {}", back.talk);
        pid = now;
    }
    assert!(!names_itself(deployed));
    assert_eq!(deployed.opsctl("status").code, 0);
}

/// Sets a key of `[origin]` in the spec.
fn sets(deployed: &Deployed, key: &str, value: &str) {
    deployed.machine.must(&format!(
        "sed -i -e '/^{key} /d' -e 's/^\\[origin\\]$/[origin]\\n{key} = {value}/' /etc/opsctl/codeintel/deploy.toml"
    ));
}

/// What is done to the origin is shown before it is done, by each command that shows it.
fn will(deployed: &Deployed, step: &str) {
    let pending = deployed.opsctl("diff");
    assert_eq!(pending.code, 3, "{}", pending.talk);
    assert!(pending.out.contains(step), "{}", pending.out);
    let planned = deployed.opsctl("--format json apply --dry-run").json();
    let steps = planned["steps"].as_array().expect("a plan");
    assert!(steps.iter().any(|line| line == step), "{steps:?}");
}

fn main_pid(deployed: &Deployed) -> String {
    let shown = "systemctl show --property=MainPID --value codeintel-origin.service";
    deployed.machine.must(shown)
}

/// Whether its answers carry the header `Server`, as `include_server_header` says.
fn names_itself(deployed: &Deployed) -> bool {
    let ask = "curl -sS -D - -o /dev/null --unix-socket /run/codeintel/origin.sock http://localhost/healthz";
    deployed
        .machine
        .must(ask)
        .to_lowercase()
        .contains("server:")
}
