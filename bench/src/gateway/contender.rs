//! What takes its turns: the server alone, or a bridge with the server behind it.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::call::Sample;
use super::http::{Caller, START};
use super::pipe::Pipe;
use super::tree::Tree;
use crate::Fault;

/// The sort of server that a contender has behind it. Only contenders with the same are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Pipe,
    Http,
}

impl Behind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pipe => "stdio",
            Self::Http => "HTTP",
        }
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
            Self::Pipe(_) => "the server alone".to_owned(),
            Self::Bridge(bridge) => bridge.name.clone(),
        }
    }

    pub(crate) fn behind(&self) -> Behind {
        match self {
            Self::Pipe(_) => Behind::Pipe,
            Self::Bridge(bridge) => bridge.behind,
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
    behind: Behind,
    callers: Vec<Caller>,
    port: u16,
    tree: Tree,
    // in the order in which they end
    _running: Running,
    _between: Option<Running>,
    _aside: Option<Running>,
}

/// What a bridge is started with.
pub(crate) struct Start<'a> {
    pub(crate) behind: Behind,
    /// The server's program, which is not counted.
    pub(crate) server: &'a Path,
    /// Another bridge behind it, counted with it.
    pub(crate) between: Option<Running>,
    /// The server, where the bridge does not start it.
    pub(crate) aside: Option<Running>,
}

impl Bridge {
    pub(crate) async fn start(
        name: &str,
        command: Command,
        port: u16,
        start: Start<'_>,
    ) -> Result<Contender, Fault> {
        let mut running = Running::start(command)?;
        let caller = ready(name, port, &mut running).await?;
        let mut roots = vec![running.id()];
        roots.extend(start.between.iter().map(Running::id));
        Ok(Contender::Bridge(Self {
            name: name.to_owned(),
            behind: start.behind,
            callers: vec![caller],
            port,
            tree: Tree::new(roots, start.server),
            _running: running,
            _between: start.between,
            _aside: start.aside,
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

/// The first caller of one that has just been started.
pub(crate) async fn ready(name: &str, port: u16, running: &mut Running) -> Result<Caller, Fault> {
    let end = Instant::now() + START;
    loop {
        match Caller::open(port).await {
            Ok(caller) => return Ok(caller),
            Err(fault) if Instant::now() > end || running.has_ended()? => {
                return Err(format!("{name} does not serve: {fault}").into());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// A process; it ends with this value.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: Command) -> Result<Self, Fault> {
        Self::start_with(command, Stdio::null())
    }

    /// The same with what it prints in a file.
    pub(crate) fn start_into(command: Command, output: File) -> Result<Self, Fault> {
        Self::start_with(command, output.into())
    }

    fn start_with(mut command: Command, output: Stdio) -> Result<Self, Fault> {
        command
            .stdin(Stdio::null())
            .stdout(output)
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
