//! The origin as a process: signals, exit codes, and what it leaves behind.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use http::{StatusCode, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{UnixDatagram, UnixStream};
use tokio::process::{Child, Command};

use crate::support::{HeldCall, PATIENCE, chunk, get, json, send_on, until};
use crate::tls::Pki;

/// A running `origin --config …`; killed when it is dropped.
pub(crate) struct Process {
    pub(crate) socket: PathBuf,
    folder: TempDir,
    child: Child,
}

impl Process {
    /// With `extra` lines of TOML.
    pub(crate) fn start(extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("o.sock");
        Self::start_at(folder, socket, extra)
    }

    pub(crate) fn start_at(folder: TempDir, socket: PathBuf, extra: &str) -> Self {
        let config = configuration(&folder, &socket, extra);
        let mut command = origin();
        command.arg("--config").arg(config);
        Self::spawn(folder, socket, command)
    }

    /// That tells this socket of its state, with `--follow` where `follows`.
    pub(crate) fn start_telling(manager: &Path, follows: bool, extra: &str) -> Self {
        Self::start_as(extra, |command| {
            command.args(follows.then_some("--follow"));
            command.env("NOTIFY_SOCKET", manager);
        })
    }

    /// With more in its command line or its environment.
    fn start_as(extra: &str, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("o.sock");
        let config = configuration(&folder, &socket, extra);
        let mut command = origin();
        command.arg("--config").arg(config);
        change(&mut command);
        Self::spawn(folder, socket, command)
    }

    /// Writes its configuration anew.
    pub(crate) fn configure(&self, extra: &str) {
        configuration(&self.folder, &self.socket, extra);
    }

    /// On these addresses too.
    pub(crate) fn start_on(addresses: &[SocketAddr], extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("o.sock");
        let mut bind = vec![format!("\"unix:{}\"", socket.display())];
        bind.extend(addresses.iter().map(|address| format!("\"{address}\"")));
        let environment = format!("[{}]", bind.join(", "));
        let config = configuration(&folder, &socket, extra);
        let mut command = origin();
        command
            .arg("--config")
            .arg(config)
            .env("ORIGIN_BIND", environment);
        Self::spawn(folder, socket, command)
    }

    /// That speaks TLS and HTTP/3 on this address and neither on its socket.
    pub(crate) fn start_secure(pki: &Pki, address: SocketAddr, extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("o.sock");
        let config = configuration(&folder, &socket, &format!("{}{extra}", pki.keys()));
        let mut command = origin();
        command
            .arg("--config")
            .arg(config)
            .env("ORIGIN_BIND", format!("[\"{address}\"]"))
            .env("ORIGIN_QUIC_BIND", format!("[\"{address}\"]"))
            .env(
                "ORIGIN_INSECURE_BIND",
                format!("[\"unix:{}\"]", socket.display()),
            );
        Self::spawn(folder, socket, command)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn spawn(folder: TempDir, socket: PathBuf, mut command: Command) -> Self {
        let log = File::create(folder.path().join("log")).expect("a file");
        let child = command
            .stdout(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        Self {
            socket,
            folder,
            child,
        }
    }

    pub(crate) async fn wait_until_ready(&mut self) {
        self.wait_until_ready_behind(b"").await;
    }

    /// Begins each connection with `header`.
    pub(crate) async fn wait_until_ready_behind(&mut self, header: &[u8]) {
        let socket = self.socket.clone();
        until("readiness", async || {
            let Ok(mut stream) = UnixStream::connect(&socket).await else {
                return false;
            };
            stream.write_all(header).await.expect("room");
            send_on(stream, Version::HTTP_11, get("/readyz"))
                .await
                .status()
                == StatusCode::OK
        })
        .await;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self
            .child
            .id()
            .and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.expect("it runs"), signal).expect("it is ours");
    }

    /// Sends SIGTERM; its exit status and its log.
    pub(crate) async fn terminate(mut self, patience: Duration) -> (ExitStatus, String) {
        self.signal(Signal::TERM);
        self.wait(patience).await
    }

    pub(crate) async fn wait(&mut self, patience: Duration) -> (ExitStatus, String) {
        let ended = tokio::time::timeout(patience, self.child.wait()).await;
        let status = ended.expect("it ends in time").expect("it was started");
        let log = std::fs::read_to_string(self.folder.path().join("log")).expect("a log");
        (status, log)
    }
}

pub(crate) fn configuration(folder: &TempDir, socket: &Path, extra: &str) -> PathBuf {
    let path = folder.path().join("origin.toml");
    let text = format!(
        "bind = [\"unix:{}\"]\nallowed_hosts = [\"x\", \"origin.test\"]\n{extra}\n",
        socket.display()
    );
    File::create(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("a file");
    path
}

fn origin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_origin"));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    command
}

async fn exit_code(arguments: &[&str]) -> (Option<i32>, String) {
    let output = origin()
        .args(arguments)
        .output()
        .await
        .expect("the binary starts");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test]
async fn sigterm_ends_streams_answers_calls_and_leaves_nothing() {
    let mut process = Process::start("");
    process.wait_until_ready().await;
    let connect = async || {
        UnixStream::connect(&process.socket)
            .await
            .expect("it listens")
    };
    let held = send_on(
        connect().await,
        Version::HTTP_2,
        get("/mcp/sse?interval_ms=60000"),
    )
    .await;
    let mut held = held.into_body();
    chunk(&mut held).await.expect("a tick");
    let mut call = HeldCall::begin(connect().await).await;
    let socket = process.socket.clone();
    process.signal(Signal::TERM);
    until("a closed listener", async || !socket.exists()).await;
    assert!(call.finish().await.starts_with("HTTP/1.1 200"));
    let (status, log) = process.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        chunk(&mut held)
            .await
            .expect("the last words")
            .starts_with("event: end")
    );
    assert!(
        log.contains(r#""route":"sse""#),
        "the stream has its line: {log}"
    );
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut process = Process::start("graceful_timeout = \"1h\"");
    process.wait_until_ready().await;
    let stream = UnixStream::connect(&process.socket)
        .await
        .expect("it listens");
    let mut call = HeldCall::begin(stream).await;
    process.signal(Signal::TERM);
    let socket = process.socket.clone();
    until("a closed listener", async || !socket.exists()).await;
    let (status, _) = process.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(call.finish().await, "", "its connection was cut");
}

#[tokio::test]
async fn a_socket_that_is_in_use_is_exit_71_and_the_first_goes_on() {
    let mut first = Process::start("");
    first.wait_until_ready().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut second = Process::start_at(folder, first.socket.clone(), "");
    let (status, _) = second.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(71));
    first.wait_until_ready().await;
}

#[tokio::test]
async fn a_socket_that_was_left_behind_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("o.sock");
    drop(UnixListener::bind(&socket).expect("a free path"));
    Process::start_at(folder, socket, "")
        .wait_until_ready()
        .await;
}

#[tokio::test]
async fn exit_codes_tell_usage_from_configuration() {
    assert_eq!(exit_code(&["--no-such-flag"]).await.0, Some(64));
    assert_eq!(exit_code(&[]).await.0, Some(64));
    assert_eq!(exit_code(&["--help"]).await.0, Some(0));
    assert_eq!(exit_code(&["--config", "/nonexistent"]).await.0, Some(78));
    let (code, json) = exit_code(&["check", "--config", "/nonexistent", "--format", "json"]).await;
    assert_eq!(code, Some(78));
    let findings: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(findings[0]["id"], "config.unreadable");
}

#[tokio::test]
async fn the_service_manager_hears_of_the_start_and_of_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let heard = folder.path().join("n.sock");
    let manager = UnixDatagram::bind(&heard).expect("a free path");
    let mut process = Process::start_telling(&heard, false, "");
    assert!(word(&manager).await.contains("READY=1"));
    process.wait_until_ready().await;
    process.signal(Signal::TERM);
    assert!(word(&manager).await.contains("STOPPING=1"));
    let (status, _) = process.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn the_watchdog_hears_of_it_until_it_stands_still() {
    let folder = tempfile::tempdir().expect("a folder");
    let heard = folder.path().join("n.sock");
    let manager = UnixDatagram::bind(&heard).expect("a free path");
    let process = Process::start_as("", |command| {
        command.env("NOTIFY_SOCKET", &heard);
        command.env("WATCHDOG_USEC", "400000");
    });
    let lives = async || while word(&manager).await.trim() != "WATCHDOG=1" {};
    for _ in 0..3 {
        lives().await;
    }
    process.signal(Signal::STOP);
    // What it said before is read first.
    let (silence, mut buffer) = (Duration::from_secs(1), [0; 256]);
    while tokio::time::timeout(silence, manager.recv(&mut buffer))
        .await
        .is_ok()
    {}
    process.signal(Signal::CONT);
    lives().await;
    let (status, _) = process.terminate(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
}

pub(crate) async fn word(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let received = tokio::time::timeout(PATIENCE, manager.recv(&mut buffer)).await;
    let length = received.expect("a word in time").expect("a datagram");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

#[tokio::test]
async fn sockets_from_the_service_manager_are_used_by_name_and_left_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("passed.sock");
    let listener = UnixListener::bind(&socket).expect("a free path");
    // The service manager's protocol (sd_listen_fds(3)): descriptor 3, the process's own id, and the names.
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_FDNAMES=bind LISTEN_PID=$$ exec \"$0\" --config \"$1\"";
    let unused = folder.path().join("unused.sock");
    let config = configuration(&folder, &unused, "");
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_origin")])
        .arg(config);
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    let mut process = Process::spawn(folder, socket.clone(), command);
    process.wait_until_ready().await;
    assert!(!unused.exists(), "the passed socket stands in its place");
    let stream = UnixStream::connect(&socket).await.expect("it listens");
    let capz = json(send_on(stream, Version::HTTP_11, get("/capz")).await).await;
    assert_eq!(capz["ready"], true);
    process.signal(Signal::TERM);
    let (status, _) = process.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    assert!(socket.exists(), "it is not the origin's to unlink");
}
