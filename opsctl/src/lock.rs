//! One run at a time changes a deployment.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use findings::{Finding, format_duration};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host;

/// The lock of a deployment, held as long as this lives. The kernel takes it from a process that dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// Who holds a lock, as the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The process.
    pub(crate) pid: u32,
    /// The person.
    pub(crate) who: String,
    /// What for.
    pub(crate) reason: String,
    /// Since when, in seconds of the UNIX epoch.
    pub(crate) since: u64,
}

impl Lock {
    /// Takes the lock, waiting for whoever holds it.
    ///
    /// # Errors
    /// Exit 15 names the holder when it has not let go in time.
    pub(crate) async fn take(
        path: &Path,
        reason: &str,
        wait: Duration,
    ) -> Result<Self, CommandError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(HostError::on("open", path.display()))?;
        let start = Instant::now();
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(error) if error != rustix::io::Errno::WOULDBLOCK => {
                    return Err(HostError::on("lock", path.display())(error.into()).into());
                }
                Err(_) if start.elapsed() >= wait => return Err(held(&mut file)),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        let holder = Holder {
            pid: std::process::id(),
            who: host::person(),
            reason: reason.to_owned(),
            since: host::since_epoch().as_secs(),
        };
        // what the file says is for people; the lock is the kernel's
        let text = serde_json::to_string(&holder).unwrap_or_default();
        let told = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{text}"));
        told.map_err(HostError::on("write", path.display()))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn held(file: &mut File) -> CommandError {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let holder = read
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let message = match holder {
        Some(holder) => {
            // a clock that was set back makes an age of nothing
            let age = host::since_epoch().as_secs().saturating_sub(holder.since);
            format!(
                "process {} of `{}` holds the lock since {} for `{}`",
                holder.pid,
                holder.who,
                format_duration(Duration::from_secs(age)),
                holder.reason
            )
        }
        None => "another run holds the lock".to_owned(),
    };
    let finding = Finding::error("apply.locked", message)
        .hint("wait for it (`--lock-wait 5m`); when it is killed the lock is free at once");
    CommandError::finding(Exit::Locked, finding)
}

/// Soon enough for a person, and nothing for the machine.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_run_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "apply", Duration::ZERO)
            .await
            .expect("free");
        let error = Lock::take(&path, "rollback", Duration::ZERO)
            .await
            .expect_err("held");
        assert_eq!(error.exit, Exit::Locked);
        let said = error.findings.to_string();
        let pid = std::process::id().to_string();
        assert!(said.contains(&pid) && said.contains("`apply`"), "{said}");
        drop(first);
        Lock::take(&path, "rollback", Duration::ZERO)
            .await
            .expect("free again");
    }

    #[tokio::test]
    async fn a_lock_that_is_let_go_in_time_is_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "apply", Duration::ZERO)
            .await
            .expect("free");
        let second = Lock::take(&path, "rollback", Duration::from_secs(20));
        let free = async {
            tokio::time::sleep(PAUSE).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, free);
        second.expect("taken");
    }
}
