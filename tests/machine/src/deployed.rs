//! The kit on a machine: installed from its package, and one deployment of it brought up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use probe::{Connect, Scheme, Target, Trust};

use crate::kit::Kit;
use crate::layer::Layer;
use crate::machine::Machine;
use crate::said::Said;

/// A machine with one deployment.
#[derive(Debug)]
pub struct Deployed {
    /// The machine.
    pub machine: Machine,
}

impl Deployed {
    /// Boots a copy of `system` with the package installed. There is a certificate, an MCP server and a spec; nothing of the
    /// deployment is in place yet.
    pub fn prepare(kit: &Kit, system: &Path) -> Self {
        let layers = PREPARED.over(kit, vec![system.to_owned()]);
        Self::boot(layers)
    }

    /// The same with the deployment in place and verified, by `opsctl apply`.
    pub fn bring_up(kit: &Kit, system: &Path) -> Self {
        let layers = PREPARED.over(kit, vec![system.to_owned()]);
        let deployed = Self::boot(APPLIED.over(kit, layers));
        deployed.wait_until_ready();
        deployed
    }

    fn boot(layers: Vec<PathBuf>) -> Self {
        Self {
            machine: Machine::boot_layers(layers),
        }
    }

    /// Applies the spec. Its verification measures times: on a loaded machine it may say no (14), and then everything is as
    /// it was and the next try stands where the first one stood.
    pub fn apply(&self) -> Said {
        apply(&self.machine)
    }

    /// Lets the spec that `opsctl init` wrote name a tool to check, and makes a verification of it quick.
    pub fn quicken(&self) {
        self.machine.must(QUICKEN);
    }

    /// Waits until the MCP servers behind the origin are up.
    pub fn wait_until_ready(&self) {
        self.machine.wait_for(&format!(
            "curl --fail --silent --show-error --unix-socket /run/{NAME}/admin.sock http://localhost/readyz"
        ));
    }

    /// Runs `opsctl` on the deployment's spec.
    pub fn opsctl(&self, arguments: &str) -> Said {
        opsctl(&self.machine, arguments)
    }

    /// Changes the spec in a way that only NGINX's configuration shows: `max_concurrent_streams` of the edge.
    pub fn change(&self, streams: u32) {
        self.machine.must(&format!(
            "sed -i -e '/^max_concurrent_streams/d' -e 's/^\\[edge\\]$/[edge]\\nmax_concurrent_streams = {streams}/' \
             /etc/opsctl/{NAME}/deploy.toml"
        ));
    }

    /// Whether NGINX's installed configuration has that number.
    pub fn has(&self, streams: u32) -> bool {
        let found = format!("grep -rq 'http2_max_concurrent_streams {streams};' /etc/nginx/{NAME}");
        self.machine.run(&found).succeeded()
    }

    /// Whether a client on the machine is answered, through the edge and the origin.
    pub fn answers(&self) -> bool {
        let ask = format!(
            "test \"$(curl -sS --max-time 20 -o /dev/null -w '%{{http_code}}' --connect-to ::127.0.0.1: \
             https://{SERVER_NAME}/healthz)\" = 200"
        );
        self.machine.run(&ask).succeeded()
    }

    /// The ids of the checks of `opsctl verify` that failed, with what they say. It measures times: what is at fault fails
    /// each time, what was busy does not.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for _ in 0..TRIES {
            let said = self.opsctl("--format json verify");
            let document = said.json();
            let checks = document["checks"].as_array();
            let checks = checks.unwrap_or_else(|| panic!("no verification: {}", said.talk));
            let failed = checks.iter().filter(|check| check["status"] == "fail");
            failures = failed
                .map(|check| format!("{}: {}", check["id"], check["detail"]))
                .collect();
            if failures.is_empty() {
                break;
            }
        }
        failures
    }

    /// The edge from outside, on its real port.
    pub fn target(&self) -> Target {
        let pem = self.machine.read("/etc/ssl/mcp/ca.pem");
        let roots = probe::certificate::read_chain(pem.as_bytes()).expect("a certificate");
        let mut target = Target::new(Scheme::Https, SERVER_NAME, 443);
        target.trust = Trust::Roots(roots);
        let address = SocketAddr::from((self.machine.address(), 443));
        target.with_connect(Connect::Address(address))
    }
}

/// The package, a certificate, an MCP server and a spec.
const PREPARED: Layer = Layer {
    name: "prepared",
    make: |kit, machine| {
        let package = std::fs::read(&kit.package).expect("a package");
        machine.write("/srv/kit.deb", package);
        machine.must("dpkg --install /srv/kit.deb");
        machine.install(&kit.fixtures, "/usr/local/bin/mcp-fixtures");
        machine.must(CERTIFICATE);
        machine.must(&format!(
            "mkdir -p /etc/opsctl/{NAME} && cd /etc/opsctl/{NAME} && opsctl init --name {NAME} --server-name {SERVER_NAME} \
             --certificate /etc/ssl/mcp/chain.pem --private-key /etc/ssl/mcp/key.pem \
             --server fixtures=/usr/local/bin/mcp-fixtures"
        ));
        machine.must(QUICKEN);
    },
};
/// A verification waits for two keep-alives.
const QUICKEN: &str = r#"cd /etc/opsctl/codeintel &&
printf 'process = "per-session"\ncheck_tool = "test_simple_text"\n' >> deploy.toml &&
sed -i 's/^\[origin\]$/[origin]\nstream_keep_alive = "2s"/' deploy.toml
"#;
/// The deployment in place.
const APPLIED: Layer = Layer {
    name: "applied",
    make: |_, machine| {
        apply(machine);
    },
};

/// A shell command that calls a tool of the deployment's server through the edge and prints the answer. `request_id` names it in
/// the logs.
pub fn call(request_id: &str) -> String {
    format!(
        "curl -sS --fail --http2 --max-time 20 --connect-to ::127.0.0.1: https://{SERVER_NAME}/mcp \
         -H 'X-Request-ID: {request_id}' -H 'Content-Type: application/json' \
         -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' \
         -H 'Mcp-Method: tools/call' -H 'Mcp-Name: fixtures__test_simple_text' --data '{CALL}'"
    )
}

fn opsctl(machine: &Machine, arguments: &str) -> Said {
    let said = machine.run(&format!("cd /etc/opsctl/{NAME} && opsctl {arguments}"));
    machine.note(format!(
        "opsctl {arguments}: {}\n{}{}",
        said.code, said.out, said.talk
    ));
    said
}

fn apply(machine: &Machine) -> Said {
    let mut said = opsctl(machine, "apply --yes");
    for _ in 1..TRIES {
        if said.code != 14 {
            break;
        }
        said = opsctl(machine, "apply --yes");
    }
    assert_eq!(said.code, 0, "{}{}", said.out, said.talk);
    said
}

/// How often what measures times is tried.
const TRIES: usize = 3;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fixtures__test_simple_text","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// The deployment's name.
pub const NAME: &str = "codeintel";
/// The name under which clients reach it.
pub const SERVER_NAME: &str = "mcp.example.com";

/// An authority that the machine trusts, and a certificate of it for [`SERVER_NAME`].
const CERTIFICATE: &str = r#"set -e
mkdir -p /etc/ssl/mcp && cd /etc/ssl/mcp
ec() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -not_before 20260101000000Z -not_after 20560101000000Z "$@" 2>/dev/null; }
ec -x509 -subj '/CN=test authority' -keyout ca-key.pem -out ca.pem
ec -x509 -subj /CN=mcp.example.com -keyout key.pem -out chain.pem -CA ca.pem -CAkey ca-key.pem \
    -addext subjectAltName=DNS:mcp.example.com -addext basicConstraints=critical,CA:false
chmod 0600 key.pem
cp ca.pem /usr/local/share/ca-certificates/mcp-test.crt
update-ca-certificates >/dev/null 2>&1
"#;
