//! A process after another on the same address, and what its clients see of that.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use quinn::{ConnectionError, SendStream, TransportConfig};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;
use tokio::process::Command;

use super::raw::{End, Raw, client, get, lively};
use crate::life::{Process, configuration};
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

/// UDP sockets of one address, as a service manager makes and keeps them.
struct Sockets([UdpSocket; 2]);

impl Sockets {
    fn bind() -> Self {
        let bind = |address: SocketAddr| {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
            socket.set_reuse_port(true).expect("Linux has it");
            socket.bind(&address.into()).expect("a free port");
            UdpSocket::from(socket)
        };
        let first = bind(([127, 0, 0, 1], 0).into());
        let second = bind(first.local_addr().expect("bound"));
        Self([first, second])
    }

    fn address(&self) -> SocketAddr {
        self.0[0].local_addr().expect("bound")
    }

    /// Starts an origin on them, with more lines of TOML, and waits until it is ready.
    async fn start(&self, pki: &Pki, extra: &str) -> Process {
        let script = "exec 3<&0 4<&2 </dev/null 2>&1; \
            LISTEN_FDS=2 LISTEN_FDNAMES=quic_bind:quic_bind LISTEN_PID=$$ exec \"$0\" --config \"$1\"";
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("o.sock");
        let (keys, plain) = (pki.keys(), path.display());
        let keys = format!("{keys}insecure_bind = [\"unix:{plain}\"]\n{extra}\n");
        let config = configuration(&folder, &folder.path().join("tls.sock"), &keys);
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_origin")]);
        let passed = |socket: &UdpSocket| OwnedFd::from(socket.try_clone().expect("a descriptor"));
        command.arg(config).stdin(passed(&self.0[0]));
        command.stderr(passed(&self.0[1]));
        let mut process = Process::spawn(folder, path, command);
        process.wait_until_ready().await;
        process
    }
}

/// Lines of TOML by which a secret stays in a folder.
fn key_in(folder: &TempDir) -> String {
    let key = folder.path().join("quic.key");
    format!("[quic]\nkey_file = \"{}\"\n", key.display())
}

#[tokio::test]
async fn after_a_crash_a_client_is_told_at_once_that_its_connection_is_gone() {
    let (pki, sockets) = (Pki::new(&["origin.test"]), Sockets::bind());
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody waits for the idle timeout.
    let keys = format!("{}idle_timeout = \"1h\"\n", key_in(&folder));
    let mut process = sockets.start(&pki, &keys).await;
    let clients = (0..4).map(|_| served(&pki, sockets.address()));
    let clients = futures_util::future::join_all(clients).await;
    process.signal(Signal::KILL);
    process.wait(PATIENCE).await;
    let _next = sockets.start(&pki, &keys).await;
    for client in clients {
        // Its next packet is answered by a stateless reset (RFC 9000 section 10.3).
        let ended = tokio::time::timeout(PATIENCE, client.connection.closed()).await;
        assert!(matches!(ended, Ok(ConnectionError::Reset)), "{ended:?}");
    }
    served(&pki, sockets.address()).await;
}

#[tokio::test]
async fn a_client_that_moves_between_sockets_of_the_service_manager_keeps_its_connection() {
    let (pki, sockets) = (Pki::new(&["origin.test"]), Sockets::bind());
    let _process = sockets.start(&pki, "").await;
    let client = served(&pki, sockets.address()).await;
    for _ in 0..8 {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.endpoint.rebind(socket).expect("another port");
        assert_eq!(client.exchange(&get("/healthz")).await, End::Answer(200));
    }
}

#[tokio::test]
async fn on_a_socket_of_the_service_manager_a_restart_closes_clients_and_keeps_those_that_come() {
    let (pki, sockets) = (Pki::new(&["origin.test"]), Sockets::bind());
    let address = sockets.address();
    let mut first = sockets.start(&pki, "").await;
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
    let (patient, _second) = tokio::join!(served(&pki, address), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sockets.start(&pki, "").await
    });
    drop(patient);
    until("a client of the second", async || {
        let raw = Raw::connect_to(&pki, address, TransportConfig::default()).await;
        raw.exchange(&get("/healthz")).await == End::Answer(200)
    })
    .await;
}

/// An origin that drains on a socket that stays, for as long as a client of it is in the middle of a request.
struct Draining {
    pki: Pki,
    sockets: Sockets,
    keys: String,
    process: Process,
    last: Raw,
    request: SendStream,
}

impl Draining {
    async fn begin(keys: String) -> Self {
        let (pki, sockets) = (Pki::new(&["origin.test"]), Sockets::bind());
        let process = sockets.start(&pki, &keys).await;
        let last = served(&pki, sockets.address()).await;
        // The beginning of a head.
        let (request, _) = last.open(&[1, 0x40]).await;
        process.signal(Signal::TERM);
        let listener = process.socket.clone();
        until("a closed listener", async || !listener.exists()).await;
        Self {
            pki,
            sockets,
            keys,
            process,
            last,
            request,
        }
    }

    /// A client that comes now. When it has no answer it comes again after so long, and not before.
    async fn client(&self, again: Duration) -> quinn::Connecting {
        let mut transport = TransportConfig::default();
        // Three of them are the first probe timeout (RFC 9002 section 6.2.2).
        transport.initial_rtt(again / 3);
        let config = client(&self.pki, transport);
        let endpoint = &self.last.endpoint;
        let connecting = endpoint.connect_with(config, self.sockets.address(), "origin.test");
        // They come from one address, so to one socket, which is read in its order: what is answered came after it.
        let after = self.last.exchange(&get("/healthz")).await;
        assert!(matches!(after, End::Answer(200) | End::Reset(0x10b)));
        connecting.expect("a valid name")
    }

    /// Ends the drain, and starts the next process.
    async fn succeed(&mut self) {
        self.request.reset(0u32.into()).expect("open");
        assert_eq!(self.last.end().await, End::Closed(NO_ERROR));
        let (status, _) = self.process.wait(PATIENCE).await;
        assert_eq!(status.code(), Some(0));
        self.process = self.sockets.start(&self.pki, &self.keys).await;
    }
}

async fn connected(connecting: quinn::Connecting) {
    let connected = tokio::time::timeout(PATIENCE, connecting).await;
    connected.expect("in time").expect("nobody refused it");
}

#[tokio::test]
async fn a_client_that_comes_during_the_drain_is_called_to_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut draining = Draining::begin(key_in(&folder)).await;
    // It does not come again by itself, so it was called: with a token of the process before, which is good.
    let connecting = draining.client(Duration::from_hours(1)).await;
    draining.succeed().await;
    connected(connecting).await;
}

#[tokio::test]
async fn without_a_key_that_stays_it_hears_nothing_until_it_comes_again() {
    let mut draining = Draining::begin(String::new()).await;
    let connecting = draining.client(Duration::from_millis(300)).await;
    draining.succeed().await;
    connected(connecting).await;
}
