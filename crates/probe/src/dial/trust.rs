//! TLS configurations whose verifier remembers what it was shown: the chain and the verdict are needed even where the
//! handshake fails, and a QUIC error does not carry them.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{ProbeError, Stage, Trust, Version, certificate};

/// Whom to believe, with the roots read once.
pub(super) struct Believed {
    provider: Arc<CryptoProvider>,
    /// Nothing where anyone is believed.
    judge: Option<Arc<WebPkiServerVerifier>>,
}

/// A verifier for one handshake.
#[derive(Debug)]
pub(super) struct Witness {
    provider: Arc<CryptoProvider>,
    judge: Option<Arc<WebPkiServerVerifier>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    refused: Option<rustls::Error>,
}

impl Believed {
    /// Reads the roots. `stage` is the handshake that they are for.
    pub(super) async fn load(
        trust: &Trust,
        version: Version,
        stage: Stage,
    ) -> Result<Self, ProbeError> {
        let failed = |error| ProbeError::failed(version, stage, error);
        let judge = read_roots(trust).await.map_err(failed)?;
        Ok(Self {
            provider: Arc::new(ring::default_provider()),
            judge,
        })
    }

    /// A configuration for one handshake. Sessions are never resumed: each one shows its certificate and its whole price.
    pub(super) fn config(
        &self,
        version: Version,
        tls: &[&'static SupportedProtocolVersion],
    ) -> Result<(ClientConfig, Arc<Witness>), rustls::Error> {
        let witness = Arc::new(Witness {
            provider: self.provider.clone(),
            judge: self.judge.clone(),
            seen: Mutex::default(),
        });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(tls)?
            .dangerous()
            .with_custom_certificate_verifier(witness.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![version.alpn().as_bytes().to_vec()];
        config.resumption = Resumption::disabled();
        Ok((config, witness))
    }
}

/// The verifier with the roots of a trust; nothing where anyone is believed.
pub(crate) async fn read_roots(
    trust: &Trust,
) -> Result<Option<Arc<WebPkiServerVerifier>>, Box<dyn Error + Send + Sync>> {
    let roots = match trust {
        Trust::Any => return Ok(None),
        Trust::Read(read) => return Ok(Some(read.0.clone())),
        Trust::Roots(roots) => certificate::root_store(roots)?,
        // a few hundred files are read here
        Trust::System => tokio::task::spawn_blocking(system_roots).await?,
    };
    Ok(Some(certificate::verifier(roots)?))
}

/// The roots of this machine; certificates that are unusable are left out, as every client does. None at all means that
/// nobody is trusted.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

impl Witness {
    /// What the server sent, its own certificate first.
    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.seen().chain.clone()
    }

    /// The error of a handshake that failed because of the certificate; nothing if it failed for another reason.
    pub(super) fn verdict(&self, version: Version) -> Option<ProbeError> {
        let mut seen = self.seen();
        let source = seen.refused.take()?;
        Some(ProbeError::Certificate {
            version,
            chain: std::mem::take(&mut seen.chain),
            source,
        })
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self
            .judge
            .as_ref()
            .map_or(Ok(ServerCertVerified::assertion()), |judge| {
                judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            });
        let mut seen = self.seen();
        seen.chain = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        seen.refused = verdict.as_ref().err().cloned();
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
