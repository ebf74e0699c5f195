//! An origin that is started anew on the same sockets, as a service manager does that holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use probe::{Ask, Connect, Scheme, Target, Trust, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{End, Events, lock, open, said};
use crate::tools::Tools;
use crate::{DEADLINE, free_port_pair};

/// An origin, its sockets, and clients that come back to it whenever their stream ends.
#[derive(Debug)]
pub struct Restarts {
    sockets: (TcpListener, UdpSocket),
    folder: TempDir,
    origin: std::path::PathBuf,
    child: Child,
    target: Target,
}

/// What the clients of one version saw over all restarts.
#[derive(Debug, Clone, Default)]
pub struct Comings {
    /// Streams that ended as a whole response does.
    pub proper: u32,
    /// Streams that ended in another way, and how.
    pub improper: BTreeMap<String, u32>,
    /// Attempts to come back that failed, and how.
    pub refused: BTreeMap<String, u32>,
    /// The longest time from the end of a stream to the first event of the next.
    pub away: Duration,
    /// Requests beside the streams, each on a connection of its own, that were answered.
    pub answered: u32,
    /// Those that were not, and why.
    pub failed: BTreeMap<String, u32>,
    streams: u64,
}

/// What came of all restarts.
#[derive(Debug, Clone)]
pub struct Restarted(BTreeMap<Version, Comings>);

impl Restarts {
    /// Starts the origin on sockets that stay.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn start(tools: &Tools) -> Self {
        let folder = TempDir::with_prefix("e2e-restart-").expect("a temporary folder");
        let (port, _) = free_port_pair();
        let tcp = TcpListener::bind(("127.0.0.1", port)).expect("a free port");
        let udp = UdpSocket::bind(("127.0.0.1", port)).expect("a free port");
        let roots = configure(folder.path());
        let mut target = Target::new(Scheme::Https, "localhost", port)
            .with_connect(Connect::Address(([127, 0, 0, 1], port).into()))
            .with_trust(Trust::Roots(vec![roots]).read_once().await);
        // a client that waits for a busy machine to start a program is not one that failed
        target.timeout = DEADLINE;
        target.connect_timeout = DEADLINE;
        let child = spawn(&tools.origin, folder.path(), (&tcp, &udp));
        let restarts = Self {
            sockets: (tcp, udp),
            folder,
            origin: tools.origin.clone(),
            child,
            target,
        };
        let answer = probe::fetch(&restarts.target, Version::Http1, Ask::get("/healthz"));
        Box::pin(answer).await.expect("it serves");
        restarts
    }

    /// Restarts it `rounds` times under `count` streams and under requests beside them, the versions in turn.
    ///
    /// # Panics
    /// When it does not end, or clients do not come back.
    pub async fn run(mut self, rounds: u32, count: usize) -> Restarted {
        let shared: Shared = Arc::default();
        let (stop, stopped) = watch::channel(false);
        let mut tasks: Vec<JoinHandle<()>> = Vec::new();
        for version in Version::ALL {
            let client = (self.target.clone(), version, Arc::clone(&shared));
            tasks.push(tokio::spawn(ask(client, stopped.clone())));
        }
        for version in Version::ALL.into_iter().cycle().take(count) {
            let client = (self.target.clone(), version, Arc::clone(&shared));
            tasks.push(tokio::spawn(come_back(client, stopped.clone())));
        }
        for round in 0..=rounds {
            if round > 0 {
                self.restart().await;
            }
            settle(&shared, (u64::from(round) + 1) * count as u64).await;
        }
        let _ = stop.send(true);
        for task in tasks {
            let _ = task.await;
        }
        let comings = lock(&shared).clone();
        Restarted(comings)
    }

    /// As `systemctl restart` does: the next one starts when the one before has ended.
    async fn restart(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process"), Signal::TERM).expect("it runs");
        let end = Instant::now() + DEADLINE;
        while self.child.try_wait().expect("our own child").is_none() {
            assert!(Instant::now() < end, "the origin does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (tcp, udp) = &self.sockets;
        self.child = spawn(&self.origin, self.folder.path(), (tcp, udp));
    }
}

impl Drop for Restarts {
    fn drop(&mut self) {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

type Shared = Arc<Mutex<BTreeMap<Version, Comings>>>;
type Client = (Target, Version, Shared);

/// Holds a stream, and another one as soon as it ends.
async fn come_back((target, version, shared): Client, mut stopped: watch::Receiver<bool>) {
    let mut left: Option<Instant> = None;
    while !*stopped.borrow() {
        let mut stream = match open(&target, version).await {
            Ok(stream) => stream,
            Err(error) => {
                note(&shared, version, |seen| {
                    *seen.refused.entry(said(&error)).or_default() += 1;
                });
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let (mut events, mut begun) = (Events::default(), false);
        let end = loop {
            let piece = tokio::select! {
                piece = stream.chunk() => piece,
                _ = stopped.changed() => return stream.reset().await,
            };
            match piece {
                Ok(Some((at, bytes))) if !begun && !events.read(&bytes).is_empty() => {
                    begun = true;
                    let away = left.map_or(Duration::ZERO, |left| at.duration_since(left));
                    note(&shared, version, |seen| {
                        seen.streams += 1;
                        seen.away = seen.away.max(away);
                    });
                }
                Ok(Some(_)) => {}
                Ok(None) => break End::Proper,
                Err(error) => break End::Broken(said(&error)),
            }
        };
        left = Some(Instant::now());
        note(&shared, version, |seen| match &end {
            End::Broken(how) => *seen.improper.entry(how.clone()).or_default() += 1,
            _ => seen.proper += 1,
        });
    }
}

/// Asks again and again, each time on a connection of its own.
async fn ask((target, version, shared): Client, stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let answer = Box::pin(probe::fetch(&target, version, Ask::get("/healthz"))).await;
        let refusal = match answer {
            Ok(answer) if answer.head.status == 200 => None,
            Ok(answer) => Some(answer.head.status.to_string()),
            Err(error) => Some(said(&error)),
        };
        note(&shared, version, |seen| match refusal {
            None => seen.answered += 1,
            Some(how) => *seen.failed.entry(how).or_default() += 1,
        });
        tokio::time::sleep(BETWEEN).await;
    }
}

fn note(shared: &Shared, version: Version, change: impl FnOnce(&mut Comings)) {
    change(lock(shared).entry(version).or_default());
}

/// Waits until there have been so many streams.
async fn settle(shared: &Shared, streams: u64) {
    let end = Instant::now() + DEADLINE;
    loop {
        let seen = lock(shared).clone();
        if seen.values().map(|seen| seen.streams).sum::<u64>() >= streams {
            return;
        }
        assert!(Instant::now() < end, "not all clients are back: {seen:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes the configuration and its certificate, which is returned.
fn configure(folder: &Path) -> probe::CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    put(&folder.join("cert.pem"), &made.cert.pem());
    put(&folder.join("key.pem"), &made.signing_key.serialize_pem());
    let folder = folder.display();
    let text = format!(
        "certfile = \"{folder}/cert.pem\"\nkeyfile = \"{folder}/key.pem\"\naccesslog = \"\"\n\
         quic = {{ key_file = \"{folder}/quic.key\" }}\n"
    );
    put(&Path::new(&folder.to_string()).join("origin.toml"), &text);
    made.cert.der().clone()
}

/// The service manager's protocol (sd_listen_fds(3)): descriptors from 3 on, their names, and the process's own id.
fn spawn(origin: &Path, folder: &Path, (tcp, udp): (&TcpListener, &UdpSocket)) -> Child {
    let script = "exec 3<&0 4<&1 </dev/null >>\"$2\" 2>&1; \
        LISTEN_FDS=2 LISTEN_FDNAMES=bind:quic_bind LISTEN_PID=$$ exec \"$0\" --config \"$1\"";
    let passed = |socket: OwnedFd| Stdio::from(socket);
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(origin);
    command
        .arg(folder.join("origin.toml"))
        .arg(folder.join("log"));
    command.stdin(passed(tcp.try_clone().expect("a descriptor").into()));
    command.stdout(passed(udp.try_clone().expect("a descriptor").into()));
    command.spawn().expect("the origin starts")
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn put(path: &Path, text: &str) {
    fs::write(path, text).expect("the test's folder is writable");
}

impl Restarted {
    /// Whether every stream ended as a whole response does, and nobody failed or was refused. Over QUIC a connection that is there
    /// when the origin ends is closed: who had not asked on it yet asks on another.
    pub fn is_clean(&self) -> bool {
        self.0.iter().all(|(version, seen)| {
            let closed = |how: &&String| *version == Version::Http3 && how.contains("H3_NO_ERROR");
            let mut ways = seen.refused.keys().chain(seen.failed.keys());
            seen.improper.is_empty() && ways.all(|how| closed(&how))
        })
    }

    /// What the clients of a version saw.
    pub fn of(&self, version: Version) -> Comings {
        self.0.get(&version).cloned().unwrap_or_default()
    }
}

/// A table, a line a version.
impl fmt::Display for Restarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "            ended properly  otherwise  refused  longest away  requests  failed"
        )?;
        for (version, seen) in &self.0 {
            let sum = |ways: &BTreeMap<String, u32>| ways.values().sum::<u32>();
            writeln!(
                f,
                "{:<10} {:>15} {:>10} {:>8} {:>10} ms {:>9} {:>7}",
                version.to_string(),
                seen.proper,
                sum(&seen.improper),
                sum(&seen.refused),
                seen.away.as_millis(),
                seen.answered,
                sum(&seen.failed),
            )?;
            let ways = [
                ("otherwise", &seen.improper),
                ("refused", &seen.refused),
                ("failed", &seen.failed),
            ];
            for (name, ways) in ways {
                for (way, count) in ways {
                    writeln!(f, "           {name} {count} x {way}")?;
                }
            }
        }
        Ok(())
    }
}

/// Between two requests of a client that asks all the time.
const BETWEEN: Duration = Duration::from_millis(20);
/// A client that is refused asks again soon, and does not spin.
const AGAIN: Duration = Duration::from_millis(50);
