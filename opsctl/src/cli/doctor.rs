//! The arguments of `doctor`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `opsctl doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Look at the machine alone, without the spec
    #[arg(long)]
    pub machine: bool,
    /// The NGINX that is meant; the one found here when absent
    #[arg(long, env = "OPSCTL_NGINX", value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub nginx: Option<String>,
    /// The origin that starts the MCP servers; the one beside this program, or on PATH, when absent
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub origin: Option<PathBuf>,
}
