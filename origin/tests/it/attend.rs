//! A server behind a Unix socket, each connection of which is an attended process, as systemd makes them with `Accept=yes`.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use http::{StatusCode, Version};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{World, json, server, until, with_body};

/// A socket unit: it starts a command for each connection until it is dropped, and tells of each that was started.
struct Unit {
    folder: TempDir,
    started: Receiver<Child>,
}

impl Unit {
    fn listen(command: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("s.sock")).expect("a socket");
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        let (tell, started) = mpsc::channel();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let input = OwnedFd::from(connection.expect("a connection"));
                let output = input.try_clone().expect("a descriptor");
                let child = Command::new(env!("CARGO_BIN_EXE_origin"))
                    .args(["attend", "--"])
                    .args(&command)
                    .stdin(Stdio::from(input))
                    .stdout(Stdio::from(output))
                    .spawn();
                if tell.send(child.expect("a process")).is_err() {
                    return;
                }
            }
        });
        Self { folder, started }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("s.sock")
    }

    fn next(&self) -> Child {
        self.started
            .recv_timeout(PATIENCE)
            .expect("a process that was started")
    }

    /// An origin with the server `s` behind this socket.
    fn world(&self) -> World {
        let mut behind = server("s", &[], PATIENCE);
        behind.socket = Some(self.path());
        World::with(|config| config.servers = vec![behind])
    }
}

async fn end_of(mut child: Child) -> ExitStatus {
    let mut status = None;
    until("the end of a process", async || {
        status = child.try_wait().expect("a child");
        status.is_some()
    })
    .await;
    status.expect("it has ended")
}

async fn call(world: &World, tool: &str) -> Value {
    let body = format!("{{\"tool\":\"s__{tool}\",\"arguments\":{{}}}}");
    json(
        world
            .send(Version::HTTP_11, with_body("POST", "/call-tool", &[], body))
            .await,
    )
    .await
}

async fn answers(world: &World) {
    until("an answer", async || {
        call(world, "given").await["success"] == true
    })
    .await;
}

#[tokio::test]
async fn a_server_behind_a_socket_is_called_as_any_other() {
    let unit = Unit::listen(&["python3", SERVER]);
    let world = unit.world();
    answers(&world).await;
    assert_eq!(call(&world, "refuse").await["code"], "EXECUTION_ERROR");
    let health = world.admin("/health").await;
    assert_eq!(health["servers"]["s"]["state"], "ready", "{health}");
    world.stop.now.cancel();
    let first = end_of(unit.next()).await;
    assert!(first.success(), "the server ended with its input: {first}");
}

#[tokio::test]
async fn a_process_that_dies_is_followed_by_another() {
    let unit = Unit::listen(&["python3", SERVER]);
    let world = unit.world();
    answers(&world).await;
    assert_eq!(call(&world, "die").await["code"], "SERVICE_UNAVAILABLE");
    assert_eq!(end_of(unit.next()).await.code(), Some(3));
    answers(&world).await;
    assert_eq!(world.admin("/health").await["servers"]["s"]["restarts"], 1);
}

#[tokio::test]
async fn a_process_that_does_not_end_with_its_client_is_killed_with_what_it_started() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display().to_string();
    let script = "trap '' TERM; sleep 600 & echo $! > \"$1\"; while :; do sleep 600; done";
    let unit = Unit::listen(&["sh", "-c", script, "sh", &path]);
    let client = std::os::unix::net::UnixStream::connect(unit.path()).expect("it listens");
    let mut grandchild = String::new();
    until("the process that it started", async || {
        grandchild = std::fs::read_to_string(&path).unwrap_or_default();
        grandchild.ends_with('\n')
    })
    .await;
    drop(client);
    assert!(end_of(unit.next()).await.success());
    let process = Path::new("/proc").join(grandchild.trim()).join("cmdline");
    // A process that has ended and that nobody has noticed yet has no command line.
    until("its end", async || {
        std::fs::read(&process).is_ok_and(|line| line.is_empty()) || !process.exists()
    })
    .await;
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_a_server_that_is_down() {
    let mut behind = server("s", &[], PATIENCE);
    behind.socket = Some("/nowhere/s.sock".into());
    let world = World::with(|config| config.servers = vec![behind]);
    until("a verdict", async || {
        world.get("/readyz").await.status() == StatusCode::OK
    })
    .await;
    let said = &world.admin("/health").await["servers"]["s"];
    assert_eq!(said["state"], "failed");
    let error = said["error"].as_str().expect("a reason");
    assert!(
        error.starts_with("cannot connect to `/nowhere/s.sock`"),
        "{error}"
    );
}

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/tool_api/server.py");

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
