//! The origin that is measured: a process of its own, and what the kernel says of its memory.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use probe::{Ask, Connect, Scheme, Target, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Arguments, Fault};

/// A running origin; it ends with this value.
pub(crate) struct Origin {
    child: Child,
    target: Target,
    _folder: TempDir,
}

/// How long the origin may take to become ready, with an interpreter to start behind it.
const START: Duration = Duration::from_secs(30);

impl Origin {
    /// Starts one on a free port, with the fixtures behind it, and waits until it is ready.
    pub(crate) async fn start(arguments: &Arguments) -> Result<Self, Fault> {
        let folder = TempDir::with_prefix("bench-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let config = folder.path().join("origin.toml");
        write(&config, &text(port, &arguments.fixtures))?;
        let mut command = Command::new(&arguments.origin);
        command.arg("--config").arg(&config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let target = Target::new(Scheme::Http, "127.0.0.1", port)
            .with_connect(Connect::Address((Ipv4Addr::LOCALHOST, port).into()));
        let mut origin = Self {
            child: command.spawn()?,
            target,
            _folder: folder,
        };
        let end = Instant::now() + START;
        loop {
            let answer = probe::fetch(&origin.target, Version::Http1, Ask::get("/readyz")).await;
            if answer.is_ok_and(|answer| answer.head.status == 200) {
                return Ok(origin);
            }
            if origin.child.try_wait()?.is_some() || Instant::now() > end {
                return Err("the origin does not become ready".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// What is in memory now and the most that ever was, in bytes (`VmRSS` and `VmHWM` of `proc_pid_status(5)`).
    pub(crate) fn memory(&self) -> Result<Memory, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64, Fault> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim_end_matches("kB").trim().parse::<f64>().ok());
            Ok(kib.ok_or("no such field in the status of a process")? * 1024.0)
        };
        Ok(Memory {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

impl Drop for Origin {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // asked to end, it ends its servers too
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file in the bench's own folder"
)]
pub(crate) fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

fn text(port: u16, fixtures: &Path) -> String {
    format!(
        "name = \"bench\"\nbind = [\"127.0.0.1:{port}\"]\ntool_names = \"plain\"\naccesslog = \"\"\n\
         loglevel = \"WARNING\"\ngraceful_timeout = \"1s\"\nstream_keep_alive = \"1h\"\n\
         [[servers]]\nname = \"fixtures\"\ncommand = [{:?}]\n",
        fixtures.display().to_string()
    )
}
