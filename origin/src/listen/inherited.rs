//! Sockets that the service manager bound before the origin started (systemd's socket activation).

use std::fmt;
use std::io;
use std::net::UdpSocket;

use listenfd::ListenFd;

use super::{BindError, Named, Socket, udp};

/// The sockets of `LISTEN_FDS`, by their names in `LISTEN_FDNAMES`.
pub struct Inherited {
    sockets: ListenFd,
    /// One per socket, `None` once it is taken.
    names: Vec<Option<String>>,
}

impl Inherited {
    /// No sockets.
    pub fn none() -> Self {
        Self {
            sockets: ListenFd::empty(),
            names: Vec::new(),
        }
    }

    /// The sockets that the environment announces for this process. Call it once, before any thread starts: the two
    /// variables that announce them are taken out of the environment, so that children do not believe them.
    ///
    /// `names` is `LISTEN_FDNAMES`: names separated by colons. Without names every socket is `bind`, which is what a
    /// person means who starts the origin by hand under `systemd-socket-activate`.
    pub fn from_environment(names: Option<&str>) -> Self {
        let sockets = ListenFd::from_env();
        let mut names: Vec<_> = names
            .into_iter()
            .flat_map(|names| names.split(':'))
            // `unknown` is what systemd calls a socket without a name (sd_listen_fds_with_names(3)).
            .map(|name| {
                if matches!(name, "" | "unknown") {
                    "bind"
                } else {
                    name
                }
            })
            .map(|name| Some(name.to_owned()))
            .collect();
        names.resize_with(sockets.len(), || Some("bind".to_owned()));
        Self { sockets, names }
    }

    /// Takes every listening socket of this name.
    pub(super) fn take(&mut self, key: &str) -> Result<Vec<Named>, BindError> {
        let taken = self.claim(key);
        taken
            .into_iter()
            .map(|index| self.listener(index, key))
            .collect()
    }

    /// Takes every UDP socket of this name.
    pub(super) fn take_udp(&mut self, key: &str) -> Result<Vec<Named<UdpSocket>>, BindError> {
        let taken = self.claim(key);
        taken
            .into_iter()
            .map(|index| {
                let socket = self.sockets.take_udp_socket(index);
                let socket = socket.and_then(|socket| {
                    let socket = socket.ok_or(io::ErrorKind::NotFound)?;
                    let name = socket.local_addr()?.to_string();
                    Ok((udp::prepare(socket), name.into()))
                });
                socket.map_err(|source| BindError::Inherited {
                    name: key.to_owned(),
                    source,
                })
            })
            .collect()
    }

    fn claim(&mut self, key: &str) -> Vec<usize> {
        let names = self.names.iter_mut().enumerate();
        names
            .filter_map(|(index, name)| name.take_if(|name| name == key).map(|_| index))
            .collect()
    }

    /// Refuses sockets that nobody took: the operator meant something by them.
    pub(super) fn finish(self) -> Result<(), BindError> {
        match self.names.into_iter().flatten().next() {
            Some(name) => Err(BindError::Unnamed(name)),
            None => Ok(()),
        }
    }

    fn listener(&mut self, index: usize, key: &str) -> Result<Named, BindError> {
        let failed = |source| BindError::Inherited {
            name: key.to_owned(),
            source,
        };
        let missing = || failed(std::io::ErrorKind::NotFound.into());
        // A socket of the wrong kind stays in its place, so asking for each kind in turn loses nothing.
        let (socket, name) = if let Ok(Some(listener)) = self.sockets.take_unix_listener(index) {
            listener.set_nonblocking(true).map_err(failed)?;
            let address = listener.local_addr().map_err(failed)?;
            let path = address.as_pathname().map(|path| path.display().to_string());
            let name = format!("unix:{}", path.unwrap_or_default());
            (Socket::Unix(None, listener), name)
        } else {
            let listener = self.sockets.take_tcp_listener(index).map_err(failed)?;
            let listener = listener.ok_or_else(missing)?;
            listener.set_nonblocking(true).map_err(failed)?;
            let name = listener.local_addr().map_err(failed)?.to_string();
            (Socket::Tcp(listener), name)
        };
        Ok((socket, name.into()))
    }
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
