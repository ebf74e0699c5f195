//! `cargo xtask demo`: the main job on this machine, with all that it needs provided first.

mod far;

use std::env;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::cli::{Demo, Topology};
use crate::failure::Failure;
use crate::repository::Repository;
use crate::tools::{nginx, node, python};
use crate::{files, process, talk};

/// Names the NGINX to take; `opsctl` reads it too.
const NGINX_VARIABLE: &str = "OPSCTL_NGINX";
/// The ports that a demo has when nobody else has them: the customary unprivileged ones.
const PORTS: Ports = Ports {
    https: 8443,
    http: 8080,
    quic: 18443,
};
/// How many triples above `PORTS` are tried.
const TRIPLES: u16 = 100;

/// mcp-server-git runs it.
const PACKAGES: &[Package] = &[Package {
    name: "git",
    brings: Brings::Program("git"),
}];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Ports {
    https: u16,
    http: u16,
    /// The origin's own, where it speaks QUIC itself.
    quic: u16,
}

/// Provides NGINX and the MCP servers, builds, writes the spec and becomes `opsctl up`.
pub(crate) fn run(repository: &Repository, arguments: &Demo) -> Result<ExitCode, Failure> {
    let cache = Cache::open()?;
    apt::ensure(&cache, PACKAGES)?;
    let nginx = match (env::var_os(NGINX_VARIABLE), nginx::on_path()) {
        (Some(named), _) => named,
        (None, Some(found)) => found.into_os_string(),
        (None, None) => nginx::ensure(repository, &cache)?.into_os_string(),
    };
    let servers = python::ensure(repository, &cache, &python::SERVERS)?.bin();
    let everything = node::ensure(repository, &cache, &node::EVERYTHING)?;
    let fastmcp = python::ensure(repository, &cache, &python::FASTMCP)?;
    build(repository)?;
    let ports = free_ports(is_free)?;
    // kept, so that it can be read, changed and given to opsctl by hand
    let folder = cache.folder().join(format!("demo/{}", ports.https));
    let (python, log) = (fastmcp.program("python"), folder.join("words.log"));
    let text = spec(
        arguments.topology,
        ports,
        &Servers {
            repository: repository.root().to_owned(),
            python: servers,
            node: everything.node().to_owned(),
            everything: everything.program().to_owned(),
            words: far::start(repository.root(), &python, &log)?,
        },
    );
    let spec = folder.join("deploy.toml");
    files::replace(&spec, &text)?;
    talk::progress(format_args!("spec: {}", spec.display()));

    let mut up = Command::new(repository.programs()?.join("opsctl"));
    repository.enter(&mut up);
    up.env(NGINX_VARIABLE, nginx);
    up.arg("--spec").arg(&spec).arg("up");
    if arguments.once {
        up.arg("--once");
    }
    if arguments.keep {
        // outside home directories: NGINX's workers have to reach the sockets in it
        let kept = env::temp_dir().join(format!("mcp-demo-{}", std::process::id()));
        talk::progress(format_args!("kept: {}", kept.display()));
        up.arg("--dir").arg(kept);
    }
    // opsctl takes this process over: a Ctrl-C or a signal from a supervisor reaches it and nobody else
    let error = up.exec();
    Err(Failure::new("cannot start `opsctl`").because(error))
}

fn build(repository: &Repository) -> Result<(), Failure> {
    let mut command = repository.cargo();
    command.args(["build", "--locked", "-p", "origin", "-p", "opsctl"]);
    if process::status(&mut command)?.success() {
        return Ok(());
    }
    Err(Failure::new("`origin` and `opsctl` do not build")
        .or_try("cargo build --locked -p origin -p opsctl"))
}

/// The first three from `PORTS` on of which all are free.
fn free_ports(is_free: impl Fn(u16) -> bool) -> Result<Ports, Failure> {
    (0..TRIPLES)
        .map(|above| Ports {
            https: PORTS.https + above,
            http: PORTS.http + above,
            quic: PORTS.quic + above,
        })
        .find(|ports| {
            [ports.https, ports.http, ports.quic]
                .into_iter()
                .all(&is_free)
        })
        .ok_or_else(|| {
            let Ports { https, http, quic } = PORTS;
            let message = format!("no free ports from {https}, {http} and {quic} on");
            Failure::new(message).or_try("ss -tulpn shows who has them")
        })
}

/// Free over TCP and over UDP: HTTP/3 needs the same number there.
fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}

/// What the MCP servers are started from, and the URL of the one that is reached by it.
#[derive(Debug)]
struct Servers {
    repository: PathBuf,
    /// The folder of the programs in Python.
    python: PathBuf,
    node: PathBuf,
    everything: PathBuf,
    words: String,
}

/// The demo's deployment: four MCP servers of three kinds, one of them over this very repository.
fn spec(topology: Topology, ports: Ports, servers: &Servers) -> String {
    let quoted = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
    let Ports { https, http, quic } = ports;
    let quic = match topology {
        Topology::H3Termination => String::new(),
        Topology::StreamPassthrough => format!("quic_bind = [\"127.0.0.1:{quic}\"]\n"),
    };
    let topology = topology.word();
    let repository = quoted(&servers.repository);
    let git = quoted(&servers.python.join("mcp-server-git"));
    let time = quoted(&servers.python.join("mcp-server-time"));
    let (node, everything) = (quoted(&servers.node), quoted(&servers.everything));
    let words = &servers.words;
    format!(
        r#"# Written by `cargo xtask demo`, anew each time. All keys: specs/full.toml
name = "demo"
topology = "{topology}"
server_names = ["localhost"]

[edge]
listen = ["127.0.0.1"]
https_port = {https}
public_https_port = {https}
http_port = {http}

[tls]
self_signed = true

[origin]
# short, so that the verification sees a keep-alive soon
stream_keep_alive = "3s"
{quic}
[[servers]]
name = "git"
command = [{git}, "--repository", {repository}]
check_tool = "git_log"
check_arguments = {{ repo_path = {repository}, max_count = 1 }}

[[servers]]
name = "time"
command = [{time}, "--local-timezone", "UTC"]
check_tool = "get_current_time"
check_arguments = {{ timezone = "UTC" }}

[[servers]]
name = "everything"
command = [{node}, {everything}, "stdio"]
check_tool = "echo"
check_arguments = {{ message = "hello" }}

[[servers]]
name = "words"
url = "{words}"
check_tool = "count_words"
check_arguments = {{ text = "one two three" }}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_ports_are_free() {
        let taken = |port| ![8443, 8081, 18445].contains(&port);
        let found = free_ports(taken).expect("some are free");
        assert_eq!((found.https, found.http, found.quic), (8446, 8083, 18446));
        assert!(free_ports(|_| false).is_err());
    }

    #[test]
    fn a_port_with_a_udp_socket_alone_is_not_free() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free UDP port");
        let port = socket.local_addr().expect("it has an address").port();
        assert!(!is_free(port));
    }

    #[test]
    fn the_spec_is_toml_whatever_is_in_a_path() {
        let odd = Path::new("/a b/\"c\"\\d");
        let servers = Servers {
            repository: odd.to_owned(),
            python: "/v/bin".into(),
            node: "/n/node".into(),
            everything: odd.to_owned(),
            words: "http://127.0.0.1:1/mcp".into(),
        };
        for topology in [Topology::H3Termination, Topology::StreamPassthrough] {
            let text = spec(topology, PORTS, &servers);
            let table: toml::Table = text.parse().expect("valid TOML");
            let server = &table["servers"][0];
            assert_eq!(server["command"][2].as_str(), odd.to_str());
            assert_eq!(
                server["check_arguments"]["repo_path"].as_str(),
                odd.to_str()
            );
        }
    }
}
