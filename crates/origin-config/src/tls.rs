//! TLS: the certificates, and the addresses that do without.

use std::fmt;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use findings::{Finding, Located, Reader, format_duration};

use crate::model::Bind;
use crate::read::{bind_list, value, values};
use crate::write::{text, texts};

/// How the origin ends TLS itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// `certfile` and `keyfile` (Hypercorn), pair by pair; the first is for clients that name no host of the others. Empty:
    /// nothing is encrypted.
    pub certificates: Vec<KeyPair>,
    /// `insecure_bind` (Hypercorn): where it listens without TLS, beside `bind`.
    pub insecure_bind: Vec<Bind>,
    /// `alpn_protocols` (Hypercorn): what is offered over TCP, the best first.
    pub alpn_protocols: Vec<Alpn>,
    /// `ssl_handshake_timeout` (Hypercorn): how long a handshake may take.
    pub handshake_timeout: Duration,
}

/// A certificate with its key: two files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The chain, the leaf first.
    pub certificate: PathBuf,
    /// The key of the leaf, without a passphrase.
    pub key: PathBuf,
}

/// A protocol that is chosen within the TLS handshake (RFC 7301) of a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// `h2`
    H2,
    /// `http/1.1`
    Http11,
}

impl Alpn {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::H2 => "h2",
            Self::Http11 => "http/1.1",
        }
    }
}

impl fmt::Display for Alpn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Alpn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "h2" => Ok(Self::H2),
            "http/1.1" => Ok(Self::Http11),
            _ => Err("is not `h2` or `http/1.1`".to_owned()),
        }
    }
}

pub(crate) fn read(reader: &Reader<'_>) -> Tls {
    Tls {
        certificates: certificates(reader),
        insecure_bind: bind_list(reader, "insecure_bind"),
        alpn_protocols: values(reader.words("alpn_protocols", "value.alpn")),
        handshake_timeout: value(reader.duration_or_seconds("ssl_handshake_timeout")),
    }
}

/// `certfile` and `keyfile` are one text each, or two lists that belong together.
fn certificates(reader: &Reader<'_>) -> Vec<KeyPair> {
    let certificates = paths(reader, "certfile");
    let keys = paths(reader, "keyfile");
    if certificates.len() != keys.len() {
        let (key, other) = if certificates.len() > keys.len() {
            ("certfile", "keyfile")
        } else {
            ("keyfile", "certfile")
        };
        let message = format!(
            "there are {} in `certfile` and {} in `keyfile`",
            certificates.len(),
            keys.len()
        );
        let hint = format!("give `{other}` too: each certificate has its key at the same place");
        reader.find(key, Finding::error("tls.pairs", message).hint(hint));
        return Vec::new();
    }
    let pairs = certificates.into_iter().zip(keys);
    pairs
        .map(|(certificate, key)| KeyPair { certificate, key })
        .collect()
}

fn paths(reader: &Reader<'_>, key: &'static str) -> Vec<PathBuf> {
    let texts = reader.strings_or_one(key).unwrap_or_default();
    texts
        .into_iter()
        .map(|text: Located<String>| PathBuf::from(text.value))
        .filter(|path| !path.as_os_str().is_empty())
        .inspect(|path| {
            if !path.is_absolute() {
                let message = format!("`{}` is not an absolute path", path.display());
                let hint = format!("as `{key} = \"/etc/codeintel/tls/{key}.pem\"`");
                reader.find(key, Finding::error("value.path", message).hint(hint));
            }
        })
        .collect()
}

/// Writes the keys, where the origin has anything to do with TLS.
pub(crate) fn write(out: &mut String, tls: &Tls) {
    if tls.certificates.is_empty() && tls.insecure_bind.is_empty() {
        return;
    }
    let (mut certificates, mut keys) = (Vec::new(), Vec::new());
    for pair in &tls.certificates {
        certificates.push(pair.certificate.display());
        keys.push(pair.key.display());
    }
    for (key, value) in [
        ("certfile", texts(&certificates)),
        ("keyfile", texts(&keys)),
        ("insecure_bind", texts(&tls.insecure_bind)),
        ("alpn_protocols", texts(&tls.alpn_protocols)),
        (
            "ssl_handshake_timeout",
            text(format_duration(tls.handshake_timeout)),
        ),
    ] {
        let _ = writeln!(out, "{key} = {value}");
    }
}

#[cfg(test)]
mod tests {
    use findings::{Document, Report};

    use super::*;

    fn load(text: &str) -> (Option<Tls>, Vec<String>) {
        let mut syntax = Report::new();
        let document = Document::parse(text, "origin.toml", &mut syntax);
        assert!(syntax.is_empty(), "{syntax}");
        let (config, report) = crate::load(document);
        let ids = report.findings().iter();
        let ids = ids.map(|finding| finding.id.clone()).collect();
        (config.map(|config| config.tls), ids)
    }

    #[test]
    fn one_pair_is_two_texts_and_several_are_two_lists() {
        let (one, found) = load("certfile = \"/c.pem\"\nkeyfile = \"/k.pem\"\n");
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(one.expect("valid").certificates.len(), 1);
        let two = "certfile = [\"/a.pem\", \"/b.pem\"]\nkeyfile = [\"/ak.pem\", \"/bk.pem\"]\n";
        let (two, _) = load(two);
        let pair = &two.expect("valid").certificates[1];
        assert_eq!(pair.key.to_str(), Some("/bk.pem"));
    }

    #[test]
    fn a_certificate_without_its_key_is_found() {
        for (text, id) in [
            ("certfile = \"/c.pem\"\n", "tls.pairs"),
            ("keyfile = \"/k.pem\"\n", "tls.pairs"),
            ("certfile = \"c.pem\"\nkeyfile = \"/k.pem\"\n", "value.path"),
            ("alpn_protocols = [\"h3\"]\n", "value.alpn"),
        ] {
            assert_eq!(load(text).1, [id], "{text}");
        }
    }

    #[test]
    fn without_certificates_nothing_is_said_of_tls() {
        let (tls, _) = load("");
        let mut out = String::new();
        write(&mut out, &tls.expect("the defaults are valid"));
        assert_eq!(out, "");
    }
}
