//! An origin that hostile clients are let loose on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

use http::{StatusCode, Version};
use tokio::net::{TcpStream, UnixStream};

use crate::life::Process;
use crate::support::{PATIENCE, get, send_on, until};
use crate::tls::Pki;

/// A running origin, with short patience, that also listens on TCP.
pub(crate) struct Victim {
    process: Process,
    address: SocketAddr,
    at_rest: u64,
}

impl Victim {
    pub(crate) async fn start(extra: &str) -> Self {
        let address = free_address();
        let text = format!(
            "accesslog = \"\"\nread_timeout = \"1s\"\nkeep_alive_timeout = \"2s\"\n{extra}\n\
             [timeouts]\nwrite_stall = \"1s\"\n"
        );
        Self::of(Process::start_on(&[address], &text), address).await
    }

    /// One that speaks TLS and HTTP/3 on its address.
    pub(crate) async fn secure(pki: &Pki) -> Self {
        let address = free_address();
        Self::of(
            Process::start_secure(pki, address, "accesslog = \"\"\n"),
            address,
        )
        .await
    }

    async fn of(mut process: Process, address: SocketAddr) -> Self {
        process.wait_until_ready().await;
        let mut victim = Self {
            process,
            address,
            at_rest: 0,
        };
        // What the first requests allocate once is no leak.
        for _ in 0..200 {
            victim.assert_serving().await;
        }
        victim.at_rest = victim.memory();
        victim
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The processor time that it has used, in clock ticks (proc_pid_stat(5): `utime` and `stime`).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = format!("/proc/{}/stat", self.process.id());
        let stat = std::fs::read_to_string(stat).expect("Linux, and it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let fields = fields.split(' ').skip(11).take(2);
        fields
            .map(|field| field.parse::<u64>().expect("a number"))
            .sum()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    pub(crate) async fn assert_serving(&self) {
        let stream = UnixStream::connect(&self.process.socket).await;
        let answer = send_on(
            stream.expect("it listens"),
            Version::HTTP_11,
            get("/healthz"),
        );
        let answer = tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("in time");
        assert_eq!(answer.status(), StatusCode::OK);
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).expect("Linux, and it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    }

    /// The memory is back near what it was: what an allocator keeps for the next burst is allowed for.
    pub(crate) async fn assert_recovered(&self) {
        self.assert_serving().await;
        let allowed = self.at_rest + 40 * 1024;
        until("memory that comes back", async || self.memory() < allowed).await;
    }
}

/// An address that is free for TCP and UDP, and below those that the system gives to clients: nobody takes it by chance before
/// the origin does. Each process of tests looks from another one on.
pub(crate) fn free_address() -> SocketAddr {
    let from = 10_000 + std::process::id() % 1_000 * 20;
    let ports = (from..32_000).filter_map(|port| u16::try_from(port).ok());
    let mut addresses = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses
        .find(|address| TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok())
        .expect("a free port")
}
