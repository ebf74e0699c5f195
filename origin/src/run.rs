//! Run, then drain.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use sd_notify::NotifyState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::conn::{self, ConnInfo, Peer, Role};
use crate::listen::{Listener, Socket, SocketFile};
use crate::proto::{self, Endpoint, Limits};
use crate::quic_key::QuicKey;
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
    let server = Server {
        app: Arc::clone(&app),
        tls: acceptor(&app)?,
        limits: Limits::new(&app.config),
        stop: stop.clone(),
        connections: TaskTracker::new(),
    };
    let alternative = alternative(&app, &listeners);
    let (acceptors, mut endpoints) = (TaskTracker::new(), Vec::new());
    for listener in listeners {
        let Listener {
            socket,
            name,
            role,
            secure,
        } = listener;
        let conn = Arrival {
            name,
            role,
            secure,
            alternative: alternative.clone().filter(|_| secure),
        };
        match socket {
            Socket::Udp(socket, key) => {
                let endpoint = server.endpoint(socket, &key)?;
                acceptors.spawn(server.clone().accept_quic(endpoint.clone(), conn));
                endpoints.push(endpoint);
            }
            Socket::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                acceptors.spawn(server.acceptor(Accepting::Tcp(listener), conn));
            }
            Socket::Unix(file, listener) => {
                let listener = tokio::net::UnixListener::from_std(listener)?;
                acceptors.spawn(server.acceptor(Accepting::Unix(file, listener), conn));
            }
        }
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
    for endpoint in &endpoints {
        let endpoint = endpoint.clone();
        tokio::spawn(async move { endpoint.refuse().await });
    }
    server.drain().await;
    for endpoint in endpoints {
        endpoint.close().await;
    }
    wheel.abort();
    tokio::select! {
        // The servers are told to end first, also when nobody waits for it.
        biased;
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
    /// The accept loop of one listener.
    fn acceptor(&self, acceptor: Accepting, conn: Arrival) -> impl Future<Output = ()> + use<> {
        let server = self.clone();
        async move {
            tokio::select! {
                () = server.accept(&acceptor, |peer| conn.of(peer)) => {}
                () = server.stop.graceful.cancelled() => {}
            }
        }
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
                        self.serve(stream, conn(Peer::Ip(address)));
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

    fn serve(
        &self,
        mut io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        mut conn: ConnInfo,
    ) {
        let Stop { graceful, now } = self.stop.clone();
        let peer = conn.peer;
        let tls = self.tls.clone().filter(|_| conn.secure);
        let (app, limits) = (Arc::clone(&self.app), self.limits);
        let serving = async move {
            let proxies = &app.config.proxy_protocol;
            if conn.role == Role::Public && peer.is_one_of(proxies) {
                match conn::named(&mut io, peer).await {
                    Ok(client) => conn.peer = client,
                    Err(refused) => {
                        refused.tell(peer);
                        return Ok(());
                    }
                }
            }
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

    fn endpoint(&self, socket: UdpSocket, key: &QuicKey) -> io::Result<Endpoint> {
        let store = self.app.certificates.as_ref().map(Arc::clone);
        let store = store.ok_or_else(|| io::Error::other("HTTP/3 needs a certificate"))?;
        Endpoint::new(socket, store, key, &self.app.config)
    }

    async fn accept_quic(self, endpoint: Endpoint, conn: Arrival) {
        loop {
            let handshake = tokio::select! {
                handshake = endpoint.accept() => handshake,
                () = self.stop.graceful.cancelled() => return,
            };
            let Some(handshake) = handshake else { return };
            let (server, conn) = (self.clone(), conn.clone());
            self.connections.spawn(async move {
                let Stop { graceful, now } = server.stop;
                let serving = async {
                    let connection = handshake.await?;
                    let conn = conn.of(Peer::Ip(connection.remote_address()));
                    proto::serve_quic(connection, conn, server.app, server.limits, graceful).await
                };
                let ended = tokio::select! {
                    ended = serving => ended,
                    () = now.cancelled() => Ok(()),
                };
                if let Err(error) = ended {
                    tracing::debug!(error = &*error, "a QUIC connection ended");
                }
            });
        }
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

/// What a listener says of every connection that it accepts.
#[derive(Debug, Clone)]
struct Arrival {
    name: Arc<str>,
    role: Role,
    secure: bool,
    alternative: Option<HeaderValue>,
}

impl Arrival {
    fn of(&self, peer: Peer) -> ConnInfo {
        ConnInfo {
            listener: Arc::clone(&self.name),
            role: self.role,
            peer,
            secure: self.secure,
            alternative: self.alternative.clone(),
        }
    }
}

/// What `Alt-Svc` says: the words of the configuration, else where HTTP/3 is.
fn alternative(app: &App, listeners: &[Listener]) -> Option<HeaderValue> {
    let words = &app.config.quic.alt_svc;
    let text = if words.is_empty() {
        let mut sockets = listeners.iter().map(|listener| &listener.socket);
        let port = sockets.find_map(|socket| match socket {
            Socket::Udp(socket, _) => socket.local_addr().ok().map(|address| address.port()),
            Socket::Tcp(_) | Socket::Unix(..) => None,
        })?;
        // Hypercorn's words.
        format!("h3=\":{port}\"; ma=3600")
    } else {
        words.join(", ")
    };
    HeaderValue::from_str(&text).ok()
}

enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(
        #[expect(dead_code, reason = "unlinks when dropped, before the socket closes")]
        Option<SocketFile>,
        tokio::net::UnixListener,
    ),
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
