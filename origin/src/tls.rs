//! TLS towards others.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

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
