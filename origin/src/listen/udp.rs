//! UDP sockets, for QUIC.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// Binds.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    bind_with(address, false)
}

fn bind_with(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // `[::]` beside `0.0.0.0` on one port is two sockets, each for its own family.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    Ok(prepare(socket.into()))
}

/// A bound socket and more of its address, `count` in all; fewer where the system gives no more.
///
/// The first is bound alone, so that an address that another process has is an error: it is opened to others of this user
/// only after that.
pub(super) fn one_for_each(first: UdpSocket, count: usize) -> Vec<UdpSocket> {
    let more = || -> io::Result<Vec<UdpSocket>> {
        let address = first.local_addr()?;
        SockRef::from(&first).set_reuse_port(true)?;
        (1..count).map(|_| bind_with(address, true)).collect()
    };
    let more = more().unwrap_or_else(|error| {
        tracing::debug!(%error, "one thread reads all of a UDP address");
        Vec::new()
    });
    [first].into_iter().chain(more).collect()
}

/// Gives a socket the buffers that it can have. The system cuts them to `net.core.rmem_max` and `wmem_max` without a word, and a
/// socket with less works too. A service manager, which is not bound by these, may have given it more: that stays.
pub(super) fn prepare(socket: UdpSocket) -> UdpSocket {
    let socket = Socket::from(socket);
    let is_small = |size: io::Result<usize>| size.is_ok_and(|size| size < BUFFER);
    let (receives, sends) = (socket.recv_buffer_size(), socket.send_buffer_size());
    let asked = [
        is_small(receives).then(|| socket.set_recv_buffer_size(BUFFER)),
        is_small(sends).then(|| socket.set_send_buffer_size(BUFFER)),
    ];
    let asked: io::Result<()> = asked.into_iter().flatten().collect();
    if let Err(error) = asked {
        tracing::debug!(%error, "a UDP socket keeps the buffers that it has");
    }
    socket.into()
}

/// One socket takes the datagrams of all clients: Linux's default of 208 KiB is 140 of them, which a burst of a few clients
/// fills before a thread comes to read. Larger ones brought no throughput on loopback.
const BUFFER: usize = 2 << 20;
