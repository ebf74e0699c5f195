//! Datagrams from addresses that are not their sender's: each of them begins a connection and none goes on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, EndpointConfig, TransportConfig};
use tokio::net::UdpSocket;

use super::raw::{End, Raw, get};
use crate::support::until;
use crate::tls::Pki;
use crate::victim::Victim;

/// Makes first datagrams, each of a connection of its own.
struct Forger {
    endpoint: quinn_proto::Endpoint,
    config: ClientConfig,
    target: SocketAddr,
}

impl Forger {
    fn new(pki: &Pki, target: SocketAddr) -> Self {
        let tls = QuicClientConfig::try_from(pki.client(&["h3"])).expect("TLS 1.3");
        let endpoint = EndpointConfig::default();
        Self {
            endpoint: quinn_proto::Endpoint::new(Arc::new(endpoint), None, true, None),
            config: ClientConfig::new(Arc::new(tls)),
            target,
        }
    }

    fn initial(&mut self) -> Vec<u8> {
        let now = Instant::now();
        let begun = self
            .endpoint
            .connect(now, self.config.clone(), self.target, "origin.test");
        let (_, mut connection) = begun.expect("a valid name");
        let mut datagram = Vec::new();
        let transmit = connection.poll_transmit(now, 1, &mut datagram);
        assert_eq!(transmit.map(|transmit| transmit.size), Some(datagram.len()));
        datagram
    }
}

/// One of the addresses of this machine that nobody else uses: 127/8 is all loopback.
async fn source(number: usize) -> UdpSocket {
    let [.., high, low] = u32::try_from(number + 2).expect("few").to_be_bytes();
    let address = Ipv4Addr::new(127, 17, high, low);
    UdpSocket::bind((address, 0))
        .await
        .expect("a loopback address")
}

/// What came for a source that answers nothing, in bytes.
fn received(socket: &UdpSocket) -> usize {
    let mut datagram = [0; 2048];
    let mut all = 0;
    while let Ok(length) = socket.try_recv(&mut datagram) {
        all += length;
    }
    all
}

/// Sends `count` first datagrams from as many addresses while another client asks, and judges what came of it.
#[expect(clippy::print_stdout, reason = "the figures of the long version")]
async fn flood(count: usize) {
    let pki = Pki::new(&["origin.test"]);
    let victim = Victim::secure(&pki).await;
    let mut forger = Forger::new(&pki, victim.address());
    let (ticks, begun) = (victim.ticks(), Instant::now());
    let (mut sent, mut back) = (Vec::new(), 0);
    for number in 0..count {
        let (socket, initial) = (source(number).await, forger.initial());
        let length = socket.send_to(&initial, victim.address()).await;
        sent.push((socket, length.expect("room")));
        if number % (count / 4) == 0 {
            assert_served(&pki, &victim).await;
        }
        if sent.len() > OPEN {
            back += judge(sent.drain(..OPEN / 2));
        }
    }
    assert_served(&pki, &victim).await;
    // The answers that are lost are sent again after a second (RFC 9002 section 6.2.2): those count too.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    back += judge(sent.into_iter());
    let (ticks, memory) = (victim.ticks() - ticks, victim.memory());
    println!(
        "{count} Initials in {:?}: {back} bytes back, {ticks} ticks of processor time, {memory} KiB",
        begun.elapsed()
    );
    // With so many handshakes on their way the others get a Retry, which is far smaller than what it answers.
    let came = count * DATAGRAM;
    assert!(back < came, "{back} bytes came back for {came}");
    victim.assert_recovered().await;
}

/// "prior to address validation, servers MUST NOT send more than three times as many bytes as the number of bytes they have
/// received" (RFC 9000 section 8): quinn lets a datagram go that begins below that and ends above it, and none after it. All that
/// came back.
fn judge(sources: impl Iterator<Item = (UdpSocket, usize)>) -> usize {
    let mut total = 0;
    for (socket, sent) in sources {
        let received = received(&socket);
        let most = 3 * sent + DATAGRAM;
        assert!(received < most, "{received} for {sent}");
        total += received;
    }
    total
}

async fn assert_served(pki: &Pki, victim: &Victim) {
    let raw = Raw::connect_to(pki, victim.address(), TransportConfig::default()).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn initials_from_forged_addresses_get_back_little_and_others_are_served() {
    flood(400).await;
}

#[tokio::test]
#[ignore = "minutes: cargo xtask soak floods"]
async fn a_long_flood_of_initials() {
    flood(50_000).await;
}

#[tokio::test]
async fn while_many_handshakes_are_on_their_way_an_address_is_asked_to_show_itself() {
    let pki = Pki::new(&["origin.test"]);
    let victim = Victim::secure(&pki).await;
    let mut forger = Forger::new(&pki, victim.address());
    let mut silent = Vec::new();
    for number in 0..200 {
        let socket = source(number).await;
        socket
            .send_to(&forger.initial(), victim.address())
            .await
            .expect("room");
        silent.push(socket);
    }
    let last = source(200).await;
    until("a Retry", async || {
        last.send_to(&forger.initial(), victim.address())
            .await
            .expect("room");
        let mut answer = [0; 2048];
        let read = tokio::time::timeout(
            std::time::Duration::from_millis(200),
            last.recv(&mut answer),
        );
        // A long header of type 3 (RFC 9000 section 17.2.5).
        matches!(read.await, Ok(Ok(length)) if length < 300 && answer[0] & 0xb0 == 0xb0)
    })
    .await;
    assert_served(&pki, &victim).await;
}

/// A client's first datagram, and the longest of a server before it knows the path (RFC 9000 section 14.1).
const DATAGRAM: usize = 1200;

/// So many sources wait for answers at a time: each is a descriptor.
const OPEN: usize = 800;
