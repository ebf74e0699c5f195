//! What is to be verified: the plain values that the checks need, whether they came from a deployment or from a URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use api_keys::Key;
use deploy::words::ServerName;
use deploy::{Deployment, Exposed, Site};
use origin_config::Bind;
use probe::{Connect, ProbeError, Scheme, Target, Trust};
use serde_json::Value;

use super::lint;
use super::tcp_sites::{self, TcpSiteAim};
use super::verdict::sentence;

/// One site of a deployment, or one URL.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    /// Its name, where there are several.
    pub(crate) site: Option<String>,
    /// The edge: name, port in the authority, way there, trust.
    pub(crate) edge: Target,
    /// The path of the MCP endpoint, without a slash at its end.
    pub(crate) mcp_path: String,
    /// The port that `Alt-Svc` has to name.
    pub(crate) public_port: u16,
    /// Something maps the public port to another one, so that it cannot be asked from here.
    pub(crate) mapped: bool,
    /// How long an idle stream may be silent.
    pub(crate) keep_alive: Duration,
    /// How many fresh HTTP/3 connections to make.
    pub(crate) handshakes: usize,
    /// NGINX has just read a new configuration: workers of the one before may live on with their clients.
    pub(crate) settling: bool,
    /// What only the host itself can tell; nothing for a URL.
    pub(crate) host: Option<HostAim>,
    /// The MCP servers; empty for a URL.
    pub(crate) servers: Vec<ServerAim>,
    /// What the edge passes beside MCP; `None` for a URL.
    pub(crate) opened: Option<Vec<Exposed>>,
    /// The origin asks for API keys, and none is at hand.
    pub(crate) locked: bool,
    /// The names of other sites on the port of the edge; empty for a URL.
    pub(crate) tcp_sites: Vec<TcpSiteAim>,
}

/// What only the host of an origin can be asked.
#[derive(Debug, Clone)]
pub(crate) struct HostAim {
    /// The origin's admin listener, if it has one.
    pub(crate) admin: Option<Target>,
    /// The generation that the origin should have.
    pub(crate) generation: String,
    /// Where the origin listens.
    pub(crate) binds: Vec<Bind>,
    /// Where it speaks QUIC beside the public addresses, which are its own where the edge leaves UDP to the kernel.
    pub(crate) quic: Vec<SocketAddr>,
}

/// An MCP server and the call that proves it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServerAim {
    /// Its name.
    pub(crate) name: String,
    /// The tool to call, by its own name, and the arguments; one that is safe is looked for when absent.
    pub(crate) call: Option<(String, Value)>,
}

/// What only the host of the edge can be asked.
#[derive(Debug, Clone)]
pub(crate) struct EdgeAim {
    /// The NGINX and the arguments that test the configuration; the reason when that cannot be done here.
    pub(crate) test: Result<(PathBuf, Vec<String>), String>,
    /// The socket on which NGINX names its generation.
    pub(crate) generation_socket: PathBuf,
    /// The generation that it should have.
    pub(crate) generation: String,
    /// The NGINX that the configuration is for.
    pub(crate) nginx: deploy::Target,
    /// The folder of the deployment's snippets.
    pub(crate) snippets: PathBuf,
}

/// Aims at a URL: the path is the MCP endpoint, `/mcp` when the URL has none.
pub(crate) fn from_url(url: &str, handshakes: usize) -> Result<Aim, String> {
    let (edge, path) = Target::from_url(url).map_err(|error: ProbeError| sentence(&error))?;
    if edge.scheme != Scheme::Https {
        return Err(format!(
            "`{url}` is not an `https` URL: HTTP/2 and HTTP/3 are checked over TLS"
        ));
    }
    let path = path
        .split('?')
        .next()
        .unwrap_or_default()
        .trim_end_matches('/');
    Ok(Aim {
        site: None,
        mcp_path: if path.is_empty() { "/mcp" } else { path }.to_owned(),
        public_port: edge.port,
        mapped: false,
        keep_alive: DEFAULT_KEEP_ALIVE,
        handshakes,
        settling: false,
        host: None,
        servers: Vec::new(),
        opened: None,
        locked: false,
        tcp_sites: Vec::new(),
        edge,
    })
}

/// How the checks reach a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// The address to connect to in place of the edge's own.
    pub(crate) connect: Option<SocketAddr>,
    /// Whose certificates are believed.
    pub(crate) trust: Trust,
    /// How many fresh HTTP/3 connections to make.
    pub(crate) handshakes: usize,
    /// NGINX has just read a new configuration.
    pub(crate) settling: bool,
    /// An API key of the origin.
    pub(crate) key: Option<Key>,
}

/// Aims at the edge of a deployment; `test` is the command that tests its configuration, or why that cannot be done.
pub(crate) fn edge_aim(
    deployment: &Deployment,
    test: Result<(PathBuf, Vec<String>), String>,
) -> EdgeAim {
    EdgeAim {
        test,
        generation_socket: deployment.edge.socket.as_path().to_owned(),
        generation: deployment.edge.generation.to_string(),
        nginx: deployment.target.clone(),
        snippets: lint::snippets(deployment),
    }
}

/// Aims at every site of a deployment.
pub(crate) fn from_deployment(deployment: &Deployment, access: &Access) -> Vec<Aim> {
    let named = deployment.sites.len() > 1;
    let aim = |site: &Site| {
        let public_port = deployment.edge.public_https_port.number();
        let name = site
            .server_names
            .first()
            .map_or_else(|| "localhost".to_owned(), ServerName::example);
        let listen = deployment.edge.https.first().copied();
        let mut edge =
            Target::new(Scheme::Https, name, public_port).with_trust(access.trust.clone());
        if let Some(address) = access.connect.or(listen.map(reachable)) {
            edge.connect = Connect::Address(address);
        }
        let locked = site.origin.api_keys_file.is_some();
        if let Some(key) = access.key.as_ref().filter(|_| locked) {
            edge = show(edge, key);
        }
        Aim {
            site: named.then(|| site.name.to_string()),
            tcp_sites: tcp_sites::aims(deployment, &edge),
            edge,
            mcp_path: "/mcp".to_owned(),
            public_port,
            mapped: listen.is_some_and(|address| address.port() != public_port),
            keep_alive: site.origin.stream_keep_alive,
            handshakes: access.handshakes,
            settling: access.settling,
            host: Some(HostAim {
                admin: site.origin.admin_bind.first().map(admin),
                generation: site.origin.generation.clone(),
                binds: [
                    &site.origin.bind,
                    &site.origin.tls.insecure_bind,
                    &site.origin.admin_bind,
                ]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
                quic: own_quic(deployment, site),
            }),
            servers: servers(site),
            opened: Some(deployment.edge.expose.clone()),
            locked: locked && access.key.is_none(),
        }
    };
    deployment.sites.iter().map(aim).collect()
}

fn own_quic(deployment: &Deployment, site: &Site) -> Vec<SocketAddr> {
    let public = &deployment.edge.https;
    let addresses = site.origin.quic.bind.iter().copied();
    addresses
        .filter(|address| !public.contains(address))
        .collect()
}

/// The target with a key for every question.
pub(crate) fn show(target: Target, key: &Key) -> Target {
    target
        .with_bearer(key.text())
        .unwrap_or_else(|_| unreachable!("a key is letters, digits and `_`"))
}

fn servers(site: &Site) -> Vec<ServerAim> {
    let call = |name: &str| {
        let check = site.checks.iter().find(|check| check.server == name)?;
        Some((check.tool.clone(), Value::Object(check.arguments.clone())))
    };
    let aim = |name: &String| ServerAim {
        name: name.clone(),
        call: call(name),
    };
    site.origin
        .servers
        .iter()
        .map(|server| aim(&server.name))
        .collect()
}

/// A listener of a wildcard address is asked on loopback.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// An admin listener, which speaks plain HTTP.
pub(crate) fn admin(bind: &Bind) -> Target {
    let (port, connect) = match bind {
        Bind::Tcp(address) => (address.port(), Connect::Address(reachable(*address))),
        Bind::Unix(path) => (80, Connect::Unix(path.clone())),
    };
    Target::new(Scheme::Http, "localhost", port).with_connect(connect)
}

/// The origin's default of `stream_keep_alive`.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_means_the_usual_endpoint() {
        for url in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/mcp/",
            "https://a.example/mcp?x=1",
        ] {
            assert_eq!(from_url(url, 1).expect(url).mcp_path, "/mcp");
        }
        let other = from_url("https://a.example:8443/servers/git/mcp", 1).expect("valid");
        assert_eq!(
            (other.mcp_path.as_str(), other.public_port),
            ("/servers/git/mcp", 8443)
        );
    }

    #[test]
    fn a_deployment_is_asked_where_it_listens_under_the_name_and_port_that_clients_use() {
        let text = crate::made_up::spec("self_signed = true");
        let (deployment, _) = crate::made_up::deployment(&text, std::path::Path::new("/tmp/x"));
        let access = Access {
            connect: None,
            trust: Trust::Any,
            handshakes: 1,
            settling: false,
            key: None,
        };
        let aim = &from_deployment(&deployment, &access)[0];
        assert_eq!(aim.edge.authority(), "localhost");
        assert_eq!(
            aim.edge.connect,
            Connect::Address("127.0.0.1:8443".parse().expect("valid"))
        );
        assert!(aim.mapped && aim.public_port == 443 && aim.site.is_none());
        assert_eq!(aim.keep_alive, Duration::from_secs(3));
        assert_eq!(
            aim.servers[0].call.as_ref().map(|call| call.0.as_str()),
            Some("now")
        );
    }

    #[test]
    fn a_wildcard_listener_is_asked_on_loopback() {
        let asked = |text: &str| reachable(text.parse().expect("valid")).to_string();
        assert_eq!(asked("0.0.0.0:443"), "127.0.0.1:443");
        assert_eq!(asked("[::]:443"), "[::1]:443");
        assert_eq!(asked("192.0.2.1:443"), "192.0.2.1:443");
    }

    #[test]
    fn what_cannot_be_checked_over_tls_is_refused() {
        assert!(from_url("http://a.example", 1).is_err());
        assert!(from_url("a.example", 1).is_err());
    }
}
