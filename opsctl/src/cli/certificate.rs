//! The command line of `opsctl certificate`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use super::Named;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum Certificate {
    /// Put the certificates that certbot renewed into their places and let NGINX show them: what certbot runs after a renewal
    Install(CertificateInstall),
}

/// `opsctl certificate install`
#[derive(Debug, Args)]
pub struct CertificateInstall {
    /// Which deployment
    #[command(flatten)]
    pub named: Named,
    /// How long to wait for another run
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = findings::parse_duration)]
    pub lock_wait: Duration,
    /// The NGINX of the machine
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
}
