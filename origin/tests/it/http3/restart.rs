//! A process after another on the same address, and what its clients see of that.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use quinn::{ConnectionError, TransportConfig};
use rustix::process::Signal;
use tokio::process::Command;

use super::raw::{End, Raw, get, lively};
use crate::life::Process;
use crate::support::{PATIENCE, until};
use crate::tls::Pki;

const NO_ERROR: u64 = 0x100;

/// Waits until a client is served.
async fn served(pki: &Pki, address: SocketAddr) -> Raw {
    let connect = Raw::connect_to(pki, address, lively());
    let raw = tokio::time::timeout(PATIENCE, connect)
        .await
        .expect("in time");
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
    raw
}

#[tokio::test]
async fn after_a_crash_a_client_is_told_at_once_that_its_connection_is_gone() {
    let pki = Pki::new(&["origin.test"]);
    let folder = tempfile::tempdir().expect("a folder");
    let free = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    // Nobody waits for the idle timeout.
    let key = folder.path().join("quic.key");
    let text = format!(
        "[quic]\nkey_file = \"{}\"\nidle_timeout = \"1h\"\n",
        key.display()
    );
    let mut first = Process::start_secure(&pki, address, &text);
    first.wait_until_ready().await;
    let raw = served(&pki, address).await;
    first.signal(Signal::KILL);
    first.wait(PATIENCE).await;
    let mut second = Process::start_secure(&pki, address, &text);
    second.wait_until_ready().await;
    // Its next packet is answered by a stateless reset (RFC 9000 section 10.3).
    let ended = tokio::time::timeout(PATIENCE, raw.connection.closed()).await;
    assert!(matches!(ended, Ok(ConnectionError::Reset)), "{ended:?}");
    served(&pki, address).await;
}

/// Starts an origin with a UDP socket that somebody else bound.
fn start_on(pki: &Pki, socket: &UdpSocket) -> Process {
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_FDNAMES=quic_bind LISTEN_PID=$$ exec \"$0\" --config \"$1\"";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("o.sock");
    let keys = format!(
        "{}insecure_bind = [\"unix:{}\"]\n",
        pki.keys(),
        path.display()
    );
    let config = crate::life::configuration(&folder, &folder.path().join("tls.sock"), &keys);
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_origin")])
        .arg(config);
    let socket = socket.try_clone().expect("a descriptor");
    command.stdin(Stdio::from(OwnedFd::from(socket)));
    Process::spawn(folder, path, command)
}

#[tokio::test]
async fn on_a_socket_of_the_service_manager_a_restart_closes_clients_and_keeps_those_that_come() {
    let pki = Pki::new(&["origin.test"]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("an address");
    let mut first = start_on(&pki, &socket);
    first.wait_until_ready().await;
    let raw = served(&pki, address).await;
    let (_send, stream) = raw.open(&get("/mcp/sse?interval_ms=20&count=3600")).await;
    first.signal(Signal::TERM);
    assert_eq!(
        raw.outcome(stream).await,
        End::Answer(200),
        "its proper end"
    );
    assert_eq!(raw.end().await, End::Closed(NO_ERROR));
    let (status, _) = first.wait(PATIENCE).await;
    assert_eq!(status.code(), Some(0));
    // Nobody serves now; what comes waits in the socket.
    let (patient, mut second) = tokio::join!(served(&pki, address), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        start_on(&pki, &socket)
    });
    second.wait_until_ready().await;
    drop(patient);
    until("a client of the second", async || {
        let raw = Raw::connect_to(&pki, address, TransportConfig::default()).await;
        raw.exchange(&get("/healthz")).await == End::Answer(200)
    })
    .await;
}
