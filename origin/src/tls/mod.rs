//! TLS: the origin's own certificates, and how those of others are judged.
//!
//! ring is the only provider, and it has no post-quantum key exchange: of what rustls offers the best is X25519. A provider
//! that has X25519MLKEM768 would bring it to every listener here, since nothing names a group.

mod accept;
mod certificate;
mod store;

use std::path::Path;
use std::sync::Arc;

use findings::{Finding, Report};
use origin_config::Tls;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub use accept::Acceptor;
pub(crate) use accept::config;
pub use certificate::{Certificate, CertificateError};
pub use store::Store;

/// What is wrong with the certificates of a configuration before the start.
pub fn check(tls: &Tls) -> Report {
    let mut report = Report::new();
    for pair in &tls.certificates {
        if let Err(error) = Certificate::read(pair) {
            let cause = std::error::Error::source(&error);
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            let finding = Finding::error("tls.certificate", format!("{error}{cause}"));
            report.push(finding.at("certfile"));
        }
    }
    report
}

/// How the certificates of others are judged: by those of `ca_file`, or of the system. No protocol is named in ALPN.
///
/// # Errors
/// What cannot be read, as a sentence for the operator.
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let name = path.display();
        let found = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("`{name}` cannot be read as PEM: {error}"))?;
        let (added, _) = roots.add_parsable_certificates(found);
        if added == 0 {
            return Err(format!("`{name}` has no certificate in it"));
        }
    } else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let hint = "install `ca-certificates`, or name one in `ca_file`";
            return Err(format!("this system has no certificates to trust: {hint}"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
