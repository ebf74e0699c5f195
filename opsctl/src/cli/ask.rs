//! The arguments of the commands that ask a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

/// `opsctl verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Check this URL, with no look at this machine
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub url: Option<String>,
    /// Connect to this address, whatever the name resolves to
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect: Option<SocketAddr>,
    /// Trust these certificate authorities, PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca: Option<PathBuf>,
    /// A file with an API key of the origin, shown with every question
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key_file: Option<PathBuf>,
    /// The NGINX whose configuration is tested
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
    /// Fresh HTTP/3 connections to make: one good handshake proves nothing after a reload
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub handshakes: u16,
}

/// `opsctl probe`
#[derive(Debug, Args)]
pub struct Probe {
    /// What to ask for, as `https://mcp.example.com/healthz`
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub url: String,
    /// Connect to this address, whatever the name resolves to
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect: Option<SocketAddr>,
    /// Trust these certificate authorities, PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,
    /// Trust any certificate
    #[arg(long)]
    pub insecure: bool,
    /// How many fresh connections over HTTP/3 to make, one after the other
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub handshakes: usize,
    /// Read the answer as a stream for so long, as `10s`; over HTTP/3 the client's port changes half way
    #[arg(long, value_name = "DURATION", value_parser = findings::parse_duration)]
    pub hold: Option<Duration>,
}
