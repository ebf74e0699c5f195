//! Checked words: the only values that may enter a template.
//!
//! Each type accepts less than NGINX, systemd or a shell would: what is left has no character that could end a
//! directive, open a block, start a comment or name a variable, in any of the rendered formats. A word that is refused
//! is invalid or malicious; both get the same finding.

mod rules;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use rules::is_safe_byte;
use rules::{
    check_absolute_path, check_account, check_argument, check_directory_url, check_email,
    check_generation, check_mcp_method, check_name, check_server_name, check_spec_file,
    check_token, check_tool_pattern,
};

/// A word that a template may print. Sealed: only the types of this crate have it.
pub trait Word: fmt::Display + sealed::Sealed {}

pub(crate) mod sealed {
    /// Closes [`super::Word`] to other crates.
    pub trait Sealed {}
}

macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse()
                    .map_err(|error| D::Error::custom(format_args!("`{text}` {error}")))
            }
        }

        impl sealed::Sealed for $name {}
        impl Word for $name {}
    };
}

/// Why a text is not a word of its kind: a fragment that follows the quoted text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WordError(&'static str);

word! {
    /// A deployment or site: a lower-case letter, then at most 31 of `a-z`, `0-9` and single `-` inside. Linux user
    /// names end at 32 bytes (useradd(8)), and the name is one.
    Name, check_name
}
word! {
    /// A DNS name as RFC 1123 section 2.1 has host names, in lower case, at most 253 bytes; the first label may be `*`.
    ServerName, check_server_name
}
word! {
    /// An absolute path of letters, digits and `/._+@,=:~-`: no space, quote, `;`, brace, `$`, `#`, `%` or `\`, no
    /// `..`.
    AbsolutePath, check_absolute_path
}
word! {
    /// 16 lower-case hex digits: the name of a rendering.
    GenerationId, check_generation
}
word! {
    /// The base name of a spec file, of letters, digits and `._-`.
    SpecFile, check_spec_file
}
word! {
    /// A user or group name as useradd(8) has them.
    Account, check_account
}
word! {
    /// The name of a tool as clients see it, where `*` stands for any rest: letters, digits, `_`, `-` and `*`, at most 64
    /// (MCP 2025-11-25, tool names).
    ToolPattern, check_tool_pattern
}
word! {
    /// An MCP method: letters with `/` between them, as `resources/read`.
    McpMethod, check_mcp_method
}
word! {
    /// A mail address of letters, digits and `.!#%&*+/=?^_~@-` with one `@` in it: what certbot takes as one word.
    Email, check_email
}
word! {
    /// The URL of an ACME directory (RFC 8555 section 7.1.1): `https://`, a host, and no white space or quote.
    DirectoryUrl, check_directory_url
}
word! {
    /// One word of a unit's command line, or an assignment in its environment: letters, digits and `._:/,=@+~-`. systemd gives
    /// the other characters a meaning of its own (systemd.service(5), command lines), or needs quotes for them.
    Argument, check_argument
}
word! {
    /// A constant of the program or a text that it composed of other words: letters, digits and `._:/$*[]?,=@~+-`
    /// and the space.
    Token, check_token
}

impl Name {
    /// The name as part of an NGINX variable: `-` becomes `_`, which no name has.
    pub fn variable(&self) -> Token {
        Token(self.0.replace('-', "_"))
    }
}

impl ServerName {
    /// A host that this name stands for: itself, or one of those of a wildcard.
    pub fn example(&self) -> String {
        self.0.replace('*', "opsctl")
    }

    /// Whether it stands for all names below one.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// Whether it stands for a host, given in lower case.
    pub fn covers(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(below) => host.len() > below.len() && host.ends_with(below),
            None => self.0 == host,
        }
    }
}

impl ToolPattern {
    /// The regular expression of the names that it stands for. No character of a name but `*` means anything in one.
    pub(crate) fn expression(&self) -> Token {
        Token(self.0.replace('*', "[A-Za-z0-9_-]*"))
    }
}

impl Account {
    /// A name that this program knows to be one: a constant, or a checked [`Name`].
    pub(crate) fn constant(name: &str) -> Self {
        debug_assert!(check_account(name).is_ok(), "{name}");
        Self(name.to_owned())
    }
}

impl Token {
    /// A text that this program composed of constants and of other words. The escape function still looks at it.
    pub(crate) fn composed(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl GenerationId {
    /// The id of a digest's first 64 bits.
    pub(crate) fn of(first: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(first)))
    }
}

impl SpecFile {
    /// The base name of `path`, or `deploy.toml` when that is no checked word.
    pub fn of(path: &str) -> Self {
        let base = path.rsplit('/').next().unwrap_or_default();
        base.parse()
            .unwrap_or_else(|_| Self("deploy.toml".to_owned()))
    }
}

impl AbsolutePath {
    /// A path that this program knows to be one.
    pub(crate) fn constant(path: &str) -> Self {
        debug_assert!(check_absolute_path(path).is_ok(), "{path}");
        Self(path.to_owned())
    }

    /// This path with more segments below it.
    ///
    /// # Errors
    /// When the result is no checked path.
    pub fn join(&self, below: &str) -> Result<Self, WordError> {
        format!("{}/{below}", self.0.trim_end_matches('/')).parse()
    }

    /// This path with a file of checked words below it.
    pub(crate) fn below(&self, file: &str) -> Self {
        debug_assert!(check_absolute_path(&format!("/{file}")).is_ok(), "{file}");
        Self(format!("{}/{file}", self.0.trim_end_matches('/')))
    }

    /// The path as the file system takes it.
    pub fn as_path(&self) -> &std::path::Path {
        std::path::Path::new(&self.0)
    }
}

/// A port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

impl Port {
    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Port {
    type Error = WordError;

    fn try_from(number: u16) -> Result<Self, WordError> {
        if number == 0 {
            return Err(WordError("is no port: 1 to 65535"));
        }
        Ok(Self(number))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address that NGINX listens on: an IPv4 address, or an IPv6 address with or without brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenAddress(pub IpAddr);

impl FromStr for ListenAddress {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        let address: IpAddr = bare.parse().map_err(|_| {
            WordError(
                "is not an IP address such as `0.0.0.0`, `127.0.0.1` or `[::]`, without a port",
            )
        })?;
        match address {
            // NGINX listens with ipv6only=on, and the kernel then refuses such an address
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => Err(WordError(
                "is an IPv4 address in the dress of IPv6: write the IPv4 address",
            )),
            address if address.is_multicast() => Err(WordError("is a multicast address")),
            address => Ok(Self(address)),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// A duration as NGINX and systemd both read it: `75s`, or `250ms` where it is no whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NginxTime(pub Duration);

impl fmt::Display for NginxTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{}s", self.0.as_secs())
        } else {
            write!(f, "{}ms", self.0.as_millis())
        }
    }
}

/// A size in bytes as NGINX reads it: `16m`, `5k` or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NginxSize(pub u64);

impl fmt::Display for NginxSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes != 0 && bytes.is_multiple_of(1 << 20) => write!(f, "{}m", bytes >> 20),
            bytes if bytes != 0 && bytes.is_multiple_of(1 << 10) => write!(f, "{}k", bytes >> 10),
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl sealed::Sealed for Port {}
impl Word for Port {}
impl sealed::Sealed for NginxTime {}
impl Word for NginxTime {}
impl sealed::Sealed for NginxSize {}
impl Word for NginxSize {}
impl sealed::Sealed for u32 {}
impl Word for u32 {}
impl sealed::Sealed for std::net::SocketAddr {}
impl Word for std::net::SocketAddr {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_could_leave_their_place_are_refused() {
        for text in [
            "a;b", "a{b", "a}b", "a b", "a\nb", "a\"b", "a'b", "$a", "a#b", "a\\b", "", "é",
            "a\0b", "..", "%h",
        ] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
            assert!(text.parse::<ServerName>().is_err(), "{text:?}");
            assert!(format!("/{text}").parse::<AbsolutePath>().is_err() || text.is_empty());
        }
    }

    #[test]
    fn an_address_that_nginx_cannot_listen_on_is_refused() {
        for text in [
            "::ffff:127.0.0.1",
            "[::ffff:a00:1]",
            "224.0.0.1",
            "ff02::1",
            "::1%lo",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
        for text in ["[::1]", "::", "203.0.113.7"] {
            assert!(text.parse::<ListenAddress>().is_ok(), "{text}");
        }
    }

    #[test]
    fn an_ip_address_is_no_server_name() {
        for text in ["127.0.0.1", "192.0.2.1", "1"] {
            assert!(text.parse::<ServerName>().is_err(), "{text}");
        }
        assert!("1.example".parse::<ServerName>().is_ok());
    }

    #[test]
    fn names_and_paths_that_people_use_are_taken() {
        for text in [
            "localhost",
            "mcp.example.com",
            "*.example.com",
            "xn--bcher-kva.example",
            "192-0-2-1.example",
        ] {
            assert!(text.parse::<ServerName>().is_ok(), "{text}");
        }
        for text in [
            "/etc/letsencrypt/live/a.b/fullchain.pem",
            "/tmp/opsctl-1Ab.x",
            "/",
        ] {
            assert!(text.parse::<AbsolutePath>().is_ok(), "{text}");
        }
        for (text, taken) in [
            ("codeintel", true),
            ("a-1", true),
            ("1a", false),
            ("a--b", false),
            ("nginx", false),
            ("shadow", false),
            ("letsencrypt", false),
            ("modules-enabled", false),
            ("systemd-network", false),
        ] {
            assert_eq!(text.parse::<Name>().is_ok(), taken, "{text}");
        }
    }

    #[test]
    fn times_and_sizes_are_written_in_nginx_units() {
        assert_eq!(
            NginxTime(Duration::from_millis(1_500)).to_string(),
            "1500ms"
        );
        assert_eq!(NginxTime(Duration::from_hours(1)).to_string(), "3600s");
        assert_eq!(NginxSize(16 << 20).to_string(), "16m");
        assert_eq!(NginxSize(5 << 10).to_string(), "5k");
        assert_eq!(NginxSize(1_001).to_string(), "1001");
    }
}
