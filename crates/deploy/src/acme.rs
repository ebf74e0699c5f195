//! Certificates from an ACME server (RFC 8555): what certbot is told.

use std::fmt;
use std::str::FromStr;

use crate::deployment::Site;
use crate::words::{DirectoryUrl, Email, Name};

/// `[tls.acme]`, with every default settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// `email`: whom the server may write to; an account without one is possible.
    pub email: Option<Email>,
    /// `directory_url`.
    pub directory_url: DirectoryUrl,
    /// `key_type`.
    pub key_type: KeyType,
}

/// The kind of a certificate's key, in certbot's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// `ecdsa`: certbot's default, on P-256.
    Ecdsa,
    /// `rsa`: for clients that know nothing else.
    Rsa,
}

impl Acme {
    /// The words after `certbot` that get a certificate for a site of a deployment, or keep the one that certbot has
    /// while it is good, and that let its timer renew it: each renewal then ends with [`Acme::hook`].
    pub fn command(&self, deployment: &Name, site: &Site) -> Vec<String> {
        let mut words: Vec<String> = [
            "certonly",
            "--non-interactive",
            "--agree-tos",
            "--webroot",
            "--webroot-path",
            WEBROOT,
            "--keep-until-expiring",
            "--renew-with-new-domains",
        ]
        .map(str::to_owned)
        .to_vec();
        words.push(match &self.email {
            Some(email) => format!("--email={email}"),
            None => "--register-unsafely-without-email".to_owned(),
        });
        words.push(format!("--server={}", self.directory_url));
        words.push(format!("--key-type={}", self.key_type));
        words.push(format!("--cert-name={}", site.name));
        words.push(format!("--deploy-hook={}", Self::hook(deployment)));
        for name in &site.server_names {
            words.push(format!("--domain={name}"));
        }
        words
    }

    /// The shell command that certbot runs after each renewal.
    pub fn hook(deployment: &Name) -> String {
        format!("/usr/bin/opsctl certificate install --name {deployment}")
    }

    /// The folder in which certbot keeps the newest certificate of a site: `fullchain.pem` and `privkey.pem`.
    pub fn live(site: &Name) -> String {
        format!("{CERTBOT}/live/{site}")
    }

    /// The file in which certbot keeps how it renews that certificate.
    pub fn renewal(site: &Name) -> String {
        format!("{CERTBOT}/renewal/{site}.conf")
    }

    /// Whether certbot's renewal file says the same server and kind of key.
    pub fn is_that_of(&self, renewal: &str) -> bool {
        let says = |key: &str, wanted: &str| {
            let mut lines = renewal.lines().filter_map(|line| line.split_once('='));
            lines.any(|(name, value)| name.trim() == key && value.trim() == wanted)
        };
        says("server", self.directory_url.as_str()) && says("key_type", &self.key_type.to_string())
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecdsa => "ecdsa",
            Self::Rsa => "rsa",
        })
    }
}

impl FromStr for KeyType {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ecdsa" => Ok(Self::Ecdsa),
            "rsa" => Ok(Self::Rsa),
            _ => Err("is not `ecdsa` or `rsa`"),
        }
    }
}

/// The folder that the edge serves `/.well-known/acme-challenge/` from: Debian's NGINX has it.
pub const WEBROOT: &str = "/var/www/html";
/// Where certbot keeps everything (its default `--config-dir`).
const CERTBOT: &str = "/etc/letsencrypt";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Facts, Layout, Target, parse, resolve};

    #[test]
    fn certbot_is_told_everything_and_asks_nothing() {
        let text = "name = \"demo\"\nserver_names = [\"a.example\", \"b.example\"]\n\
            [tls.acme]\nterms_agreed = true\nemail = \"ops@a.example\"\n";
        let (spec, report) = parse(text, "deploy.toml");
        let facts = Facts {
            nginx: Target::named("1.30.7").expect("a version"),
            layout: Layout::Debian,
        };
        let (deployment, _) = resolve(&spec.unwrap_or_else(|| panic!("{report}")), &facts);
        let deployment = deployment.expect("a good spec");
        let site = &deployment.sites[0];
        let acme = site.certificate.kind.acme().expect("it is asked for");
        let words = acme.command(&deployment.name, site).join(" ");
        for part in [
            "certonly --non-interactive --agree-tos --webroot --webroot-path /var/www/html ",
            "--email=ops@a.example --server=https://acme-v02.api.letsencrypt.org/directory --key-type=ecdsa",
            "--cert-name=demo --deploy-hook=/usr/bin/opsctl certificate install --name demo ",
            "--domain=a.example --domain=b.example",
        ] {
            assert!(words.contains(part), "{words}");
        }
    }

    #[test]
    fn another_server_or_kind_of_key_is_another_certificate() {
        let acme = Acme {
            email: None,
            directory_url: "https://a.example/directory".parse().expect("a URL"),
            key_type: KeyType::Ecdsa,
        };
        let renewal = "[renewalparams]\nserver = https://a.example/directory\nkey_type = ecdsa\n";
        assert!(acme.is_that_of(renewal));
        assert!(!acme.is_that_of(&renewal.replace("ecdsa", "rsa")));
        assert!(!acme.is_that_of(&renewal.replace("a.example", "b.example")));
        assert!(!acme.is_that_of(""));
    }
}
