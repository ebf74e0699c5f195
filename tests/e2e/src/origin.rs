//! The origin by itself, and what the kernel says of its memory.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probe::{Ask, Connect, Scheme, Target, Version};
use tempfile::TempDir;

use crate::DEADLINE;
use crate::deployment::{fixtures, free_port_pair};
use crate::tools::Tools;

/// An origin on a port of its own with the fixtures behind it; it ends with this value.
#[derive(Debug)]
pub struct Origin {
    child: Child,
    target: Target,
    _folder: TempDir,
}

impl Origin {
    /// Starts it and waits until it is ready. `keys` are lines of its TOML.
    pub async fn start(tools: &Tools, keys: &str) -> Self {
        let folder = TempDir::with_prefix("e2e-origin-").expect("a temporary folder");
        let (port, _) = free_port_pair();
        let config = folder.path().join("origin.toml");
        let server = fixtures(&tools.fixtures);
        let (server, _) = server.split_once("check_tool").expect("a key of the spec");
        write(
            &config,
            &format!(
                "name = \"alone\"\nbind = [\"127.0.0.1:{port}\"]\ntool_names = \"plain\"\naccesslog = \"\"\n\
                 graceful_timeout = \"1s\"\n{keys}\n{server}"
            ),
        );
        let mut command = Command::new(&tools.origin);
        command.arg("--config").arg(&config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let target = Target::new(Scheme::Http, "127.0.0.1", port)
            .with_connect(Connect::Address((Ipv4Addr::LOCALHOST, port).into()));
        let origin = Self {
            child: command.spawn().expect("the origin starts"),
            target,
            _folder: folder,
        };
        origin.wait_until_ready(port).await;
        origin
    }

    async fn wait_until_ready(&self, port: u16) {
        let end = Instant::now() + DEADLINE;
        loop {
            let listens = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            if listens {
                let ready = probe::fetch(&self.target, Version::Http1, Ask::get("/readyz"));
                let ready = Box::pin(ready).await;
                if ready.is_ok_and(|answer| answer.head.status == 200) {
                    return;
                }
            }
            assert!(Instant::now() < end, "the origin does not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// It, as a probe sees it.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The most that it ever had in memory, in bytes (`VmHWM` of proc_pid_status(5)).
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
        number.expect("a number of KiB") * 1024
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            // asked to end, it ends its servers too
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn write(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).expect("the test's folder is writable");
}
