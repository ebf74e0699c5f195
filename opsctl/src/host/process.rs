//! Child processes that never outlive us: each has a process group of its own, and the whole group ends with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::error::HostError;

/// A process that was started to run until it is told to end.
#[derive(Debug)]
pub(crate) struct Service {
    /// What people call it.
    pub(crate) name: String,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    child: Child,
}

/// What to start.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// What people call it.
    pub(crate) name: &'a str,
    /// The program.
    pub(crate) program: &'a Path,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Where its standard output and standard error go.
    pub(crate) log: &'a Path,
}

impl Service {
    /// Starts it.
    pub(crate) fn start(start: &Start<'_>) -> Result<Self, HostError> {
        use std::os::unix::process::CommandExt as _;

        let log = File::options()
            .create(true)
            .append(true)
            .open(start.log)
            .map_err(HostError::on("write", start.log.display()))?;
        let spawn = || {
            Command::new(start.program)
                .args(&start.arguments)
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .process_group(0)
                .spawn()
        };
        let child = spawn().map_err(HostError::on("run", start.program.display()))?;
        tracing::debug!(name = start.name, pid = child.id(), program = %start.program.display(), "started");
        Ok(Self {
            name: start.name.to_owned(),
            log: start.log.to_owned(),
            child,
        })
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal to the process itself (not to its group: a master tells its workers).
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // it may have ended meanwhile, and then there is nobody to tell
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it has ended, at most this long. True when it has.
    pub(crate) async fn wait(&mut self, at_most: Duration) -> bool {
        let start = Instant::now();
        while self.ended().is_none() {
            if start.elapsed() > at_most {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.child.id()).ok()?)
    }
}

/// Whatever is left of the group ends at once: also workers whose master was killed.
impl Drop for Service {
    fn drop(&mut self) {
        if let Some(group) = self.pid() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// While this lives, processes whose own parent died become children of ours; at its end they are ended. So an MCP
/// server does not outlive an origin that was killed.
#[derive(Debug)]
pub(crate) struct Orphans {
    /// Children that were there before, which are nobody's orphans: a process that became us by exec may have had some.
    others: Vec<Pid>,
}

impl Orphans {
    /// Begins to adopt.
    pub(crate) fn adopt() -> Self {
        // without it (an old kernel) orphans go to init as ever
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        Self { others: children() }
    }
}

impl Drop for Orphans {
    fn drop(&mut self) {
        for _ in 0..ROUNDS {
            let mut orphans = children();
            orphans.retain(|pid| !self.others.contains(pid));
            if orphans.is_empty() {
                return;
            }
            for pid in orphans {
                let _ = kill_process(pid, Signal::KILL);
                let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            }
        }
    }
}

/// The children of all our threads (proc(5): `/proc/PID/task/TID/children`).
fn children() -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
                .collect::<Vec<_>>()
        })
        .collect()
}

const PAUSE: Duration = Duration::from_millis(20);
/// The child of an orphan is an orphan in the next round; a chain longer than this is somebody's attack on patience.
const ROUNDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn service(script: &str, folder: &Path) -> Service {
        Service::start(&Start {
            name: "shell",
            program: Path::new("/bin/sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            log: &folder.join("log"),
        })
        .expect("a shell starts")
    }

    fn is_alive(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[tokio::test]
    async fn the_whole_group_ends_with_the_service() {
        let folder = tempfile::tempdir().expect("a folder");
        let service = service("sleep 600 & echo $!; wait", folder.path());
        let worker = loop {
            if let Some(line) = crate::host::files::tail(&service.log, 1).pop() {
                break line;
            }
            tokio::time::sleep(PAUSE).await;
        };
        assert!(is_alive(&worker));
        service.signal(Signal::KILL);
        drop(service);
        for _ in 0..100 {
            if !is_alive(&worker) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("the worker {worker} outlived its master");
    }

    #[tokio::test]
    async fn an_end_is_seen_with_its_status() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut service = service("exit 7", folder.path());
        assert!(service.wait(Duration::from_secs(10)).await);
        assert_eq!(service.ended().and_then(|status| status.code()), Some(7));
    }
}
