//! Datagrams from addresses that are not their sender's: each of them seems to begin a connection, and none goes on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use quinn::{ClientConfig, EndpointConfig, TransportConfig};
use tokio::net::UdpSocket;

use super::raw::{End, Raw, client, get};
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
        let endpoint = EndpointConfig::default();
        Self {
            endpoint: quinn_proto::Endpoint::new(Arc::new(endpoint), None, true, None),
            config: client(pki, TransportConfig::default()),
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

/// Sends `count` datagrams from as many addresses while another client asks, and judges what came of it. Of each datagram it gets
/// the number, of what comes back for one of a length the bound that it stays below.
#[expect(clippy::print_stdout, reason = "the figures of the long version")]
async fn flood<D: FnMut(usize) -> Vec<u8>>(
    count: usize,
    begin: impl FnOnce(&Pki, SocketAddr) -> D,
    bound: fn(usize) -> usize,
) {
    let pki = Pki::new(&["origin.test"]);
    let victim = Victim::secure(&pki).await;
    let mut datagram = begin(&pki, victim.address());
    let (ticks, begun) = (victim.ticks(), Instant::now());
    let (mut sent, mut back) = (Vec::new(), 0);
    for number in 0..count {
        let socket = source(number).await;
        let length = socket.send_to(&datagram(number), victim.address()).await;
        sent.push((socket, length.expect("room")));
        if number % (count / 4) == 0 {
            assert_served(&pki, &victim).await;
        }
        if sent.len() > OPEN {
            back += judge(sent.drain(..OPEN / 2), bound);
        }
    }
    assert_served(&pki, &victim).await;
    // The answers that are lost are sent again after a second (RFC 9002 section 6.2.2): those count too.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    back += judge(sent.into_iter(), bound);
    let (ticks, memory) = (victim.ticks() - ticks, victim.memory());
    println!(
        "{count} datagrams in {:?}: {back} bytes back, {ticks} ticks of processor time, {memory} KiB",
        begun.elapsed()
    );
    let came = count * DATAGRAM;
    assert!(
        (1..came).contains(&back),
        "{back} bytes came back for {came}"
    );
    victim.assert_recovered().await;
}

/// All that came back, of which no address had more than it may.
fn judge(sources: impl Iterator<Item = (UdpSocket, usize)>, bound: fn(usize) -> usize) -> usize {
    let mut total = 0;
    for (socket, sent) in sources {
        let received = received(&socket);
        assert!(received < bound(sent), "{received} for {sent}");
        total += received;
    }
    total
}

/// "prior to address validation, servers MUST NOT send more than three times as many bytes as the number of bytes they have
/// received" (RFC 9000 section 8): quinn lets a datagram go that begins below that and ends above it, and none after it. With many
/// handshakes on their way the others get a Retry, which is far smaller than what it answers.
async fn initials(count: usize) {
    let begin = |pki: &Pki, target| {
        let mut forger = Forger::new(pki, target);
        move |_| forger.initial()
    };
    flood(count, begin, |sent| 3 * sent + DATAGRAM).await;
}

/// Every fourth is too short for an answer: "Servers MUST drop smaller packets that specify unsupported versions" (section 5.2.2).
/// The others get less than they sent.
async fn versions(count: usize) {
    let begin = |_: &Pki, _| |number| unknown_version(DATAGRAM - usize::from(number % 4 == 0));
    flood(count, begin, |sent| if sent < DATAGRAM { 1 } else { sent }).await;
}

/// A datagram that begins a connection of a QUIC version that nobody has (section 17.2).
pub(super) fn unknown_version(length: usize) -> Vec<u8> {
    let mut datagram = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    datagram.extend([1; 8]);
    datagram.push(8);
    datagram.extend([2; 8]);
    datagram.resize(length, 0);
    datagram
}

async fn assert_served(pki: &Pki, victim: &Victim) {
    let raw = Raw::connect_to(pki, victim.address(), TransportConfig::default()).await;
    assert_eq!(raw.exchange(&get("/healthz")).await, End::Answer(200));
}

#[tokio::test]
async fn initials_from_forged_addresses_get_back_little_and_others_are_served() {
    initials(400).await;
}

#[tokio::test]
#[ignore = "minutes: cargo xtask soak floods"]
async fn a_long_flood_of_initials() {
    initials(50_000).await;
}

#[tokio::test]
async fn unknown_versions_from_forged_addresses_get_back_less_than_they_sent_and_short_ones_nothing()
 {
    versions(400).await;
}

#[tokio::test]
#[ignore = "minutes: cargo xtask soak floods"]
async fn a_long_flood_of_unknown_versions() {
    versions(50_000).await;
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
