//! The NGINX that a deployment is rendered for: what it is, what it can do, and what is known against it.

mod directives;
mod features;
mod package;
mod version;

use std::str::FromStr;

use crate::words::AbsolutePath;

pub use directives::{DIRECTIVES, Directive, false_trial, plain_trial};
pub(crate) use directives::{End, ended};
pub(crate) use features::ROTATES;
pub use features::{Feature, find_faults, find_stream_faults, open_faults};
pub use package::{Package, compare};
pub use version::Version;

/// What one NGINX is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The version.
    pub version: Version,
    /// Whether it was built with `--with-http_v3_module`.
    pub has_http_v3: bool,
    /// How it has the stream module.
    pub stream: Stream,
    /// Whether its stream module was built with `--with-stream_ssl_preread_module`, which `--with-stream` alone leaves out.
    pub has_ssl_preread: bool,
    /// The folder of the modules that it can load.
    pub modules: AbsolutePath,
    /// The OpenSSL that it was built with; none when unknown.
    pub openssl_built: Option<Version>,
    /// The OpenSSL that it runs with; none when unknown.
    pub openssl_running: Option<Version>,
    /// Directives above its version that it was seen to take all the same.
    pub backports: Vec<String>,
    /// The package that it came in; none when unknown.
    pub package: Option<Package>,
}

/// How an NGINX has its stream module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Built in.
    Static,
    /// A module that a `load_module` line loads (Debian's packages).
    Dynamic,
    /// Not at all.
    Absent,
}

/// Why a text describes no NGINX: a fragment that follows the quoted text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The text of `nginx -V` has no version.
    #[error("has no `nginx version:` line")]
    NoVersionLine,
    /// No version where one belongs.
    #[error("is not a version such as `1.30.6`")]
    NotAVersion,
    /// A word that is not known.
    #[error(
        "has an unknown part `{0}`: known are `stream=static|dynamic|absent`, `ssl_preread=yes|no`, `http_v3=yes|no`, \
         `openssl=VERSION`"
    )]
    UnknownPart(String),
}

impl Target {
    /// Reads what `nginx -V` prints on standard error.
    ///
    /// # Errors
    /// [`TargetError`] when there is no version in it.
    pub fn from_nginx_v(text: &str) -> Result<Self, TargetError> {
        let version = after(text, "nginx version: ")
            .and_then(|line| line.split_whitespace().next()?.split('/').nth(1))
            .ok_or(TargetError::NoVersionLine)?
            .parse()?;
        let built = after(text, "built with OpenSSL ").and_then(Version::leading);
        let running = after(text, "running with OpenSSL ").and_then(Version::leading);
        let arguments: Vec<&str> = after(text, "configure arguments:")
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let mut folders = arguments.iter();
        let modules = folders.find_map(|argument| argument.strip_prefix("--modules-path="));
        let stream = if arguments.contains(&"--with-stream=dynamic") {
            Stream::Dynamic
        } else if arguments.contains(&"--with-stream") {
            Stream::Static
        } else {
            Stream::Absent
        };
        Ok(Self {
            version,
            has_http_v3: arguments.contains(&"--with-http_v3_module"),
            stream,
            has_ssl_preread: arguments.contains(&"--with-stream_ssl_preread_module"),
            modules: modules
                .and_then(|folder| folder.parse().ok())
                .unwrap_or_else(of_debian),
            openssl_built: built,
            // nginx prints `running with` only when it differs from what it was built with
            openssl_running: running.or(built),
            backports: Vec::new(),
            package: None,
        })
    }

    /// Reads a target that a person names: a version, then parts such as `stream=dynamic` after commas. Without parts:
    /// HTTP/3, a static stream module with the reader of TLS names, an unknown OpenSSL.
    ///
    /// # Errors
    /// [`TargetError`] names the part that is not known.
    pub fn named(text: &str) -> Result<Self, TargetError> {
        let mut parts = text.split(',').map(str::trim);
        let mut target = Self {
            version: parts.next().unwrap_or_default().parse()?,
            has_http_v3: true,
            stream: Stream::Static,
            has_ssl_preread: true,
            modules: of_debian(),
            openssl_built: None,
            openssl_running: None,
            backports: Vec::new(),
            package: None,
        };
        for part in parts {
            match part {
                "stream=static" => target.stream = Stream::Static,
                "stream=dynamic" => target.stream = Stream::Dynamic,
                "stream=absent" => target.stream = Stream::Absent,
                "ssl_preread=yes" => target.has_ssl_preread = true,
                "ssl_preread=no" => target.has_ssl_preread = false,
                "http_v3=yes" => target.has_http_v3 = true,
                "http_v3=no" => target.has_http_v3 = false,
                _ => {
                    let openssl = part
                        .strip_prefix("openssl=")
                        .ok_or_else(|| TargetError::UnknownPart(part.to_owned()))?
                        .parse()?;
                    target.openssl_built = Some(openssl);
                    target.openssl_running = Some(openssl);
                }
            }
        }
        Ok(target)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Self::named(text)
    }
}

/// Where the modules of Debian's packages are.
fn of_debian() -> AbsolutePath {
    AbsolutePath::constant("/usr/lib/nginx/modules")
}

fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let start = text.find(mark)? + mark.len();
    text[start..].lines().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "nginx version: nginx/1.26.3\nbuilt with OpenSSL 3.5.6 7 Apr 2026 (running with OpenSSL 3.5.7 9 \
        Jun 2026)\nTLS SNI support enabled\nconfigure arguments: --modules-path=/opt/modules --with-http_v3_module --with-stream=dynamic\n";

    #[test]
    fn what_nginx_says_of_itself_is_read() {
        let target = Target::from_nginx_v(DEBIAN).expect("a version");
        assert_eq!(target.version, Version::new(1, 26, 3));
        assert!(target.has_http_v3);
        assert_eq!(target.stream, Stream::Dynamic);
        assert!(!target.has_ssl_preread);
        assert_eq!(target.modules.as_str(), "/opt/modules");
        assert_eq!(target.openssl_built, Some(Version::new(3, 5, 6)));
        assert_eq!(target.openssl_running, Some(Version::new(3, 5, 7)));
    }

    #[test]
    fn an_old_nginx_is_read_too() {
        let text = "nginx version: nginx/1.22.1 (Ubuntu)\nbuilt with OpenSSL 3.0.9 30 May 2023\nconfigure arguments: --with-stream --with-stream_ssl_preread_module\n";
        let target = Target::from_nginx_v(text).expect("a version");
        assert!(target.has_ssl_preread);
        assert!(!target.has_http_v3);
        assert_eq!(target.stream, Stream::Static);
        assert_eq!(target.openssl_running, Some(Version::new(3, 0, 9)));
    }

    #[test]
    fn a_named_target_takes_its_parts_and_refuses_others() {
        let target = Target::named("1.30.6,stream=dynamic,openssl=3.6.5").expect("known parts");
        assert_eq!(target.stream, Stream::Dynamic);
        assert_eq!(target.openssl_running, Some(Version::new(3, 6, 5)));
        for text in ["", "latest", "1.30", "1.30.6,stream=maybe", "1.30.6,,"] {
            assert!(Target::named(text).is_err(), "{text}");
        }
        assert_eq!(
            Target::from_nginx_v("bash: nginx: not found"),
            Err(TargetError::NoVersionLine)
        );
    }
}
