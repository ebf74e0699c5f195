//! MCP servers of others that are reached by URL.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::DEADLINE;
use crate::deployment::free_port_pair;
use crate::tools::Tools;

/// One of them, on a port that it keeps over restarts. Killed with this value.
#[derive(Debug)]
pub struct Far {
    kind: FarKind,
    port: u16,
    child: Child,
}

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarKind {
    /// Python's SDK of the revisions up to 2025-11-25: sessions, and 404 for one that is unknown.
    Mcp1,
    /// Python's SDK of 2026-07-28.
    Mcp2,
    /// TypeScript's reference server: sessions, and 400 for one that is unknown.
    Everything,
    /// Another origin, before a server of Python's newer SDK.
    Origin,
}

impl Far {
    /// Starts it and waits until it takes connections.
    pub async fn start(tools: &Tools, kind: FarKind) -> Self {
        let (port, _) = free_port_pair();
        let child = spawn(tools, kind, port);
        let far = Self { kind, port, child };
        far.wait().await;
        far
    }

    /// Its endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// Kills it, with all its sessions.
    pub fn kill(&mut self) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let signal = match self.kind {
            // It has a server below it, which is to go with it.
            FarKind::Origin => rustix::process::Signal::TERM,
            _ => rustix::process::Signal::KILL,
        };
        if let Some(id) = id {
            let _ = rustix::process::kill_process(id, signal);
        }
        let _ = self.child.wait();
    }

    /// Starts it again at its port.
    pub async fn start_again(&mut self, tools: &Tools) {
        self.child = spawn(tools, self.kind, self.port);
        self.wait().await;
    }

    async fn wait(&self) {
        let end = Instant::now() + DEADLINE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < end, "{:?} does not start", self.kind);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(tools: &Tools, kind: FarKind, port: u16) -> Child {
    let port = port.to_string();
    let mut command = match kind {
        FarKind::Mcp1 => Command::new(&tools.mcp1_python),
        FarKind::Mcp2 => Command::new(&tools.clients_python),
        FarKind::Everything => Command::new(&tools.node),
        FarKind::Origin => Command::new(&tools.origin),
    };
    match kind {
        FarKind::Mcp1 => command.args([&Tools::script("asks_mcp1.py"), &port]),
        FarKind::Mcp2 => command.args([&Tools::script("asks_mcp2.py"), &port]),
        FarKind::Everything => command.arg(&tools.everything).arg("streamableHttp"),
        FarKind::Origin => command
            .args(["serve", "--bind", &format!("127.0.0.1:{port}"), "--"])
            .arg(&tools.clients_python)
            .arg(Tools::script("asks_mcp2.py")),
    };
    command.env("PORT", port).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the server starts")
}
