//! Whether a port is free, and who has it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use socket2::{Domain, Socket, Type};

/// The two protocols that a port may be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// Why an address cannot be listened on.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The address.
    pub(crate) address: SocketAddr,
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// The system's answer.
    pub(crate) error: io::Error,
    /// Who listens there, as far as we may know.
    pub(crate) holder: Option<Holder>,
}

/// A process that holds a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its id.
    pub(crate) pid: u32,
    /// The name of its program.
    pub(crate) program: String,
}

impl Taken {
    /// Whether one of these programs listens there.
    pub(crate) fn is_held_by(&self, programs: &[&str]) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|holder| programs.contains(&holder.program.as_str()))
    }
}

/// A port that nobody else gets while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    address: SocketAddr,
    protocol: Protocol,
    _socket: Socket,
}

impl Held {
    /// Whether an address is held with this one: the same, or one of all those of its family.
    pub(crate) fn covers(&self, address: SocketAddr, protocol: Protocol) -> bool {
        let all = self.address.ip().is_unspecified() && self.address.is_ipv4() == address.is_ipv4();
        self.protocol == protocol
            && self.address.port() == address.port()
            && (all || self.address == address)
    }
}

/// Begins to listen.
pub(crate) fn hold(address: SocketAddr, protocol: Protocol) -> Result<Held, Box<Taken>> {
    match listen(address, protocol) {
        Ok(socket) => Ok(Held {
            address,
            protocol,
            _socket: socket,
        }),
        Err(error) => {
            let holder = (error.kind() == io::ErrorKind::AddrInUse)
                .then(|| holder(address.port(), protocol))
                .flatten();
            Err(Box::new(Taken {
                address,
                protocol,
                error,
                holder,
            }))
        }
    }
}

/// As NGINX listens: an IPv6 address stands for IPv6 alone (`ipv6only=on` is its default).
fn listen(address: SocketAddr, protocol: Protocol) -> io::Result<Socket> {
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if protocol == Protocol::Tcp {
        // connections of one that has just ended do not stand in the way
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    if protocol == Protocol::Tcp {
        socket.listen(1)?;
    }
    Ok(socket)
}

/// Who holds a port, by the tables of /proc (proc(5)); nothing where /proc does not tell us.
fn holder(port: u16, protocol: Protocol) -> Option<Holder> {
    let tables = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let inodes: Vec<_> = tables
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| inodes(&table, port, protocol))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let mut processes: Vec<u32> = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    processes.sort_unstable();
    let pid = processes.into_iter().find(|pid| holds(*pid, &inodes))?;
    let program = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Holder {
        pid,
        program: program.trim().to_owned(),
    })
}

fn holds(pid: u32, sockets: &[String]) -> bool {
    let folder = format!("/proc/{pid}/fd");
    let Ok(entries) = std::fs::read_dir(Path::new(&folder)) else {
        return false;
    };
    entries
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .any(|link| {
            sockets
                .iter()
                .any(|socket| link.as_os_str() == socket.as_str())
        })
}

/// The inodes of the sockets that listen on a port: the local address is the second field, the state the fourth
/// (0A listens; 07 is what a bound UDP socket has), the inode the tenth.
fn inodes(table: &str, port: u16, protocol: Protocol) -> Vec<String> {
    let listens = match protocol {
        Protocol::Tcp => "0A",
        Protocol::Udp => "07",
    };
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let (_, hex) = fields.get(1)?.rsplit_once(':')?;
            let found = u16::from_str_radix(hex, 16).ok()? == port && *fields.get(3)? == listens;
            found
                .then(|| fields.get(9).map(ToString::to_string))
                .flatten()
        })
        .collect()
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (port, protocol) = (self.address.port(), self.protocol);
        if self.error.kind() == io::ErrorKind::AddrNotAvailable {
            return write!(f, "this machine has no address `{}`", self.address.ip());
        }
        if self.error.kind() != io::ErrorKind::AddrInUse {
            return write!(
                f,
                "`{}` ({protocol}) cannot be listened on: {}",
                self.address, self.error
            );
        }
        write!(
            f,
            "port {port} ({protocol}) of `{}` is in use",
            self.address.ip()
        )?;
        match &self.holder {
            Some(holder) => write!(
                f,
                " by `{}` (process {})",
                holder.program.escape_debug(),
                holder.pid
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_holder() {
        let held = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = held.local_addr().expect("bound");
        let taken = hold(address, Protocol::Tcp).expect_err("it is taken");
        assert_eq!(
            taken.holder.as_ref().map(|holder| holder.pid),
            Some(std::process::id())
        );
        assert!(
            taken
                .to_string()
                .starts_with(&format!("port {} (TCP)", address.port())),
            "{taken}"
        );
        drop(held);
        assert!(hold(address, Protocol::Tcp).is_ok());
    }

    #[test]
    fn a_taken_udp_port_is_found_too() {
        let held = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = held.local_addr().expect("bound");
        let taken = hold(address, Protocol::Udp).expect_err("it is taken");
        assert!(taken.holder.is_some());
    }

    #[test]
    fn only_listening_sockets_count() {
        let table = "head\n 0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 77 1\n 1: 0100007F:1F90 0100007F:1234 01 0:0 0:0 0 0 0 78 1\n";
        assert_eq!(inodes(table, 8080, Protocol::Tcp), ["77"]);
        assert!(inodes(table, 8081, Protocol::Tcp).is_empty());
    }
}
