//! Run, then drain.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::conn::{ConnInfo, Peer};
use crate::listen::{Listener, Socket, SocketFile};
use crate::proto::{self, Limits};
use crate::tls::Acceptor;

/// How a running origin is asked to end.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// In peace: no new connection, streams end at once, calls in flight have `graceful_timeout`.
    pub graceful: CancellationToken,
    /// At once.
    pub now: CancellationToken,
}

/// Serves `listeners` until `stop`, and has drained when it returns: no connection is open, no socket file is left, and
/// the MCP servers have ended.
pub async fn run(app: Arc<App>, listeners: Vec<Listener>, stop: Stop) -> io::Result<()> {
    let mut server = Server {
        app: Arc::clone(&app),
        tls: acceptor(&app)?,
        limits: Limits::new(&app.config),
        stop: stop.clone(),
        connections: TaskTracker::new(),
    };
    let acceptors = TaskTracker::new();
    for listener in listeners {
        acceptors.spawn(server.acceptor(listener)?);
    }
    acceptors.close();
    let wheel = tokio::spawn(Arc::clone(&app.streams).drive());
    notify(NotifyState::Ready);
    let watchdog = tokio::spawn(feed_watchdog());

    tokio::select! {
        () = stop.graceful.cancelled() => {}
        () = stop.now.cancelled() => stop.graceful.cancel(),
    }
    notify(NotifyState::Stopping);
    acceptors.wait().await;
    server.drain().await;
    wheel.abort();
    tokio::select! {
        () = app.upstreams.shutdown() => {}
        () = stop.now.cancelled() => {}
    }
    watchdog.abort();
    Ok(())
}

fn acceptor(app: &App) -> io::Result<Option<Acceptor>> {
    let store = app.certificates.as_ref().map(Arc::clone);
    store
        .map(|store| {
            store.follow();
            Acceptor::new(store, &app.config.tls).map_err(io::Error::other)
        })
        .transpose()
}

/// What an accepted connection needs.
#[derive(Clone)]
struct Server {
    app: Arc<App>,
    /// What ends TLS; there when there are certificates.
    tls: Option<Acceptor>,
    limits: Limits,
    stop: Stop,
    connections: TaskTracker,
}

impl Server {
    /// The accept loop of one listener. The socket is registered with the runtime here, so that a failure is one of the
    /// start and not of a task.
    fn acceptor(&mut self, listener: Listener) -> io::Result<impl Future<Output = ()> + use<>> {
        let Listener {
            socket,
            name,
            role,
            secure,
        } = listener;
        let acceptor = Accepting::new(socket)?;
        let server = self.clone();
        Ok(async move {
            let accepting = server.accept(&acceptor, |peer| ConnInfo {
                listener: Arc::clone(&name),
                role,
                peer,
                secure,
            });
            tokio::select! {
                () = accepting => {}
                () = server.stop.graceful.cancelled() => {}
            }
        })
    }

    async fn accept(&self, acceptor: &Accepting, conn: impl Fn(Peer) -> ConnInfo) {
        loop {
            match acceptor {
                Accepting::Tcp(listener) => match listener.accept().await {
                    Ok((stream, address)) => {
                        // Without it Nagle's algorithm holds an event back until the last one is acknowledged.
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, "no TCP_NODELAY on a connection that is gone");
                        }
                        self.serve(stream, conn(Peer::Tcp(address)));
                    }
                    Err(error) => recover(&error).await,
                },
                Accepting::Unix(_, listener) => match listener.accept().await {
                    Ok((stream, _)) => self.serve(stream, conn(Peer::Unix)),
                    Err(error) => recover(&error).await,
                },
            }
        }
    }

    fn serve(&self, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, conn: ConnInfo) {
        let Stop { graceful, now } = self.stop.clone();
        let peer = conn.peer;
        let tls = self.tls.clone().filter(|_| conn.secure);
        let (app, limits) = (Arc::clone(&self.app), self.limits);
        let serving = async move {
            match tls {
                None => proto::serve(io, conn, app, limits, graceful).await,
                Some(tls) => {
                    let io = tls.accept(io).await?;
                    proto::serve(io, conn, app, limits, graceful).await
                }
            }
        };
        self.connections.spawn(async move {
            let ended = tokio::select! {
                ended = serving => ended,
                () = now.cancelled() => Ok(()),
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, error = &*error, "a connection ended in an error");
            }
        });
    }

    /// Waits for the connections; those that are left after `graceful_timeout` are cut.
    async fn drain(&self) {
        self.app.streams.end_all();
        self.connections.close();
        let patience = self.app.config.graceful_timeout;
        tokio::select! {
            () = self.connections.wait() => return,
            () = tokio::time::sleep(patience) => {
                let left = self.connections.len();
                tracing::warn!(left, "connections are cut after `graceful_timeout`");
            }
            () = self.stop.now.cancelled() => {}
        }
        self.stop.now.cancel();
        self.connections.wait().await;
    }
}

enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(
        #[expect(dead_code, reason = "unlinks when dropped, before the socket closes")]
        Option<SocketFile>,
        tokio::net::UnixListener,
    ),
}

impl Accepting {
    fn new(socket: Socket) -> io::Result<Self> {
        Ok(match socket {
            Socket::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Socket::Unix(file, listener) => {
                Self::Unix(file, tokio::net::UnixListener::from_std(listener)?)
            }
        })
    }
}

/// After a failed accept: a connection that was gone before it was taken costs nothing; a process without descriptors
/// (EMFILE) waits for some to come back instead of spinning.
async fn recover(error: &io::Error) {
    let gone = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    );
    if !gone {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// Tells a service manager that asked for it that this runtime still runs its tasks and timers; one that hears nothing for
/// the whole time replaces the process.
async fn feed_watchdog() {
    let Some(time) = sd_notify::watchdog_enabled().filter(|time| !time.is_zero()) else {
        return;
    };
    // "a keep-alive notification message … every half of the time" (sd_watchdog_enabled(3))
    let mut ticks = tokio::time::interval(time / 2);
    loop {
        ticks.tick().await;
        notify(NotifyState::Watchdog);
    }
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager did not hear of the state");
    }
}

/// Long enough to cost nothing, short enough that a client's own connect timeout does not pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
