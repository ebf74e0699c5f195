//! TLS taken off TCP connections and Unix sockets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use origin_config::Tls;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Store;

/// What ends TLS for every listener of `bind`.
#[derive(Clone)]
pub struct Acceptor {
    acceptor: TlsAcceptor,
    patience: Duration,
}

impl Acceptor {
    /// Shows the certificates of `store`.
    ///
    /// # Errors
    /// The provider lacks what TLS needs.
    pub fn new(store: Arc<Store>, tls: &Tls) -> Result<Self, rustls::Error> {
        let protocols = tls.alpn_protocols.iter();
        let protocols = protocols.map(|protocol| protocol.as_str());
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config(store, protocols)?)),
            patience: tls.handshake_timeout,
        })
    }

    /// Does the handshake.
    ///
    /// # Errors
    /// It failed, or took longer than `ssl_handshake_timeout`.
    pub async fn accept<S>(&self, io: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(self.patience, self.acceptor.accept(io))
            .await
            .unwrap_or_else(|_| {
                let late = "the handshake took longer than `ssl_handshake_timeout`";
                Err(io::Error::new(io::ErrorKind::TimedOut, late))
            })
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// TLS 1.2 and 1.3 with these protocols, no early data.
pub(crate) fn config<'a>(
    store: Arc<Store>,
    protocols: impl Iterator<Item = &'a str>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(store);
    config.alpn_protocols = protocols
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    Ok(config)
}
