//! The bridges, each started as its own documentation says, with the same server behind.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Gateway;
use super::contender::{Behind, Bridge, Contender, Running, Start, ready};
use super::pipe::Pipe;
use crate::Fault;
use crate::origin::write;

/// What is to be measured, not yet started.
pub(crate) struct Peers<'a> {
    arguments: &'a Gateway,
    folder: TempDir,
}

impl<'a> Peers<'a> {
    pub(crate) fn new(arguments: &'a Gateway) -> Result<Self, Fault> {
        Ok(Self {
            arguments,
            folder: TempDir::with_prefix("bench-")?,
        })
    }

    /// Starts them: for each sort of server the server itself, the origin before it, then every peer.
    pub(crate) async fn start(self) -> Result<Vec<Contender>, Fault> {
        let pipe = Pipe::start(&self.arguments.server).await?;
        let mut contenders = vec![Contender::Pipe(pipe)];
        contenders.push(self.origin().await?);
        contenders.push(self.http().await?);
        contenders.push(self.origin_over_http().await?);
        let peers = self.arguments.peers.as_object().into_iter().flatten();
        for (name, peer) in peers {
            let peer = Peer::read(name, peer)?;
            let bridge = match name.as_str() {
                "FastMCP proxy" => self.fastmcp(&peer).await?,
                "supergateway" => self.supergateway(&peer).await?,
                "mcp-proxy" => self.mcp_proxy(&peer).await?,
                "Envoy mcp_router" => {
                    contenders.push(self.envoy_over_http(&peer).await?);
                    self.envoy_over_pipe(&peer).await?
                }
                other => return Err(format!("no way is known to start `{other}`").into()),
            };
            contenders.push(bridge);
        }
        Ok(contenders)
    }

    async fn origin(&self) -> Result<Contender, Fault> {
        let server = self.arguments.server.display().to_string();
        let (port, command) = self.origin_before("stdio", &format!("command = [{server:?}]"))?;
        self.before_pipe("origin", command, port).await
    }

    async fn origin_over_http(&self) -> Result<Contender, Fault> {
        let (behind, server) = self.http_server()?;
        let url = format!("url = \"http://127.0.0.1:{behind}/mcp\"");
        let (port, command) = self.origin_before("http", &url)?;
        let start = Start {
            aside: Some(Running::start(server)?),
            ..self.start_of(Behind::Http)
        };
        Bridge::start("origin", command, port, start).await
    }

    /// With every default of a service, its logs too.
    fn origin_before(&self, name: &str, server: &str) -> Result<(u16, Command), Fault> {
        let port = free()?;
        let config = self.folder.path().join(format!("{name}.toml"));
        let text = format!("bind = [\"127.0.0.1:{port}\"]\n[[servers]]\nname = \"s\"\n{server}\n");
        write(&config, &text)?;
        let mut command = Command::new(&self.arguments.common.origin);
        command.arg("--config").arg(&config);
        Ok((port, command))
    }

    async fn fastmcp(&self, peer: &Peer) -> Result<Contender, Fault> {
        let (port, mut command) = (free()?, peer.command());
        let config = self.folder.path().join("fastmcp.json");
        let servers = json!({"mcpServers": {"s": {"command": self.arguments.server}}});
        write(&config, &servers.to_string())?;
        command.arg("run").arg(&config).args(["--no-banner"]);
        command.args(["--transport", "http", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string()]);
        self.before_pipe(&peer.label, command, port).await
    }

    async fn supergateway(&self, peer: &Peer) -> Result<Contender, Fault> {
        let (port, mut command) = (free()?, peer.command());
        command.arg("--stdio").arg(&self.arguments.server);
        command.args(["--outputTransport", "streamableHttp", "--stateful"]);
        command.args(["--sessionTimeout", "3600000"]);
        command.args(["--port", &port.to_string()]);
        let label = format!("{} `--stateful`", peer.label);
        self.before_pipe(&label, command, port).await
    }

    async fn mcp_proxy(&self, peer: &Peer) -> Result<Contender, Fault> {
        let port = free()?;
        let command = self.mcp_proxy_on(peer, port);
        self.before_pipe(&peer.label, command, port).await
    }

    fn mcp_proxy_on(&self, peer: &Peer, port: u16) -> Command {
        let mut command = peer.command();
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--").arg(&self.arguments.server);
        command
    }

    async fn envoy_over_http(&self, peer: &Peer) -> Result<Contender, Fault> {
        let (behind, server) = self.http_server()?;
        let (port, command) = self.envoy_before(peer, "http", behind)?;
        let start = Start {
            aside: Some(Running::start(server)?),
            ..self.start_of(Behind::Http)
        };
        Bridge::start(&peer.label, command, port, start).await
    }

    /// It starts no process: before a server on a pipe it needs another bridge, here the fastest of them.
    async fn envoy_over_pipe(&self, peer: &Peer) -> Result<Contender, Fault> {
        let bridge = Peer::read("mcp-proxy", &self.arguments.peers["mcp-proxy"])?;
        let behind = free()?;
        let mut between = Running::start(self.mcp_proxy_on(&bridge, behind))?;
        ready(&bridge.label, behind, &mut between).await?;
        let (port, command) = self.envoy_before(peer, "pipe", behind)?;
        let label = format!("{} before {}", peer.label, bridge.label);
        let start = Start {
            between: Some(between),
            ..self.start_of(Behind::Pipe)
        };
        Bridge::start(&label, command, port, start).await
    }

    fn envoy_before(&self, peer: &Peer, name: &str, behind: u16) -> Result<(u16, Command), Fault> {
        let (port, mut command) = (free()?, peer.command());
        let config = self.folder.path().join(format!("envoy-{name}.json"));
        write(&config, &envoy(port, behind).to_string())?;
        command.arg("-c").arg(&config);
        // two of them on one machine
        command.args(["--log-level", "error", "--use-dynamic-base-id"]);
        Ok((port, command))
    }

    /// A server over HTTP: its port, and how it is started.
    fn http_server(&self) -> Result<(u16, Command), Fault> {
        let port = free()?;
        let mut server = Command::new(&self.arguments.http_server);
        server.arg(format!("127.0.0.1:{port}"));
        Ok((port, server))
    }

    async fn http(&self) -> Result<Contender, Fault> {
        let (port, server) = self.http_server()?;
        let start = self.start_of(Behind::Http);
        Bridge::start("the server alone", server, port, start).await
    }

    async fn before_pipe(
        &self,
        label: &str,
        command: Command,
        port: u16,
    ) -> Result<Contender, Fault> {
        Bridge::start(label, command, port, self.start_of(Behind::Pipe)).await
    }

    fn start_of(&self, behind: Behind) -> Start<'_> {
        Start {
            behind,
            server: match behind {
                Behind::Pipe => &self.arguments.server,
                Behind::Http => &self.arguments.http_server,
            },
            between: None,
            aside: None,
        }
    }
}

/// A program of others.
struct Peer {
    label: String,
    command: Vec<String>,
}

impl Peer {
    fn read(name: &str, peer: &Value) -> Result<Self, Fault> {
        let words = peer["command"].as_array().into_iter().flatten();
        let words = words.filter_map(Value::as_str).map(str::to_owned);
        let version = peer["version"].as_str().unwrap_or_default();
        let peer = Self {
            label: format!("{name} {version}"),
            command: words.collect(),
        };
        if peer.command.is_empty() {
            return Err(format!("{name}: a peer without a command").into());
        }
        Ok(peer)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        command
    }
}

pub(crate) fn free() -> Result<u16, Fault> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn envoy(port: u16, behind: u16) -> Value {
    let kind = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.{name}");
    let address =
        |port: u16| json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
    let router = json!({
        "@type": kind("http.mcp_router.v3.McpRouter"),
        "servers": [{"name": "s", "mcp_cluster": {"cluster": "s", "path": "/mcp"}}],
    });
    let manager = json!({
        "@type": kind("network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "s",
        "route_config": {"virtual_hosts": [{
            "name": "s", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "s"}}],
        }]},
        "http_filters": [
            {"name": "envoy.filters.http.mcp", "typed_config": {"@type": kind("http.mcp.v3.Mcp")}},
            {"name": "envoy.filters.http.mcp_router", "typed_config": router},
        ],
    });
    let chain = json!({"filters": [{
        "name": "envoy.filters.network.http_connection_manager", "typed_config": manager,
    }]});
    let endpoint = json!({"endpoint": {"address": address(behind)}});
    json!({"static_resources": {
        "listeners": [{"name": "s", "address": address(port), "filter_chains": [chain]}],
        "clusters": [{
            "name": "s", "type": "STATIC", "connect_timeout": "1s",
            "load_assignment": {"cluster_name": "s", "endpoints": [{"lb_endpoints": [endpoint]}]},
        }],
    }})
}
