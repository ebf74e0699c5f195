//! Certificates and keys: reading them from PEM, what a leaf says, and what a chain is worth.

use std::{net::IpAddr, sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    sign::CertifiedKey,
};
use x509_parser::{
    extensions::GeneralName,
    prelude::{FromDer, X509Certificate},
};

/// Why a certificate or a key says nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The text is no PEM.
    #[error("this is no PEM text")]
    Pem(#[source] std::io::Error),
    /// The PEM text holds no certificate.
    #[error("there is no certificate in the PEM text")]
    NoCertificate,
    /// The PEM text holds no private key, or one that is encrypted.
    #[error("there is no unencrypted private key in the PEM text")]
    NoKey,
    /// The bytes are no X.509 certificate.
    #[error("certificate {place} is no X.509 certificate")]
    Der {
        /// Which of the chain, from 1.
        place: usize,
        /// What the parser says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The key is of a kind that cannot sign here (RSA from 2048 bits, P-256, P-384 and Ed25519 can).
    #[error("the private key cannot be used")]
    Key(#[source] rustls::Error),
    /// The chain does not lead to a root, or not for this name, or not at this time.
    #[error("the chain is not trusted")]
    Untrusted(#[source] rustls::Error),
    /// The roots are not usable as roots.
    #[error("the roots cannot be used")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The name is neither a DNS name nor an address.
    #[error("`{name}` is neither a DNS name nor an address")]
    Name {
        /// The name.
        name: String,
    },
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Seconds since the UNIX epoch from which it is valid.
    pub not_before: i64,
    /// Seconds since the UNIX epoch until which it is valid.
    pub not_after: i64,
    /// Its DNS names and addresses (subject alternative names; a common name counts for nothing, RFC 9525).
    pub names: Vec<String>,
    /// Its subject as a distinguished name.
    pub subject: String,
    /// Its issuer as a distinguished name.
    pub issuer: String,
    /// Whether issuer and subject are the same.
    pub self_issued: bool,
    /// Whether it may issue others (basic constraints).
    pub is_ca: bool,
}

// rustls-pemfile is archived upstream (RUSTSEC-2025-0134: unmaintained, no fault known). These two functions are the
// one place that uses it; the way out is `rustls::pki_types::pem::PemObject`, which has the same parser.

/// The certificates of a PEM text, in its order; other sections are passed over.
///
/// Errors: [`CertificateError::Pem`] and [`CertificateError::NoCertificate`].
pub fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Vec<_> = rustls_pemfile::certs(&mut &*pem)
        .collect::<Result<_, _>>()
        .map_err(CertificateError::Pem)?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    Ok(chain)
}

/// The first private key of a PEM text: PKCS #8, PKCS #1 or SEC 1, not encrypted.
///
/// Errors: [`CertificateError::Pem`] and [`CertificateError::NoKey`].
pub fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, CertificateError> {
    rustls_pemfile::private_key(&mut &*pem)
        .map_err(CertificateError::Pem)?
        .ok_or(CertificateError::NoKey)
}

/// What a certificate says of itself; nothing of it is checked.
///
/// Errors: [`CertificateError::Der`].
pub fn facts(certificate: &CertificateDer<'_>) -> Result<Facts, CertificateError> {
    let certificate = parse(certificate, 1)?;
    let names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|names| names.value.general_names.iter().filter_map(name).collect())
        .unwrap_or_default();
    Ok(Facts {
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        names,
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
        is_ca: certificate.is_ca(),
    })
}

/// Whether the key belongs to the first certificate of the chain.
///
/// Errors: [`CertificateError::NoCertificate`] for an empty chain, [`CertificateError::Der`], [`CertificateError::Key`].
pub fn key_matches(
    chain: &[CertificateDer<'static>],
    key: &PrivateKeyDer<'_>,
) -> Result<bool, CertificateError> {
    let leaf = chain.first().ok_or(CertificateError::NoCertificate)?;
    parse(leaf, 1)?;
    let key = ring::sign::any_supported_type(key).map_err(CertificateError::Key)?;
    match CertifiedKey::new(chain.to_vec(), key).keys_match() {
        Ok(()) => Ok(true),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => Ok(false),
        Err(error) => Err(CertificateError::Key(error)),
    }
}

/// Whether the chain (the server's own certificate first) leads to one of the roots for this name at this time.
///
/// `at` counts from the UNIX epoch. Errors: [`CertificateError::Untrusted`] with rustls's reason in `source()`; the
/// other kinds when an argument is unusable.
pub fn verify(
    chain: &[CertificateDer<'_>],
    name: &str,
    roots: &[CertificateDer<'static>],
    at: Duration,
) -> Result<(), CertificateError> {
    let (leaf, intermediates) = chain.split_first().ok_or(CertificateError::NoCertificate)?;
    let name = ServerName::try_from(name).map_err(|_| CertificateError::Name {
        name: name.to_owned(),
    })?;
    let verifier = verifier(root_store(roots)?)?;
    verifier
        .verify_server_cert(
            leaf,
            intermediates,
            &name,
            &[],
            UnixTime::since_unix_epoch(at),
        )
        .map(|_| ())
        .map_err(CertificateError::Untrusted)
}

/// The verifier that a TLS client would use with these roots.
pub(crate) fn verifier(
    roots: RootCertStore,
) -> Result<Arc<WebPkiServerVerifier>, CertificateError> {
    let provider = Arc::new(ring::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| CertificateError::Roots(error.into()))
}

/// These certificates as roots.
pub(crate) fn root_store(
    roots: &[CertificateDer<'static>],
) -> Result<RootCertStore, CertificateError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(root.clone())
            .map_err(|error| CertificateError::Roots(error.into()))?;
    }
    Ok(store)
}

fn parse<'a>(
    certificate: &'a CertificateDer<'_>,
    place: usize,
) -> Result<X509Certificate<'a>, CertificateError> {
    X509Certificate::from_der(certificate)
        .map(|(_, certificate)| certificate)
        .map_err(|error| CertificateError::Der {
            place,
            source: error.into(),
        })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from),
                _ => <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from),
            };
            address.map(|address| address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    use super::*;

    /// A root, and a leaf of it for `mcp.example` and 127.0.0.1, valid in the years 2020 to 2029.
    struct Pair {
        root: CertificateDer<'static>,
        leaf: rcgen::Certificate,
        key: KeyPair,
    }

    fn pair() -> Pair {
        let root_key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(DnType::CommonName, "a root");
        let root_der = root.self_signed(&root_key).unwrap().der().clone();
        let key = KeyPair::generate().unwrap();
        let mut leaf =
            CertificateParams::new(["mcp.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2029, 1, 1);
        let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        Pair {
            root: root_der,
            leaf,
            key,
        }
    }

    const IN_2026: Duration = Duration::from_secs(1_780_000_000);
    const IN_2033: Duration = Duration::from_secs(2_000_000_000);

    #[test]
    fn a_leaf_says_when_for_whom_and_by_whom() {
        let facts = facts(pair().leaf.der()).unwrap();
        assert_eq!(
            (facts.not_before, facts.not_after),
            (1_577_836_800, 1_861_920_000)
        );
        assert_eq!(facts.names, ["mcp.example", "127.0.0.1"]);
        assert!(facts.issuer.contains("a root"), "{}", facts.issuer);
        assert!(!facts.self_issued && !facts.is_ca);
    }

    #[test]
    fn a_root_is_self_issued_and_may_issue() {
        let facts = facts(&pair().root).unwrap();
        assert!(facts.self_issued && facts.is_ca);
    }

    #[test]
    fn a_chain_holds_for_its_names_in_its_years_under_its_root() {
        let Pair { root, leaf, .. } = pair();
        let chain = [leaf.der().clone()];
        let roots = std::slice::from_ref(&root);
        verify(&chain, "mcp.example", roots, IN_2026).unwrap();
        verify(&chain, "127.0.0.1", roots, IN_2026).unwrap();
        let other = pair().root;
        for (name, root, at) in [
            ("other.example", &root, IN_2026),
            ("mcp.example", &root, IN_2033),
            ("mcp.example", &other, IN_2026),
        ] {
            let verdict = verify(&chain, name, std::slice::from_ref(root), at);
            assert!(
                matches!(verdict, Err(CertificateError::Untrusted(_))),
                "{name} {at:?}: {verdict:?}"
            );
        }
    }

    #[test]
    fn a_key_matches_its_own_leaf_alone() {
        let (one, two) = (pair(), pair());
        let key = read_key(one.key.serialize_pem().as_bytes()).unwrap();
        assert!(key_matches(&[one.leaf.der().clone()], &key).unwrap());
        assert!(!key_matches(&[two.leaf.der().clone()], &key).unwrap());
    }

    #[test]
    fn a_chain_is_read_in_its_order_past_other_sections() {
        let Pair { leaf, key, .. } = pair();
        let other = pair();
        let pem = format!("{}{}{}", leaf.pem(), key.serialize_pem(), other.leaf.pem());
        assert_eq!(
            read_chain(pem.as_bytes()).unwrap(),
            [leaf.der().clone(), other.leaf.der().clone()]
        );
    }

    #[test]
    fn what_holds_no_certificate_or_key_says_so() {
        let Pair { leaf, key, .. } = pair();
        assert!(matches!(
            read_chain(b"hello"),
            Err(CertificateError::NoCertificate)
        ));
        assert!(matches!(
            read_chain(key.serialize_pem().as_bytes()),
            Err(CertificateError::NoCertificate)
        ));
        assert!(matches!(
            read_key(leaf.pem().as_bytes()),
            Err(CertificateError::NoKey)
        ));
        assert!(matches!(
            read_chain(b"-----BEGIN CERTIFICATE-----\nabc\n"),
            Err(CertificateError::Pem(_))
        ));
        assert!(matches!(
            facts(&CertificateDer::from(vec![1, 2, 3])),
            Err(CertificateError::Der { .. })
        ));
    }
}
