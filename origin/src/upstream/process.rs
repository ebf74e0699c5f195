//! One server process and its group: born with a small environment, ended as a whole.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use origin_config::Server;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::environment::{NoEnvironment, environment};
use super::limits;

/// A running server process, leader of its own group. Dropped, the whole group is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Group,
}

/// Why a server has no process.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoProcess {
    /// The operating system says it of the folder as it says it of a program.
    #[error("`{0}` is not there: `working_directory` names the folder in which `{1}` starts")]
    NoFolder(String, String),
    /// The command cannot be run.
    #[error("`{0}` cannot be started: {1}")]
    NotStarted(String, io::Error),
    /// What it is to find in its environment is not there.
    #[error(transparent)]
    NoEnvironment(#[from] NoEnvironment),
    /// It may not have what it is to be limited to.
    #[error("the `limits` of `{0}` cannot be set: {1}")]
    NoLimits(String, io::Error),
}

/// The three ends of its pipes.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Process {
    /// Starts the server's command with the variables that [`environment()`] picks.
    pub(super) fn spawn(
        server: &Server,
        own: &[(OsString, OsString)],
    ) -> Result<(Self, Pipes), NoProcess> {
        let environment = environment(server, own)?;
        let program = || server.command.first().cloned().unwrap_or_default();
        let started = Self::try_spawn(server, environment);
        let (process, pipes) = started.map_err(|error| match &server.working_directory {
            Some(folder) if !folder.is_dir() => {
                NoProcess::NoFolder(folder.display().to_string(), program())
            }
            _ => NoProcess::NotStarted(program(), error),
        })?;
        // One that has ended already needs none: its end is seen by whoever has it.
        if let (Some(id), Some(_)) = (process.group.0, process.id()) {
            limits::set(id, &server.launch.limits)
                .map_err(|error| NoProcess::NoLimits(program(), error))?;
        }
        Ok((process, pipes))
    }

    fn try_spawn(
        server: &Server,
        environment: BTreeMap<OsString, OsString>,
    ) -> io::Result<(Self, Pipes)> {
        let (program, arguments) = server
            .command
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: a Ctrl-C at the terminal reaches the origin alone, and the group can be ended as one.
            .process_group(0)
            .kill_on_drop(true);
        if let Some(folder) = &server.working_directory {
            command.current_dir(folder);
        }
        let mut child = command.spawn()?;
        let group = Group(
            child
                .id()
                .and_then(|id| i32::try_from(id).ok())
                .and_then(Pid::from_raw),
        );
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => Ok((
                Self { child, group },
                Pipes {
                    stdin,
                    stdout,
                    stderr,
                },
            )),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// The process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the process has ended by itself. May be dropped and called again.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Ends the process and its group: it has had its standard input closed by the caller, gets `PATIENCE` to leave, then
    /// SIGTERM and as long again, then SIGKILL. The order is that of MCP's stdio transport (2025-11-25, lifecycle).
    pub(super) async fn end(mut self) -> io::Result<ExitStatus> {
        if let Ok(status) = timeout(PATIENCE, self.child.wait()).await {
            return status;
        }
        self.group.signal(Signal::TERM);
        if let Ok(status) = timeout(PATIENCE, self.child.wait()).await {
            return status;
        }
        self.kill().await
    }

    /// Kills the process and its group at once.
    pub(super) async fn kill(mut self) -> io::Result<ExitStatus> {
        self.group.signal(Signal::KILL);
        self.child.wait().await
    }
}

/// The process group of a server. What the leader left behind in it is killed with the last owner of this.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The one error that can come is that nobody is left, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Also after the leader has ended: its number stays taken as long as a member of its group lives, and when none does
        // the kernel gives it out again only after all others.
        self.signal(Signal::KILL);
    }
}

/// How long a server may take to leave after each step of its end: servers of the Python SDK were measured to leave within
/// 0.3 s after their input was closed.
const PATIENCE: Duration = Duration::from_secs(2);
