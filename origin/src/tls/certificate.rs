//! One certificate with its key: the one place where PEM is read for what the origin itself shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use origin_config::KeyPair;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate that can be shown, and what it says of itself.
#[derive(Debug)]
pub struct Certificate {
    /// The file of the chain.
    pub path: PathBuf,
    /// The DNS names that it is for, in lower case; `*.example.com` for every name one label below.
    pub names: Vec<String>,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
    pub(super) signed: Arc<CertifiedKey>,
}

/// Why a pair of files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is no PEM text.
    #[error("`{}` cannot be read as PEM", .path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("`{}` has no certificate in it", .0.display())]
    Empty(PathBuf),
    /// The first certificate of the file is none.
    #[error("the first certificate of `{}` is no X.509 certificate", .0.display())]
    Der(PathBuf),
    /// The key is of a kind that cannot sign here.
    #[error("the key in `{}` cannot be used: RSA from 2048 bits, P-256, P-384 and Ed25519 can", .path.display())]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// The files do not belong together.
    #[error("the key in `{}` is not that of the certificate in `{}`", .key.display(), .certificate.display())]
    Strangers {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// They cannot be read, or cannot be used together.
    pub fn read(pair: &KeyPair) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_file_iter(&pair.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(pem(&pair.certificate))?;
        let leaf = chain
            .first()
            .ok_or_else(|| CertificateError::Empty(pair.certificate.clone()))?;
        let (names, not_before, not_after) =
            facts(leaf).ok_or_else(|| CertificateError::Der(pair.certificate.clone()))?;
        let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(pem(&pair.key))?;
        let key = any_supported_type(&key).map_err(|source| CertificateError::Key {
            path: pair.key.clone(),
            source,
        })?;
        let signed = CertifiedKey::new(chain, key);
        // A kind of key that cannot tell is not refused for that.
        if matches!(
            signed.keys_match(),
            Err(rustls::Error::InconsistentKeys(
                rustls::InconsistentKeys::KeyMismatch
            ))
        ) {
            return Err(CertificateError::Strangers {
                certificate: pair.certificate.clone(),
                key: pair.key.clone(),
            });
        }
        Ok(Self {
            path: pair.certificate.clone(),
            names,
            not_before,
            not_after,
            signed: Arc::new(signed),
        })
    }

    /// Whether it is for this name, exactly or by a wildcard. `name` is in lower case.
    pub(super) fn is_for(&self, name: &str) -> bool {
        // A wildcard stands for exactly one label, the left-most (RFC 9525 section 6.3).
        let above = name.split_once('.').map(|(_, above)| above);
        self.names.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => above == Some(domain),
            None => own == name,
        })
    }
}

fn pem(path: &Path) -> impl FnOnce(rustls::pki_types::pem::Error) -> CertificateError {
    let path = path.to_owned();
    |source| CertificateError::Pem { path, source }
}

/// The names of a certificate, and the time in which it is valid.
fn facts(leaf: &CertificateDer<'_>) -> Option<(Vec<String>, Timestamp, Timestamp)> {
    let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
    let names = leaf.subject_alternative_name().ok().flatten();
    let names = names.map_or_else(Vec::new, |names| {
        let names = names.value.general_names.iter();
        names
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
                _ => None,
            })
            .collect()
    });
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let validity = leaf.validity();
    Some((names, at(validity.not_before)?, at(validity.not_after)?))
}
