//! How the words of the TOML are spelled.

use std::path::PathBuf;
use std::str::FromStr;

use crate::model::{Bind, LogLevel, ProcessMode, ToolNames, TrustedPeer};

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') {
                return Err("needs an absolute path after `unix:`".to_owned());
            }
            if path.len() > LONGEST_UNIX_PATH {
                return Err(format!(
                    "is {} bytes long, and a Unix socket path ends at {LONGEST_UNIX_PATH}",
                    path.len()
                ));
            }
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let address = text
            .strip_prefix("localhost:")
            .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
        address
            .parse()
            .map(Self::Tcp)
            .map_err(|_| "is not `address:port` or `unix:/path`".to_owned())
    }
}

impl FromStr for TrustedPeer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix:" {
            return Ok(Self::Unix);
        }
        if let Ok(network) = text.parse::<ipnet::IpNet>() {
            return Ok(Self::Network(network.trunc()));
        }
        let address: std::net::IpAddr = text
            .parse()
            .map_err(|_| "is not `unix:`, an address or a network".to_owned())?;
        Ok(Self::Network(address.into()))
    }
}

impl FromStr for ProcessMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "shared" => Ok(Self::Shared),
            "per-session" => Ok(Self::PerSession),
            _ => Err("is not `shared` or `per-session`".to_owned()),
        }
    }
}

impl FromStr for ToolNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "prefixed" => Ok(Self::Prefixed),
            "plain" => Ok(Self::Plain),
            _ => Err("is not `prefixed` or `plain`".to_owned()),
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "DEBUG" => Ok(Self::Debug),
            "INFO" => Ok(Self::Info),
            "WARNING" => Ok(Self::Warning),
            "ERROR" | "CRITICAL" => Ok(Self::Error),
            _ => Err("is not `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`".to_owned()),
        }
    }
}

/// 108 bytes with the closing NUL is Linux's limit (unix(7)); under 100 leaves room for the suffixes of temporary names.
const LONGEST_UNIX_PATH: usize = 99;
