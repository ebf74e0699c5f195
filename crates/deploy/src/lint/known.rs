//! What is known beside the configuration itself: the NGINX that it is for, and the certificates that it names.

use std::collections::BTreeSet;

use super::model::{Model, Scope};
use crate::nginx_conf::{Config, Statement};
use crate::target::Target;

/// What a configuration is judged by; nothing is known by default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The NGINX that it is for; without one it is judged for any from 1.25.1 on.
    pub target: Option<&'a Target>,
    /// What the certificates of [`pairs`] say of themselves; one that is not here is not judged.
    pub certificates: &'a [Seen],
}

/// A certificate and its private key, as a configuration names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The word of `ssl_certificate`.
    pub certificate: String,
    /// The word of `ssl_certificate_key`.
    pub key: String,
}

/// What somebody who could read the files of a pair saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The pair.
    pub pair: Pair,
    /// When it ended, as a day for people; `None` while it holds.
    pub ended: Option<String>,
    /// The names that it is for.
    pub names: Vec<String>,
    /// Whether the key is the certificate's; `None` when the key could not be read.
    pub is_of_key: Option<bool>,
}

/// The pairs of files that the servers of a configuration use, each once. Names with variables are left out: NGINX finds
/// those at each handshake.
pub fn pairs(config: &Config) -> Vec<Pair> {
    let model = Model::new(config, Known::default());
    let scopes = model.servers.iter().map(|server| &server.scope);
    let found: BTreeSet<Pair> = scopes
        .chain(model.stream_servers.iter().map(|server| &server.scope))
        .flat_map(pairs_of)
        .map(|(_, pair)| pair)
        .collect();
    found.into_iter().collect()
}

/// The pairs in force in a block, each with the directive that names its certificate.
pub(crate) fn pairs_of<'c>(scope: &Scope<'c>) -> Vec<(&'c Statement, Pair)> {
    let is_file = |word: &str| !word.is_empty() && !word.contains(['$', ':']);
    let keys = scope.array("ssl_certificate_key");
    let certificates = scope.array("ssl_certificate").into_iter();
    certificates
        .zip(keys)
        .filter(|(certificate, key)| is_file(certificate.argument(0)) && is_file(key.argument(0)))
        .map(|(certificate, key)| {
            let pair = Pair {
                certificate: certificate.argument(0).to_owned(),
                key: key.argument(0).to_owned(),
            };
            (certificate, pair)
        })
        .collect()
}

/// Whether a name of a certificate covers a name of a server: the same name, or a wildcard for its one leftmost label
/// (RFC 9525, section 6.3).
pub fn covers(covered: &str, name: &str) -> bool {
    covered.eq_ignore_ascii_case(name)
        || covered.strip_prefix("*.").is_some_and(|parent| {
            name.split_once('.')
                .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_one_label() {
        assert!(covers("a.example", "A.example"));
        assert!(covers("*.example", "a.example"));
        assert!(covers("*.example", "*.example"));
        assert!(!covers("*.example", "b.a.example"));
        assert!(!covers("*.example", "example"));
    }
}
