//! Run, then drain.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::HeaderValue;
use origin_config::{OriginConfig, Reload};
use sd_notify::NotifyState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::conn::{self, ConnInfo, Peer, Role};
use crate::current::Current;
use crate::heed::Until;
use crate::listen::{Listener, Socket, SocketFile, Udp};
use crate::proto::{self, Endpoint, Limits};
use crate::shards::{self, Shards};
use crate::tls::{Acceptor, CertificateError, Store};
use crate::watchdog;

pub use crate::stop::Stop;

/// Serves `listeners` until `stop`, and has drained when it returns: no connection is open, no socket file is left, and
/// the MCP servers have ended.
///
/// Every configuration that comes by `changes` is taken up at once, as far as a running origin can. With nobody to send one it
/// keeps the one that it has.
pub async fn run(
    app: Arc<App>,
    listeners: Vec<Listener>,
    stop: Stop,
    mut changes: mpsc::Receiver<Change>,
) -> io::Result<()> {
    if let Some(store) = &app.certificates {
        store.follow();
    }
    let quic_port = quic_port(&listeners);
    let server = Server {
        terms: Arc::new(Terms::new(
            &app.config,
            app.certificates.as_ref(),
            quic_port,
        )?)
        .into(),
        app: Arc::clone(&app).into(),
        stop: stop.clone(),
        connections: TaskTracker::new(),
    };
    let shards = listeners.iter().any(|listener| listener.secure);
    let shards = Shards::start(if shards { shards::cores() } else { 0 })?;
    let (acceptors, mut endpoints) = (TaskTracker::new(), Vec::new());
    for listener in listeners {
        let Listener {
            socket,
            name,
            role,
            secure,
        } = listener;
        let conn = Arrival { name, role, secure };
        match socket {
            Socket::Udp(udp) => {
                let each = server.endpoints(shards.handles(), udp)?;
                for endpoint in &each {
                    let accepting = server.clone().accept_quic(endpoint.clone(), conn.clone());
                    acceptors.spawn_on(accepting, endpoint.shard());
                }
                endpoints.extend(each);
            }
            Socket::Tcp(listener) if secure => {
                for shard in shards.handles() {
                    let _entered = shard.enter();
                    let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
                    let accepting = server.acceptor(Accepting::Tcp(listener), conn.clone());
                    acceptors.spawn_on(accepting, shard);
                }
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
    let watchdog = signs_of_life(shards.handles().to_vec()).map(tokio::spawn);

    loop {
        tokio::select! {
            () = stop.graceful.cancelled() => break,
            () = stop.now.cancelled() => break stop.graceful.cancel(),
            Some(Change { config, outcome }) = changes.recv() => {
                let (server, endpoints) = (server.clone(), endpoints.clone());
                // Certificates and keys are files.
                tokio::task::spawn_blocking(move || {
                    // Who does not wait for it finds it in the log.
                    let _ = outcome.send(server.take_up(config, &endpoints, quic_port));
                });
            }
        }
    }
    notify(NotifyState::Stopping);
    acceptors.wait().await;
    let drained = CancellationToken::new();
    let leaving = endpoints.into_iter();
    let leaving: Vec<_> = leaving
        .map(|endpoint| endpoint.leave(drained.clone()))
        .collect();
    server.drain().await;
    drained.cancel();
    for endpoint in leaving {
        // A panic that was not caught is in the log.
        let _ = endpoint.await;
    }
    wheel.abort();
    tokio::select! {
        // The servers are told to end first, also when nobody waits for it.
        biased;
        () = app.upstreams.shutdown() => {}
        () = stop.now.cancelled() => {}
    }
    if let Some(watchdog) = watchdog {
        watchdog.abort();
    }
    shards.end().await;
    Ok(())
}

/// A new configuration for a running origin.
#[derive(Debug)]
pub struct Change {
    /// The configuration, checked.
    pub config: OriginConfig,
    /// Who waits for what came of it.
    pub outcome: oneshot::Sender<Result<Reload, ChangeError>>,
}

/// Why a configuration was not taken up. Nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A certificate cannot be used. The words are those of the cause.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS cannot be set up as it says.
    #[error("TLS cannot be set up")]
    Tls(#[from] io::Error),
}

/// What a connection begins with and keeps; after a reload the next one begins with other terms.
#[derive(Debug)]
struct Terms {
    /// What ends TLS; there when there are certificates.
    tls: Option<Acceptor>,
    limits: Limits,
    /// What `Alt-Svc` says.
    alternative: Option<Arc<HeaderValue>>,
}

impl Terms {
    fn new(
        config: &OriginConfig,
        store: Option<&Arc<Store>>,
        quic_port: Option<u16>,
    ) -> io::Result<Self> {
        let tls = store.map(|store| Acceptor::new(Arc::clone(store), &config.tls));
        Ok(Self {
            tls: tls.transpose().map_err(io::Error::other)?,
            limits: Limits::new(config),
            alternative: alternative(config, quic_port).map(Arc::new),
        })
    }
}

/// What an accepted connection needs.
#[derive(Clone)]
struct Server {
    app: Current<App>,
    terms: Current<Terms>,
    stop: Stop,
    connections: TaskTracker,
}

impl Server {
    /// Takes a configuration up, as far as this is possible without a start: all of that, or nothing.
    fn take_up(
        &self,
        config: OriginConfig,
        endpoints: &[Endpoint],
        quic_port: Option<u16>,
    ) -> Result<Reload, ChangeError> {
        let app = self.app.now();
        let reload = origin_config::reload(&app.config, config);
        let config = &reload.config;
        let store = app.certificates.as_ref();
        let terms = Terms::new(config, store, quic_port)?;
        if let Some(store) = store {
            store.replace(&config.tls.certificates)?;
            for endpoint in endpoints {
                endpoint.configure(Arc::clone(store), config)?;
            }
        }
        self.terms.replace(Arc::new(terms));
        self.app.replace(app.succeed(reload.clone()));
        Ok(reload)
    }

    /// The accept loop of one listener.
    fn acceptor(&self, acceptor: Accepting, conn: Arrival) -> impl Future<Output = ()> + use<> {
        let server = self.clone();
        async move {
            tokio::select! {
                () = server.accept(&acceptor, &conn) => {}
                () = server.stop.graceful.cancelled() => {}
            }
        }
    }

    async fn accept(&self, acceptor: &Accepting, conn: &Arrival) {
        loop {
            match acceptor {
                Accepting::Tcp(listener) => match listener.accept().await {
                    Ok((stream, address)) => {
                        // Without it Nagle's algorithm holds an event back until the last one is acknowledged.
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%error, "no TCP_NODELAY on a connection that is gone");
                        }
                        self.serve(stream, conn, Peer::Ip(address));
                    }
                    Err(error) => recover(&error).await,
                },
                Accepting::Unix(_, listener) => match listener.accept().await {
                    Ok((stream, _)) => self.serve(stream, conn, Peer::Unix),
                    Err(error) => recover(&error).await,
                },
            }
        }
    }

    fn serve(
        &self,
        mut io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        arrival: &Arrival,
        peer: Peer,
    ) {
        let stop = self.stop.clone();
        let terms = self.terms.now();
        let mut conn = arrival.of(peer, &terms);
        let tls = terms.tls.clone().filter(|_| conn.secure);
        let (app, limits) = (self.app.clone(), terms.limits);
        let is_proxy = peer.is_one_of(&app.now().config.proxy_protocol);
        let is_proxied = conn.role == Role::Public && is_proxy;
        if tls.is_none() && !is_proxied {
            self.connections
                .spawn(proto::serve(io, conn, app, limits, stop));
            return;
        }
        let serving = async move {
            if is_proxied {
                match Box::pin(begun(&stop.graceful, conn::named(&mut io, peer))).await? {
                    Ok(client) => conn.peer = client,
                    Err(refused) => {
                        refused.tell(peer);
                        return Ok(());
                    }
                }
            }
            // In boxes: a connection keeps room for the way that it went, not for the longest that there is.
            match tls {
                None => Box::pin(proto::serve(io, conn, app, limits, stop)).await,
                Some(tls) => {
                    let io = Box::pin(begun(&stop.graceful, tls.accept(io))).await??;
                    Box::pin(proto::serve(io, conn, app, limits, stop)).await
                }
            }
        };
        let serving = Until::new(self.stop.now.clone(), serving);
        self.connections.spawn(serving.map(move |ended| {
            if let Some(Err(error)) = ended {
                tracing::debug!(%peer, error = &*error, "a connection ended in an error");
            }
        }));
    }

    fn endpoints(&self, shards: &[Handle], udp: Udp) -> io::Result<Vec<Endpoint>> {
        let app = self.app.now();
        let store = app.certificates.as_ref();
        let store = store.ok_or_else(|| io::Error::other("HTTP/3 needs a certificate"))?;
        Endpoint::on_each(shards, udp, store, &app.config)
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
                    let (connection, _present) = Box::pin(begun(&graceful, handshake)).await??;
                    let terms = server.terms.now();
                    let conn = conn.of(Peer::Ip(connection.remote_address()), &terms);
                    proto::serve_quic(connection, conn, server.app, terms.limits, graceful).await
                };
                if let Some(Err(error)) = Until::new(now, serving).await {
                    tracing::debug!(error = &*error, "a QUIC connection ended");
                }
            });
        }
    }

    /// Waits for the connections; those that are left after `graceful_timeout` are cut.
    async fn drain(&self) {
        let app = self.app.now();
        app.streams.end_all();
        self.connections.close();
        let patience = app.config.graceful_timeout;
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

/// Waits for what a connection begins with. When the origin ends, a client in the middle of it has a moment more: one that says
/// nothing must not hold up the end, nor the start of the origin that comes after.
async fn begun<T>(stop: &CancellationToken, beginning: impl Future<Output = T>) -> io::Result<T> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(BEGINNING).await;
    };
    tokio::select! {
        begun = beginning => Ok(begun),
        () = late => Err(io::Error::new(io::ErrorKind::TimedOut, "it did not begin before the origin ended")),
    }
}

/// What a listener says of every connection that it accepts.
#[derive(Debug, Clone)]
struct Arrival {
    name: Arc<str>,
    role: Role,
    secure: bool,
}

impl Arrival {
    fn of(&self, peer: Peer, terms: &Terms) -> ConnInfo {
        ConnInfo {
            listener: Arc::clone(&self.name),
            role: self.role,
            peer,
            secure: self.secure,
            alternative: terms.alternative.clone().filter(|_| self.secure),
        }
    }
}

/// The port of the first UDP socket.
fn quic_port(listeners: &[Listener]) -> Option<u16> {
    let mut sockets = listeners.iter().map(|listener| &listener.socket);
    sockets.find_map(|socket| match socket {
        Socket::Udp(udp) => {
            let address = udp.sockets.first()?.local_addr().ok()?;
            Some(address.port())
        }
        Socket::Tcp(_) | Socket::Unix(..) => None,
    })
}

/// What `Alt-Svc` says: the words of the configuration, else where HTTP/3 is.
fn alternative(config: &OriginConfig, quic_port: Option<u16>) -> Option<HeaderValue> {
    let words = &config.quic.alt_svc;
    let text = if words.is_empty() {
        let port = quic_port?;
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

/// What tells a service manager that asked for it that this runtime and the shards still run their tasks.
fn signs_of_life(shards: Vec<Handle>) -> Option<impl Future<Output = ()>> {
    let time = sd_notify::watchdog_enabled().filter(|time| !time.is_zero())?;
    let say = || notify(NotifyState::Watchdog);
    Some(watchdog::feed(time, shards, say))
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager did not hear of the state");
    }
}

/// A handshake of TLS takes two round trips: half a second each is a satellite's.
const BEGINNING: Duration = Duration::from_secs(1);

/// Long enough to cost nothing, short enough that a client's own connect timeout does not pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
