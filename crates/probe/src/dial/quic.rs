//! QUIC connections, an endpoint (a UDP socket) for each.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::{
    ClientConfig, ConnectionError, Endpoint, TransportConfig, TransportErrorCode,
    crypto::rustls::{HandshakeData, QuicClientConfig},
};
use rustls::AlertDescription;

use super::{
    Way, race, server_name,
    trust::{Believed, Witness},
    way,
};
use crate::{ProbeError, Scheme, Stage, Target, Tls, Version, wait::Limit};

const VERSION: Version = Version::Http3;

/// A connection whose handshake has ended, and the endpoint that carries it.
pub(crate) struct Dialled {
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: quinn::Connection,
    pub(crate) tls: Option<Tls>,
    /// Resolution alone: UDP has no connection to wait for.
    pub(crate) connect: Duration,
}

/// Resolves, and ends the QUIC handshake. Idle connections end after 30 s (quinn's default) or the server's own shorter
/// time; nothing is sent to keep them up unless the target says so, because that would hide what the server does.
pub(crate) async fn dial(target: &Target, limit: Limit) -> Result<Dialled, ProbeError> {
    let unsupported = |reason| ProbeError::Unsupported {
        version: VERSION,
        reason,
    };
    if target.scheme == Scheme::Http {
        return Err(unsupported("QUIC has no form without TLS"));
    }
    let start = Instant::now();
    let Way::Addresses(addresses) = way(target, limit).await? else {
        return Err(unsupported("QUIC does not run over a Unix socket"));
    };
    let connect = start.elapsed();
    server_name(target)?;
    let believed = limit
        .on(
            Stage::Quic,
            Believed::load(&target.trust, VERSION, Stage::Quic),
        )
        .await??;
    let attempts = race(VERSION, addresses, |address| {
        let attempt = begin(&believed, address, target);
        async move { attempt?.end().await }
    });
    let (endpoint, connection, tls) = limit.on(Stage::Quic, attempts).await??;
    Ok(Dialled {
        endpoint,
        connection,
        tls: Some(tls),
        connect,
    })
}

struct Attempt {
    endpoint: Endpoint,
    connecting: quinn::Connecting,
    witness: Arc<Witness>,
}

fn begin(believed: &Believed, address: SocketAddr, target: &Target) -> Result<Attempt, ProbeError> {
    let failed = |error| ProbeError::failed(VERSION, Stage::Quic, error);
    let (config, witness) = believed
        .config(VERSION, &[&rustls::version::TLS13])
        .map_err(|error| ProbeError::failed(VERSION, Stage::Quic, error))?;
    let config = QuicClientConfig::try_from(config)
        .map_err(|error| ProbeError::failed(VERSION, Stage::Quic, error))?;
    let local: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(local)
        .map_err(|error| ProbeError::failed(VERSION, Stage::Connect, error))?;
    let mut config = ClientConfig::new(Arc::new(config));
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(target.keep_alive);
    config.transport_config(Arc::new(transport));
    let connecting = endpoint
        .connect_with(config, address, &target.host)
        .map_err(failed)?;
    Ok(Attempt {
        endpoint,
        connecting,
        witness,
    })
}

impl Attempt {
    async fn end(self) -> Result<(Endpoint, quinn::Connection, Tls), ProbeError> {
        let connection = self.connecting.await.map_err(|error| {
            self.witness
                .verdict(VERSION)
                .unwrap_or_else(|| refusal(error))
        })?;
        let alpn = connection
            .handshake_data()
            .and_then(|data| data.downcast::<HandshakeData>().ok())
            .and_then(|data| data.protocol)
            .map(|protocol| String::from_utf8_lossy(&protocol).into_owned());
        let tls = Tls {
            // RFC 9001, section 4.2: "Clients MUST NOT offer TLS versions older than 1.3."
            protocol: "TLSv1.3".to_owned(),
            cipher: None,
            group: None,
            alpn,
            chain: self.witness.chain(),
        };
        Ok((self.endpoint, connection, tls))
    }
}

fn refusal(error: ConnectionError) -> ProbeError {
    // RFC 9001, section 4.8: an alert becomes the QUIC error 0x0100 plus its description, whichever side raised it
    let no_protocol = TransportErrorCode::crypto(u8::from(AlertDescription::NoApplicationProtocol));
    let code = match &error {
        ConnectionError::TransportError(error) => Some(error.code),
        ConnectionError::ConnectionClosed(close) => Some(close.error_code),
        _ => None,
    };
    if code == Some(no_protocol) {
        return ProbeError::Alpn {
            version: VERSION,
            got: None,
        };
    }
    ProbeError::failed(VERSION, Stage::Quic, error)
}
