//! Sockets: bound before any task starts, and given back when the origin ends.

mod address;
mod inherited;
mod udp;
mod unix;

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use origin_config::{Bind, OriginConfig};

use crate::conn::Role;
use crate::quic_key::{QuicKey, QuicKeyError};
use crate::shards;
pub use inherited::Inherited;
pub use unix::SocketFile;

/// A socket that listens, and the routes that it serves.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: Socket,
    /// Its address as the operator would write it.
    pub name: Arc<str>,
    /// Which routes it serves.
    pub role: Role,
    /// Whether it speaks TLS.
    pub secure: bool,
}

/// A listening socket of any kind, in non-blocking mode.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket. The file is there when the origin made it, and is unlinked when this is dropped: before the socket is
    /// closed, since a file that nobody answers on is taken for one that was left behind.
    Unix(Option<SocketFile>, UnixListener),
    /// UDP, for QUIC.
    Udp(Udp),
}

/// The sockets of one UDP address, among which the system deals the clients out.
#[derive(Debug)]
pub struct Udp {
    /// At least one.
    pub sockets: Vec<UdpSocket>,
    /// The secret behind their tokens.
    pub key: QuicKey,
    /// Whether the service manager has them too: what comes when the origin has ended waits in them for the next one.
    pub held: bool,
}

/// Why a socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The system refused an address.
    #[error("cannot bind `{address}`")]
    Refused {
        /// The address as the operator wrote it.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody answers on the socket file.
    #[error("cannot bind `unix:{}`: another process listens there", .0.display())]
    Busy(PathBuf),
    /// The path is taken by something that is no socket.
    #[error("cannot bind `unix:{}`: a file that is no socket is in the way", .0.display())]
    Occupied(PathBuf),
    /// A socket from the service manager could not be used.
    #[error("cannot use the socket `{name}` from the service manager")]
    Inherited {
        /// Its name in `LISTEN_FDNAMES`.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The secret of QUIC cannot be used. The words are those of the cause.
    #[error(transparent)]
    Key(#[from] QuicKeyError),
    /// A socket from the service manager has no use.
    #[error(
        "the service manager passed a socket named `{0}`, which is none of `bind`, `insecure_bind`, `quic_bind` and `admin_bind`"
    )]
    Unnamed(String),
}

/// Binds every address of the configuration. Sockets from the service manager stand in the place of the addresses of the
/// key that they are named after (`FileDescriptorName=bind`, `insecure_bind`, `quic_bind` or `admin_bind`).
///
/// Either all sockets are bound or none: those that were are closed, and their files unlinked, when one fails. Call it
/// before any thread starts: for the moment of a bind to a Unix path the process's umask is the configured one.
pub fn bind_all(
    config: &OriginConfig,
    mut inherited: Inherited,
) -> Result<Vec<Listener>, BindError> {
    let mut listeners = Vec::new();
    let tls = !config.tls.certificates.is_empty();
    for (key, addresses, role, secure) in [
        ("bind", &config.bind, Role::Public, tls),
        (
            "insecure_bind",
            &config.tls.insecure_bind,
            Role::Public,
            false,
        ),
        ("admin_bind", &config.admin_bind, Role::Admin, false),
    ] {
        let mut sockets = inherited.take(key)?;
        if sockets.is_empty() {
            for address in addresses {
                sockets.push(bind(config, address)?);
            }
        }
        listeners.extend(sockets.into_iter().map(|(socket, name)| Listener {
            socket,
            name,
            role,
            secure,
        }));
    }
    listeners.extend(bind_quic(config, inherited.take_udp("quic_bind")?)?);
    inherited.finish()?;
    Ok(listeners)
}

/// The sockets of the service manager where there are some, as many of an address as it made; else one for each core of every
/// address of the configuration.
fn bind_quic(
    config: &OriginConfig,
    inherited: Vec<Named<UdpSocket>>,
) -> Result<Vec<Listener>, BindError> {
    let held = !inherited.is_empty();
    let mut places: Vec<Named<Vec<UdpSocket>>> = Vec::new();
    for (socket, name) in inherited {
        match places.iter_mut().find(|(_, place)| *place == name) {
            Some((sockets, _)) => sockets.push(socket),
            None => places.push((vec![socket], name)),
        }
    }
    for address in config.quic.bind.iter().filter(|_| !held) {
        let (first, name) = bind_udp(*address)?;
        places.push((udp::one_for_each(first, shards::cores()), name));
    }
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let key = QuicKey::open(config.quic.key_file.as_deref())?;
    let listener = |(sockets, name)| Listener {
        socket: Socket::Udp(Udp {
            sockets,
            key: key.clone(),
            held,
        }),
        name,
        role: Role::Public,
        secure: true,
    };
    Ok(places.into_iter().map(listener).collect())
}

fn bind(config: &OriginConfig, address: &Bind) -> Result<Named, BindError> {
    let refused = |source| BindError::Refused {
        address: address.to_string(),
        source,
    };
    let socket = match address {
        Bind::Tcp(tcp) => Socket::Tcp(address::bind_tcp(*tcp, config.backlog).map_err(refused)?),
        Bind::Unix(path) => unix::bind(path, config.umask, config.backlog)?,
    };
    let name = match (&socket, address) {
        // Port 0 has become a real one.
        (Socket::Tcp(listener), _) => listener.local_addr().map_err(refused)?.to_string(),
        (_, address) => address.to_string(),
    };
    Ok((socket, name.into()))
}

fn bind_udp(address: SocketAddr) -> Result<Named<UdpSocket>, BindError> {
    let bound = udp::bind(address).and_then(|socket| {
        let name = socket.local_addr()?.to_string();
        Ok((socket, name.into()))
    });
    bound.map_err(|source| BindError::Refused {
        address: format!("{address} (UDP)"),
        source,
    })
}

/// A socket and its address as the operator would write it.
type Named<S = Socket> = (S, Arc<str>);
