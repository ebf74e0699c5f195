//! The arguments of `wrappers`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `opsctl wrappers`
#[derive(Debug, Args)]
pub struct Wrappers {
    /// The tools: the address of the tool API, as `https://mcp.example.com`, or a file with what its `/tools` answers;
    /// an API key is taken from `MCP_API_KEY`
    #[arg(long, value_name = "URL|FILE", value_hint = ValueHint::AnyPath)]
    pub from: String,
    /// The folder of the wrappers: made, or replaced as a whole; the name of the Python package
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Write nothing; compare with what is in --out and exit 3 on any difference
    #[arg(long)]
    pub check: bool,
    /// Templates in place of the built-in ones, as DIR/bash/tool.tera
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub templates: Option<PathBuf>,
    /// Only the tools of this MCP server; may be given several times
    #[arg(long = "server", value_name = "SERVER")]
    pub servers: Vec<String>,
    /// Leave this tool out; may be given several times
    #[arg(long, value_name = "TOOL")]
    pub skip: Vec<String>,
    /// Take the wrappers of MCP servers away that are not in the catalog any more
    #[arg(long)]
    pub prune: bool,
    /// Trust these certificate authorities, PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca: Option<PathBuf>,
}
