//! A UDP socket that speaks QUIC: how it is set up, whom it lets in, and how it is left.

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http3::Code;
use origin_config::OriginConfig;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    EndpointConfig, IdleTimeout, Incoming, Runtime as _, ServerConfig, TransportConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::runtime::Runtime;
use super::socket::{Shared, Socket};
use super::var_int;
use crate::current::Current;
use crate::listen::Udp;
use crate::quic_key::QuicKey;
use crate::tls::{self, Store};

/// What one shard has of a QUIC listener.
#[derive(Debug, Clone)]
pub struct Endpoint {
    inner: quinn::Endpoint,
    crowd: Arc<Crowd>,
    gate: Current<Gate>,
    key: QuicKey,
    shared: Arc<Shared>,
    shard: Handle,
    held: bool,
}

/// How many clients a listener has, all shards together.
#[derive(Debug, Default)]
struct Crowd {
    handshakes: AtomicUsize,
    connections: AtomicUsize,
}

/// When whom to let in.
#[derive(Debug, Clone, Copy)]
struct Gate {
    max_connections: usize,
    retry_above: usize,
    handshake_timeout: Duration,
}

impl Gate {
    fn new(config: &OriginConfig) -> Self {
        Self {
            max_connections: config.quic.max_connections as usize,
            retry_above: config.quic.retry_above as usize,
            handshake_timeout: config.tls.handshake_timeout,
        }
    }
}

impl Endpoint {
    /// Sets the sockets of one address up, on these runtimes in turn.
    ///
    /// # Errors
    /// The system refuses, or the provider lacks what QUIC needs.
    pub fn on_each(
        runtimes: &[Handle],
        udp: Udp,
        store: &Arc<Store>,
        config: &OriginConfig,
    ) -> io::Result<Vec<Self>> {
        let Udp { sockets, key, held } = udp;
        let places = runtimes.iter().cycle().zip(sockets).enumerate();
        let places: Vec<_> = places.collect();
        let keys: Vec<u64> = (0..places.len())
            .map(|number| key.connection_ids(number))
            .collect();
        let shared = Shared::new(&keys);
        let crowd = Arc::<Crowd>::default();
        let server = server(Arc::clone(store), &key, config)?;
        let endpoint = |(number, (shard, socket)): (usize, (&Handle, UdpSocket))| {
            let _entered = shard.enter();
            let ids = keys[number];
            let mut endpoint = EndpointConfig::new(key.reset());
            endpoint.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
            let runtime = Arc::new(Runtime);
            let socket = runtime.wrap_udp_socket(socket)?;
            let socket = Arc::new(Socket::new(socket, Arc::clone(&shared), number));
            Ok(Self {
                inner: quinn::Endpoint::new_with_abstract_socket(
                    endpoint,
                    Some(server.clone()),
                    socket,
                    runtime,
                )?,
                crowd: Arc::clone(&crowd),
                gate: Arc::new(Gate::new(config)).into(),
                key: key.clone(),
                shared: Arc::clone(&shared),
                shard: shard.clone(),
                held,
            })
        };
        places.into_iter().map(endpoint).collect()
    }

    /// New connections begin under this configuration; open ones go on as they began.
    ///
    /// # Errors
    /// The provider lacks what QUIC needs.
    pub fn configure(&self, store: Arc<Store>, config: &OriginConfig) -> io::Result<()> {
        let server = server(store, &self.key, config)?;
        self.inner.set_server_config(Some(server));
        self.gate.replace(Arc::new(Gate::new(config)));
        Ok(())
    }

    /// The runtime that it is on.
    pub fn shard(&self) -> &Handle {
        &self.shard
    }

    /// Waits for the next client that is let in; `None` when the endpoint is closed. What is returned does its handshake.
    pub async fn accept(
        &self,
    ) -> Option<impl Future<Output = io::Result<(quinn::Connection, Present)>> + use<>> {
        loop {
            let incoming = self.inner.accept().await?;
            if let Some(incoming) = self.admit(incoming) {
                return Some(self.handshake(incoming));
            }
        }
    }

    /// Sees to those who come while the origin drains, and gives the socket up when it has `drained`. Nobody accepts any more.
    pub fn leave(self, drained: CancellationToken) -> JoinHandle<()> {
        let shard = self.shard.clone();
        shard.spawn(async move {
            if self.held {
                drained.cancelled().await;
                self.hand_over().await;
            } else {
                self.turn_away(&drained).await;
            }
        })
    }

    /// Refuses whoever comes to a socket that ends with this process: a client that is told so looks elsewhere at once (RFC 9000
    /// section 5.2.2), one that hears nothing waits for its own timeout.
    async fn turn_away(&self, drained: &CancellationToken) {
        let refusing = async {
            while let Some(incoming) = self.inner.accept().await {
                incoming.refuse();
            }
        };
        tokio::select! {
            () = refusing => {}
            () = drained.cancelled() => {}
        }
        self.inner.close(var_int(Code::NO_ERROR), b"");
        // Nobody is lost who does not hear it: the peer's idle timeout ends the connection there.
        let _ = timeout(FAREWELL, self.inner.wait_idle()).await;
    }

    /// Leaves a socket to the process that comes after this one. It reads what is not read here; and who was read here and has had
    /// no answer is asked for the same again by a Retry, to which a client answers at once, where it would repeat itself
    /// after a second or more of its own accord (RFC 9002 section 6.2.2). The token is good there: the key is the same.
    async fn hand_over(&self) {
        let known = self.key.is_kept();
        // A client that did not hear of the end gets a stateless reset from the next process, if that knows its key.
        let patience = if known { LAST_WORD } else { FAREWELL };
        let _ = timeout(patience, self.inner.wait_idle()).await;
        self.shared.leave();
        while let Some(Some(incoming)) = self.inner.accept().now_or_never() {
            if !known {
                incoming.ignore();
            } else if let Err(error) = incoming.retry() {
                // It has a token already, and will come again with it.
                error.into_incoming().ignore();
            }
        }
    }

    fn admit(&self, incoming: Incoming) -> Option<Incoming> {
        let gate = self.gate.now();
        if self.crowd.connections.load(Ordering::Relaxed) >= gate.max_connections {
            tracing::warn!(peer = %incoming.remote_address(), "a connection is refused: there are `quic.max_connections`");
            incoming.refuse();
            return None;
        }
        // Until an address is validated quinn sends at most three times what came from it (RFC 9000 section 8.1), and keeps a
        // state for it; a Retry needs none (section 8.1.2).
        let busy = self.crowd.handshakes.load(Ordering::Relaxed) >= gate.retry_above;
        if busy && !incoming.remote_address_validated() && incoming.may_retry() {
            if let Err(error) = incoming.retry() {
                tracing::debug!(%error, "no Retry");
            }
            return None;
        }
        Some(incoming)
    }

    fn handshake(
        &self,
        incoming: Incoming,
    ) -> impl Future<Output = io::Result<(quinn::Connection, Present)>> + use<> {
        let begun = Begun::new(&self.crowd);
        let present = Present::new(&self.crowd);
        let patience = self.gate.now().handshake_timeout;
        async move {
            let _begun = begun;
            // Early data is off: rustls takes none unless it is told to (RFC 8470 is about what it would need).
            let Ok(connection) = timeout(patience, incoming).await else {
                let late = "the handshake took longer than `ssl_handshake_timeout`";
                return Err(io::Error::new(io::ErrorKind::TimedOut, late));
            };
            Ok((connection?, present))
        }
    }
}

/// A handshake on its way.
struct Begun(Arc<Crowd>);

impl Begun {
    fn new(crowd: &Arc<Crowd>) -> Self {
        crowd.handshakes.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(crowd))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client that was let in, from its handshake to its end.
#[derive(Debug)]
pub struct Present(Arc<Crowd>);

impl Present {
    fn new(crowd: &Arc<Crowd>) -> Self {
        crowd.connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(crowd))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn server(store: Arc<Store>, key: &QuicKey, config: &OriginConfig) -> io::Result<ServerConfig> {
    let tls = tls::config(store, ["h3"].into_iter()).map_err(io::Error::other)?;
    let crypto = QuicServerConfig::try_from(tls).map_err(io::Error::other)?;
    let mut server = ServerConfig::new(Arc::new(crypto), key.token());
    server.transport_config(Arc::new(transport(config)));
    server
        .max_incoming(WAITING)
        .incoming_buffer_size(FIRST_FLIGHT)
        .incoming_buffer_size_total(FIRST_FLIGHTS);
    Ok(server)
}

/// Segmentation offload and MTU discovery stay on, as quinn has them: without the first an answer of 100 kB was measured at
/// 2.8 times the cost.
fn transport(config: &OriginConfig) -> TransportConfig {
    let quic = &config.quic;
    let window = |bytes: u64| VarInt::from_u64(bytes).unwrap_or(VarInt::MAX);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(quic.max_concurrent_streams))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS))
        .stream_receive_window(window(quic.stream_receive_window))
        .receive_window(window(quic.receive_window))
        .send_window(quic.send_window)
        .max_idle_timeout(IdleTimeout::try_from(quic.idle_timeout).ok())
        .datagram_receive_buffer_size(None);
    transport
}

/// Control, the two of QPACK, and some that we do not know: "at least three" (RFC 9114 section 6.2).
const UNI_STREAMS: u32 = 16;

/// A connection that is closed is forgotten after three probe timeouts (RFC 9000 section 10.2), which a round trip of 100 ms
/// makes a second.
const FAREWELL: Duration = Duration::from_secs(1);

/// What is said at the end of a connection leaves at the next turn of its thread.
const LAST_WORD: Duration = Duration::from_millis(20);

/// So many clients wait for their first answer, at a time that is short but for a drain: the ones after them are not read, and come
/// again. Each is a datagram.
const WAITING: usize = 1024;

/// What a client may have sent before it is answered, without early data: a hello that fills several datagrams, and that again.
const FIRST_FLIGHT: u64 = 16 << 10;

/// Of all of them together.
const FIRST_FLIGHTS: u64 = 4 << 20;
