//! The link to a server behind a Unix socket: each connection is a process that somebody else starts and ends.

use std::io;
use std::path::Path;

use origin_config::Server;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Duration, timeout};

use super::lines::Message;
use super::pipe::Pipe;

/// One connection. Dropped, it is closed, and its process is to end.
#[derive(Debug)]
pub(super) struct Peer {
    pipe: Pipe<OwnedReadHalf, OwnedWriteHalf>,
}

impl Peer {
    /// Connects, which takes no time on a Unix socket: there is a place in its queue, or there is none.
    pub(super) fn start(server: &Server, socket: &Path) -> Result<Self, String> {
        let stream = connect(socket)
            .map_err(|error| format!("cannot connect to `{}`: {error}", socket.display()))?;
        tracing::info!(server = server.name, socket = %socket.display(), "server connected");
        let (reader, writer) = stream.into_split();
        let pipe = Pipe::new(reader, writer, server.call_timeout);
        Ok(Self { pipe })
    }

    pub(super) fn send(&mut self, message: &str) {
        self.pipe.send(message);
    }

    pub(super) fn backlog(&self) -> usize {
        self.pipe.backlog()
    }

    /// As that of a [`super::child::Child`]. May be dropped at any time.
    pub(super) async fn step(&mut self) -> Result<Option<Message>, String> {
        self.pipe.step().await
    }

    /// What the process has still sent. May be dropped at any time.
    pub(super) async fn last_word(&mut self) -> Option<Message> {
        self.pipe.last_word().await
    }

    /// Says that nothing more comes, and waits until the process has closed its side.
    pub(super) async fn end(mut self, server: &str) {
        self.pipe.finish().await;
        let rest = async { while self.pipe.last_word().await.is_some() {} };
        if timeout(PATIENCE, rest).await.is_err() {
            tracing::warn!(server, "the server did not end with its connection");
        }
    }
}

/// Without waiting: a queue that is full is an error, as a socket that is not there.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    UnixStream::from_std(std::os::unix::net::UnixStream::from(
        std::os::fd::OwnedFd::from(socket),
    ))
}

/// As long as a process of the origin's own gets after the end of its input.
const PATIENCE: Duration = Duration::from_secs(2);
