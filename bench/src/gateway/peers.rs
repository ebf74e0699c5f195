//! The bridges, each started as its own documentation says, with the same server behind.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Gateway;
use super::call::Sample;
use super::http::{Caller, START};
use super::pipe::Pipe;
use super::tree::Tree;
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

    /// Starts the pipe, the origin and every peer, in this order.
    pub(crate) async fn start(self) -> Result<Vec<Contender>, Fault> {
        let server = &self.arguments.server;
        let mut contenders = vec![Contender::Pipe(Pipe::start(server).await?)];
        contenders.push(self.origin().await?);
        let peers = self.arguments.peers.as_object().into_iter().flatten();
        for (name, peer) in peers {
            let words = peer["command"].as_array().into_iter().flatten();
            let words: Vec<&str> = words.filter_map(Value::as_str).collect();
            let (program, first) = words.split_first().ok_or("a peer without a command")?;
            let mut command = Command::new(program);
            command.args(first);
            let version = peer["version"].as_str().unwrap_or_default();
            let label = format!("{name} {version}");
            let bridge = match name.as_str() {
                "FastMCP proxy" => self.fastmcp(label, command).await?,
                "supergateway" => self.supergateway(label, command).await?,
                "mcp-proxy" => self.mcp_proxy(label, command).await?,
                "Envoy mcp_router" => self.envoy(label, command).await?,
                other => return Err(format!("no way is known to start `{other}`").into()),
            };
            contenders.push(bridge);
        }
        Ok(contenders)
    }

    async fn origin(&self) -> Result<Contender, Fault> {
        let port = free()?;
        let config = self.folder.path().join("origin.toml");
        // every default of a service, its logs too
        let text = format!(
            "bind = [\"127.0.0.1:{port}\"]\n[[servers]]\nname = \"s\"\ncommand = [{:?}]\n",
            self.arguments.server.display().to_string()
        );
        write(&config, &text)?;
        let mut command = Command::new(&self.arguments.common.origin);
        command.arg("--config").arg(&config);
        Bridge::start("origin".to_owned(), command, port, &self.arguments.server).await
    }

    async fn fastmcp(&self, label: String, mut command: Command) -> Result<Contender, Fault> {
        let port = free()?;
        let config = self.folder.path().join("fastmcp.json");
        let servers = json!({"mcpServers": {"s": {"command": self.arguments.server}}});
        write(&config, &servers.to_string())?;
        command.arg("run").arg(&config).args(["--no-banner"]);
        command.args(["--transport", "http", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string()]);
        Bridge::start(label, command, port, &self.arguments.server).await
    }

    async fn supergateway(&self, label: String, mut command: Command) -> Result<Contender, Fault> {
        let port = free()?;
        command.arg("--stdio").arg(&self.arguments.server);
        command.args(["--outputTransport", "streamableHttp", "--stateful"]);
        command.args(["--sessionTimeout", "3600000"]);
        command.args(["--port", &port.to_string()]);
        Bridge::start(label, command, port, &self.arguments.server).await
    }

    async fn mcp_proxy(&self, label: String, mut command: Command) -> Result<Contender, Fault> {
        let port = free()?;
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--").arg(&self.arguments.server);
        Bridge::start(label, command, port, &self.arguments.server).await
    }

    /// It starts no process: its server speaks HTTP itself.
    async fn envoy(&self, label: String, mut command: Command) -> Result<Contender, Fault> {
        let (port, behind) = (free()?, free()?);
        let mut server = Command::new(&self.arguments.http_server);
        server.arg(format!("127.0.0.1:{behind}"));
        let server = Running::start(server)?;
        let config = self.folder.path().join("envoy.json");
        write(&config, &envoy(port, behind).to_string())?;
        command
            .arg("-c")
            .arg(&config)
            .args(["--log-level", "error"]);
        let label = format!("{label}, server over HTTP");
        let bridge = Bridge::start(label, command, port, &self.arguments.http_server).await?;
        let Contender::Bridge(mut bridge) = bridge else {
            return Ok(bridge);
        };
        bridge.behind = Some(server);
        Ok(Contender::Bridge(bridge))
    }
}

/// One that takes its turns.
pub(crate) enum Contender {
    Pipe(Pipe),
    Bridge(Bridge),
}

impl Contender {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Pipe(_) => "the server's own pipe".to_owned(),
            Self::Bridge(bridge) => bridge.name.clone(),
        }
    }

    /// Bytes; none for the pipe.
    pub(crate) fn memory(&self) -> Result<f64, Fault> {
        match self {
            Self::Pipe(_) => Ok(0.0),
            Self::Bridge(bridge) => bridge.tree.memory(),
        }
    }

    pub(crate) async fn turn(&mut self, callers: usize, length: Duration) -> Result<Sample, Fault> {
        match self {
            Self::Pipe(pipe) => pipe.turn(callers, length).await,
            Self::Bridge(bridge) => bridge.turn(callers, length).await,
        }
    }
}

pub(crate) struct Bridge {
    name: String,
    callers: Vec<Caller>,
    port: u16,
    tree: Tree,
    _running: Running,
    behind: Option<Running>,
}

impl Bridge {
    async fn start(
        name: String,
        command: Command,
        port: u16,
        server: &Path,
    ) -> Result<Contender, Fault> {
        let mut running = Running::start(command)?;
        let end = Instant::now() + START;
        let caller = loop {
            match Caller::open(port).await {
                Ok(caller) => break caller,
                Err(fault) if Instant::now() > end || running.has_ended()? => {
                    return Err(format!("{name} does not serve: {fault}").into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        Ok(Contender::Bridge(Self {
            name,
            callers: vec![caller],
            port,
            tree: Tree::new(running.id(), server),
            _running: running,
            behind: None,
        }))
    }

    async fn turn(&mut self, callers: usize, length: Duration) -> Result<Sample, Fault> {
        while self.callers.len() < callers {
            self.callers.push(Caller::open(self.port).await?);
        }
        for caller in &mut self.callers[..callers] {
            caller.connect().await?;
        }
        let before = self.tree.cpu()?;
        let began = Instant::now();
        let end = began + length;
        let calls = self.callers[..callers]
            .iter_mut()
            .map(|caller| caller.calls(end));
        let latencies = futures_util::future::try_join_all(calls).await?.concat();
        let sample = Sample::of(latencies, began);
        Ok(sample.with_cpu(self.tree.cpu()?.saturating_sub(before)))
    }
}

/// A process; it ends with this value.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Result<Self, Fault> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Ok(Self(
            command
                .spawn()
                .map_err(|error| format!("{command:?}: {error}"))?,
        ))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool, Fault> {
        Ok(self.0.try_wait()?.is_some())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // asked to end, each ends its servers too
            let _ = kill_process(id, Signal::TERM);
        }
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
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
