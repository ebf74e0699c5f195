//! The runbook of a deployment, as `opsctl runbook` writes it on its machine: every command in its order.

use machine::{Deployed, Kit, Way, blocks};

#[test]
fn the_runbook_of_a_deployment_is_true_from_its_first_command_to_its_last() {
    let kit = Kit::from_environment();
    follow(&Deployed::prepare(&kit, &kit.debian_13));
}

#[test]
fn the_runbook_of_a_passthrough_is_true_from_its_first_command_to_its_last() {
    let kit = Kit::from_environment();
    let deployed = Deployed::prepare(&kit, &kit.debian_13);
    // the origin's user reads the key
    deployed.machine.must(
        "chmod 0644 /etc/ssl/mcp/key.pem && \
         sed -i 's/^topology .*/topology = \"stream-passthrough\"/' /etc/opsctl/codeintel/deploy.toml",
    );
    follow(&deployed);
}

/// Lets opsctl write the runbook of the spec that is there, and does what it says from nothing.
fn follow(deployed: &Deployed) {
    let machine = &deployed.machine;
    machine.must("echo '127.0.0.1 mcp.example.com' >> /etc/hosts");
    let page = deployed.opsctl("runbook").out;
    machine.must("rm -r /etc/opsctl/codeintel");
    let blocks = blocks(&page).unwrap_or_else(|error| panic!("{error}"));
    for block in blocks.iter().filter(|block| block.way == Way::Here) {
        block.run(machine);
        if block.text.contains("opsctl init") {
            deployed.quicken();
        }
        if block.text.contains("worker_connections") {
            assert_eq!(warned_of_connections(deployed), Some(false));
        }
    }
    machine
        .must("test ! -e /etc/codeintel && nginx -t && test -s /etc/opsctl/codeintel/deploy.toml");
}

/// Whether the lint says that nginx.conf has too few connections for streams.
fn warned_of_connections(deployed: &Deployed) -> Option<bool> {
    let said = deployed.opsctl("--format json verify");
    let document = said.json();
    let mut checks = document["checks"].as_array()?.iter();
    let lint = checks.find(|check| check["id"] == "nginx.lint")?;
    Some(lint["detail"].as_str()?.contains("connections"))
}
