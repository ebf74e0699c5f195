//! When a reload has taken: an exit code of NGINX says nothing about it, so the running workers are asked.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deploy::Deployment;
use findings::Finding;
use probe::{Ask, Connect, Scheme, Target, Version};

use crate::checks;
use crate::checks::ask::fetch;
use crate::steps::Origins;

/// What ran before anything was told.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// The origins.
    pub(crate) origins: Origins,
    /// NGINX's workers.
    workers: BTreeSet<u32>,
    /// Its error logs, as far as they were written.
    logs: Vec<(PathBuf, u64)>,
}

impl Before {
    /// Looks at the running programs of a deployment, if there are some.
    pub(crate) async fn look(deployment: &Deployment) -> Self {
        let mut logs = vec![
            // Debian's nginx.conf; what the master says stands there
            PathBuf::from("/var/log/nginx/error.log"),
            deployment.edge.error_log.as_path().to_owned(),
        ];
        logs.dedup();
        let workers = match ask(deployment, WORKER).await {
            Some(worker) => worker.parse().ok().and_then(siblings).unwrap_or_default(),
            None => BTreeSet::new(),
        };
        Self {
            origins: Origins::look(deployment).await,
            workers,
            logs: logs
                .into_iter()
                .map(|path| {
                    let length = path.metadata().map(|data| data.len()).unwrap_or_default();
                    (path, length)
                })
                .collect(),
        }
    }

    /// Waits until workers answer that name a generation, and, after a reload, none of them is an old one.
    ///
    /// # Errors
    /// The finding says what NGINX wrote into its error log meanwhile.
    pub(crate) async fn settled(
        &self,
        deployment: &Deployment,
        generation: &str,
        reloaded: bool,
    ) -> Result<(), Finding> {
        let start = Instant::now();
        let mut in_row = 0;
        let mut last = "it did not answer".to_owned();
        loop {
            let answer = self.one_answer(deployment, generation, reloaded).await;
            match answer {
                Ok(()) => in_row += 1,
                Err(said) => {
                    in_row = 0;
                    last = said;
                }
            }
            if in_row >= IN_A_ROW {
                return Ok(());
            }
            let emergencies = self.emergencies();
            if in_row == 0 && (start.elapsed() > PATIENCE || is_final(&emergencies)) {
                let message = match emergencies.first() {
                    Some(line) => format!("NGINX did not take the configuration: {line}"),
                    None => format!(
                        "NGINX did not take the configuration in {} s: {last}",
                        PATIENCE.as_secs()
                    ),
                };
                let finding = Finding::error("nginx.reload", message);
                return Err(finding.hint("`journalctl -u nginx` and its error log say more"));
            }
            if in_row == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn one_answer(
        &self,
        deployment: &Deployment,
        generation: &str,
        reloaded: bool,
    ) -> Result<(), String> {
        let edge = checks::edge_aim(deployment, Err(String::new()));
        let named = checks::generation(&edge).await?;
        if named != generation {
            return Err(format!("it names generation {named}"));
        }
        if reloaded && !self.workers.is_empty() {
            let worker = ask(deployment, WORKER).await.and_then(|id| id.parse().ok());
            if worker.is_none_or(|worker| self.workers.contains(&worker)) {
                return Err("an old worker answers".to_owned());
            }
        }
        Ok(())
    }

    /// What NGINX gave up over since then: the lines of level `emerg`, and workers that were killed by a signal.
    pub(crate) fn emergencies(&self) -> Vec<String> {
        self.logs
            .iter()
            .flat_map(|(path, from)| tail_from(path, *from))
            .filter(|line| {
                line.contains("[emerg]")
                    || (line.contains("[alert]") && line.contains("exited on signal"))
            })
            .collect()
    }
}

/// `still could not bind()` is NGINX's last word after five attempts; any other emergency of a reload is at once.
fn is_final(emergencies: &[String]) -> bool {
    emergencies
        .iter()
        .any(|line| line.contains("still could not bind") || !line.contains("bind()"))
}

async fn ask(deployment: &Deployment, path: &str) -> Option<String> {
    let socket = deployment.edge.socket.as_path().to_owned();
    let target = Target::new(Scheme::Http, "localhost", 80).with_connect(Connect::Unix(socket));
    let answer = fetch(&target, Version::Http1, Ask::get(path)).await.ok()?;
    (answer.head.status == http::StatusCode::OK)
        .then(|| String::from_utf8_lossy(&answer.body).trim().to_owned())
}

/// The children of a worker's master: itself and its siblings.
fn siblings(worker: u32) -> Option<BTreeSet<u32>> {
    let master = parent(worker)?;
    let entries = std::fs::read_dir("/proc").ok()?.flatten();
    Some(
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| parent(*pid) == Some(master))
            .collect(),
    )
}

/// The fourth field of proc_pid_stat(5); the second is in parentheses and may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

fn tail_from(path: &Path, from: u64) -> Vec<String> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        // one that is shorter was rotated meanwhile, and all of it is new
        let start = if file.metadata()?.len() < from {
            0
        } else {
            from
        };
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(crate::ui::printable).collect()
}

const WORKER: &str = "/worker";
/// One stale answer was measured after the first new one; ten fresh connections in a row leave no room for one.
const IN_A_ROW: usize = 10;
/// NGINX tries to bind five times, half a second apart, and a busy machine forks slowly.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);
/// Of what an error log got during a reload.
const LONGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_tried_again_and_anything_else_is_not() {
        let says = |line: &str| is_final(&[line.to_owned()]);
        assert!(!says(
            "[emerg] bind() to 0.0.0.0:443 failed (98: Address already in use)"
        ));
        assert!(says("[emerg] still could not bind()"));
        assert!(says("[emerg] open() \"/x\" failed"));
        assert!(!is_final(&[]));
    }

    #[test]
    fn only_what_was_written_since_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("error.log");
        let add = |text: &str| {
            crate::host::disk::Disk::append(&crate::host::disk::Real, &log, text).expect("written");
        };
        add("[emerg] old\n");
        let before = Before {
            origins: Origins::default(),
            workers: BTreeSet::new(),
            logs: vec![(log.clone(), log.metadata().expect("there").len())],
        };
        add("[notice] x\n[alert] worker process 7 exited on signal 11\n");
        assert_eq!(before.emergencies().len(), 1);
        assert!(before.emergencies()[0].contains("signal 11"));
    }

    #[test]
    fn we_are_among_the_children_of_our_parent() {
        let own = std::process::id();
        assert!(siblings(own).is_some_and(|siblings| siblings.contains(&own)));
    }
}
