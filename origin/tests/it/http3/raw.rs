//! A client that writes frames as it likes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, ReadToEndError, RecvStream, SendStream,
    TransportConfig, VarInt,
};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::Quic;
pub(crate) use super::wire::{frame, get, headers, varint, with};
use crate::support::PATIENCE;
use crate::tls::Pki;

/// A QUIC connection with nothing sent on it yet.
pub(crate) struct Raw {
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: Connection,
}

/// How the origin ended what a client began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer of this status.
    Answer(u16),
    /// The stream was reset with this code.
    Reset(u64),
    /// The connection was closed with this code.
    Closed(u64),
    /// The connection was lost without a word.
    Lost,
}

impl Raw {
    pub(crate) async fn connect(quic: &Quic) -> Self {
        Self::connect_with(quic, TransportConfig::default()).await
    }

    pub(crate) async fn connect_with(quic: &Quic, transport: TransportConfig) -> Self {
        let address = quic.world.quic.expect("HTTP/3");
        Self::connect_at(quic, address, transport).await
    }

    /// Connects to the origin by way of another address.
    pub(crate) async fn connect_at(
        quic: &Quic,
        address: SocketAddr,
        transport: TransportConfig,
    ) -> Self {
        Self::connect_to(&quic.pki, address, transport).await
    }

    /// Connects to whoever has such a certificate.
    pub(crate) async fn connect_to(
        pki: &Pki,
        address: SocketAddr,
        transport: TransportConfig,
    ) -> Self {
        let config = client(pki, transport);
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
        let connecting = endpoint.connect_with(config, address, "origin.test");
        let connection = tokio::time::timeout(PATIENCE, connecting.expect("a valid name"));
        Self {
            endpoint,
            connection: connection.await.expect("in time").expect("a handshake"),
        }
    }

    /// Opens another connection from the same socket.
    pub(crate) async fn connect_again(&self, quic: &Quic) -> Result<Connection, ConnectionError> {
        let config = client(&quic.pki, TransportConfig::default());
        let address = quic.world.quic.expect("HTTP/3");
        let connecting = self.endpoint.connect_with(config, address, "origin.test");
        connecting.expect("a valid name").await
    }

    /// Sends these bytes on a stream of their own and ends it; how that went.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> End {
        let Ok((mut send, receive)) = self.connection.open_bi().await else {
            return self.end().await;
        };
        // The origin may have had enough before the end.
        let _ = send.write_all(bytes).await;
        let _ = send.finish();
        self.outcome(receive).await
    }

    /// Sends these bytes on a stream of one direction, which goes on or ends; how the connection ended.
    pub(crate) async fn uni(&self, bytes: &[u8], ends: bool) -> End {
        let mut send = self.connection.open_uni().await.expect("a stream");
        send.write_all(bytes).await.expect("room");
        if ends {
            send.finish().expect("open");
        }
        self.end().await
    }

    pub(crate) async fn open(&self, bytes: &[u8]) -> (SendStream, RecvStream) {
        let (mut send, receive) = self.connection.open_bi().await.expect("a stream");
        send.write_all(bytes).await.expect("room");
        (send, receive)
    }

    pub(crate) async fn outcome(&self, mut receive: RecvStream) -> End {
        let read = tokio::time::timeout(PATIENCE, receive.read_to_end(1 << 24));
        match read.await.expect("in time") {
            Ok(bytes) => End::Answer(status(&bytes)),
            Err(ReadToEndError::Read(quinn::ReadError::Reset(code))) => {
                End::Reset(code.into_inner())
            }
            Err(_) => self.end().await,
        }
    }

    /// Waits for the end of the connection.
    pub(crate) async fn end(&self) -> End {
        let closed = tokio::time::timeout(PATIENCE, self.connection.closed());
        match closed.await.expect("the connection ends") {
            ConnectionError::ApplicationClosed(close) => End::Closed(close.error_code.into_inner()),
            _ => End::Lost,
        }
    }
}

/// What a client needs to connect to whoever has such a certificate.
pub(crate) fn client(pki: &Pki, transport: TransportConfig) -> ClientConfig {
    let tls = QuicClientConfig::try_from(pki.client(&["h3"])).expect("TLS 1.3");
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport));
    config
}

/// A way to the origin. It can be cut, and what the origin says can be lost on it.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) keeping: JoinHandle<()>,
    pub(crate) loses: Arc<AtomicBool>,
}

pub(crate) async fn way(quic: &Quic) -> Way {
    let local = || UdpSocket::bind("127.0.0.1:0");
    let (near, far) = (
        local().await.expect("a socket"),
        local().await.expect("a socket"),
    );
    far.connect(quic.world.quic.expect("HTTP/3"))
        .await
        .expect("an address");
    let address = near.local_addr().expect("bound");
    let loses = Arc::new(AtomicBool::new(false));
    let lost = Arc::clone(&loses);
    let keeping = tokio::spawn(async move {
        let (mut out, mut back, mut client) = ([0; 2048], [0; 2048], None);
        loop {
            tokio::select! {
                Ok((length, from)) = near.recv_from(&mut out) => {
                    client = Some(from);
                    let _ = far.send(&out[..length]).await;
                }
                Ok(length) = far.recv(&mut back) => {
                    if !lost.load(Ordering::Relaxed) {
                        let _ = near.send_to(&back[..length], client.expect("it spoke first")).await;
                    }
                }
            }
        }
    });
    Way {
        address,
        keeping,
        loses,
    }
}

/// The status of a response whose first field it is, as the origin writes it: HEADERS, its length, two bytes of prefix, and one
/// that is indexed or two that name `:status` before the text.
fn status(bytes: &[u8]) -> u16 {
    let length = if bytes[1] < 0x40 { 1 } else { 2 };
    match &bytes[1 + length + 2..] {
        [0xd8, ..] => 103,
        [0xd9, ..] => 200,
        [0xda, ..] => 304,
        [0xdb, ..] => 404,
        [0xdc, ..] => 503,
        [0xff, index, ..] => [100, 204, 206, 302, 400, 403, 421, 425, 500][usize::from(*index)],
        [0x5f, _, 3, text @ ..] => {
            let text = std::str::from_utf8(&text[..3]).expect("digits");
            text.parse().expect("a status")
        }
        other => panic!("no status: {other:?}"),
    }
}

/// A transport whose streams may receive so much before they are read.
pub(crate) fn window(bytes: u32) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(bytes));
    transport
}

/// A transport that says so often that it is there.
pub(crate) fn lively() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_millis(100)));
    transport
}
