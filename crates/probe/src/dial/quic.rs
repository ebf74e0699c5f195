//! QUIC connections, an endpoint (a UDP socket) for each.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::{
    ClientConfig, ConnectionError, Endpoint, EndpointConfig, TokioRuntime, TransportConfig,
    TransportErrorCode,
    crypto::rustls::{HandshakeData, QuicClientConfig},
};
use rustls::{AlertDescription, client::Resumption};

use super::{
    Way, race, server_name,
    socket::{Seen, Watched},
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
    pub(crate) seen: Arc<Seen>,
}

/// How connections are made, with the witness of their certificates.
#[derive(Clone)]
pub(crate) struct Manner {
    config: ClientConfig,
    witness: Arc<Witness>,
}

impl Manner {
    /// One that keeps the tickets of its connections, and lets the next one send with its first flight.
    pub(crate) async fn resuming(target: &Target, limit: Limit) -> Result<Self, ProbeError> {
        Self::new(&believed(target, limit).await?, target, true)
    }

    fn new(believed: &Believed, target: &Target, resumes: bool) -> Result<Self, ProbeError> {
        let failed = |error| ProbeError::failed(VERSION, Stage::Quic, error);
        let (mut config, witness) = believed
            .config(VERSION, &[&rustls::version::TLS13])
            .map_err(failed)?;
        if resumes {
            config.resumption = Resumption::in_memory_sessions(TICKETS);
            config.enable_early_data = true;
        }
        let config = QuicClientConfig::try_from(config)
            .map_err(|error| ProbeError::failed(VERSION, Stage::Quic, error))?;
        let mut config = ClientConfig::new(Arc::new(config));
        let mut transport = TransportConfig::default();
        transport.keep_alive_interval(target.keep_alive);
        config.transport_config(Arc::new(transport));
        Ok(Self { config, witness })
    }
}

/// Resolves, and ends the QUIC handshake. Idle connections end after 30 s (quinn's default) or the server's own shorter
/// time; nothing is sent to keep them up unless the target says so, because that would hide what the server does.
pub(crate) async fn dial(
    target: &Target,
    limit: Limit,
    manner: Option<&Manner>,
) -> Result<Dialled, ProbeError> {
    let start = Instant::now();
    let addresses = addresses(target, limit).await?;
    let connect = start.elapsed();
    server_name(target)?;
    let believed = believed(target, limit).await?;
    let attempts = race(VERSION, addresses, |address| {
        let manner = match manner {
            Some(manner) => Ok(manner.clone()),
            // each has a witness of its own
            None => Manner::new(&believed, target, false),
        };
        let attempt = manner.and_then(|manner| begin(manner, address, &target.host));
        async move { attempt?.end().await }
    });
    let mut dialled = limit.on(Stage::Quic, attempts).await??;
    dialled.connect = connect;
    Ok(dialled)
}

/// Where QUIC goes to.
pub(crate) async fn addresses(
    target: &Target,
    limit: Limit,
) -> Result<Vec<SocketAddr>, ProbeError> {
    let unsupported = |reason| ProbeError::Unsupported {
        version: VERSION,
        reason,
    };
    if target.scheme == Scheme::Http {
        return Err(unsupported("QUIC has no form without TLS"));
    }
    match way(target, limit).await? {
        Way::Addresses(addresses) => Ok(addresses),
        Way::Unix(_) => Err(unsupported("QUIC does not run over a Unix socket")),
    }
}

async fn believed(target: &Target, limit: Limit) -> Result<Believed, ProbeError> {
    let believed = Believed::load(&target.trust, VERSION, Stage::Quic);
    limit.on(Stage::Quic, believed).await?
}

/// A connection that is being made.
pub(crate) struct Attempt {
    pub(crate) endpoint: Endpoint,
    pub(crate) connecting: quinn::Connecting,
    witness: Arc<Witness>,
    seen: Arc<Seen>,
}

/// Begins a connection from a socket of its own.
pub(crate) fn begin(
    manner: Manner,
    address: SocketAddr,
    host: &str,
) -> Result<Attempt, ProbeError> {
    let unusable = |error: io::Error| ProbeError::failed(VERSION, Stage::Connect, error);
    let seen = Arc::default();
    let socket = Watched::bind(any(address), &seen).map_err(unusable)?;
    let runtime = Arc::new(TokioRuntime);
    let endpoint = EndpointConfig::default();
    let endpoint = Endpoint::new_with_abstract_socket(endpoint, None, socket, runtime);
    let endpoint = endpoint.map_err(unusable)?;
    let connecting = endpoint
        .connect_with(manner.config, address, host)
        .map_err(|error| ProbeError::failed(VERSION, Stage::Quic, error))?;
    Ok(Attempt {
        endpoint,
        connecting,
        witness: manner.witness,
        seen,
    })
}

/// Any address of the family of `address`, and any port.
pub(crate) fn any(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

impl Attempt {
    async fn end(self) -> Result<Dialled, ProbeError> {
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
        Ok(Dialled {
            endpoint: self.endpoint,
            connection,
            tls: Some(tls),
            connect: Duration::ZERO,
            seen: self.seen,
        })
    }
}

/// How many tickets are kept: servers send up to four.
const TICKETS: usize = 8;

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
