//! TCP and Unix sockets, with TLS or in clear.

use std::{
    error::Error,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{AlertDescription, ClientConnection, ProtocolVersion};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use super::{Way, race, server_name, trust::Believed, way};
use crate::{ProbeError, Scheme, Stage, Target, Tls, Version, wait::Limit};

/// Bytes both ways.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A stream that stands.
pub(crate) struct Dialled {
    pub(crate) io: Box<dyn Io>,
    pub(crate) tls: Option<Tls>,
    pub(crate) connect: Duration,
}

/// Connects, and ends the TLS handshake where the scheme has one.
pub(crate) async fn dial(target: &Target, limit: Limit) -> Result<Dialled, ProbeError> {
    let version = limit.version;
    let start = Instant::now();
    let io: Box<dyn Io> = match way(target, limit).await? {
        Way::Unix(path) => Box::new(
            limit
                .try_on(Stage::Connect, UnixStream::connect(path))
                .await?,
        ),
        Way::Addresses(addresses) => {
            let connected = race(version, addresses, move |address| async move {
                TcpStream::connect(address)
                    .await
                    .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
                    .map_err(|error| ProbeError::failed(version, Stage::Connect, error))
            });
            Box::new(limit.on(Stage::Connect, connected).await??)
        }
    };
    let connect = start.elapsed();
    let (io, tls) = match target.scheme {
        Scheme::Http => (io, None),
        Scheme::Https => {
            let (io, tls) = limit
                .on(Stage::Tls, handshake(target, version, io))
                .await??;
            (io, Some(tls))
        }
    };
    Ok(Dialled { io, tls, connect })
}

async fn handshake(
    target: &Target,
    version: Version,
    io: Box<dyn Io>,
) -> Result<(Box<dyn Io>, Tls), ProbeError> {
    let name = server_name(target)?;
    let believed = Believed::load(&target.trust, version, Stage::Tls).await?;
    let (config, witness) = believed
        .config(version, rustls::ALL_VERSIONS)
        .map_err(|error| ProbeError::failed(version, Stage::Tls, error))?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, io)
        .await
        .map_err(|error| {
            witness
                .verdict(version)
                .unwrap_or_else(|| refusal(version, error))
        })?;
    let tls = describe(stream.get_ref().1);
    // a server without ALPN speaks HTTP/1.1; HTTP/2 over TLS exists by ALPN alone (RFC 9113, section 3.2)
    match tls.alpn.as_deref() {
        None if version == Version::Http1 => {}
        Some(chosen) if chosen == version.alpn() => {}
        other => {
            return Err(ProbeError::Alpn {
                version,
                got: other.map(str::to_owned),
            });
        }
    }
    Ok((Box::new(stream), tls))
}

fn refusal(version: Version, error: io::Error) -> ProbeError {
    let alert = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match alert {
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            ProbeError::Alpn { version, got: None }
        }
        _ => ProbeError::failed(
            version,
            Stage::Tls,
            Box::<dyn Error + Send + Sync>::from(error),
        ),
    }
}

fn describe(connection: &ClientConnection) -> Tls {
    Tls {
        protocol: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        },
        cipher: connection.negotiated_cipher_suite().map(|suite| {
            let name = format!("{:?}", suite.suite());
            // rustls writes its own prefix where the registry of IANA has TLS_
            name.replacen("TLS13_", "TLS_", 1)
        }),
        group: connection
            .negotiated_key_exchange_group()
            .map(|group| format!("{:?}", group.name())),
        alpn: connection
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
        chain: connection
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|certificate| certificate.clone().into_owned())
            .collect(),
    }
}
