//! An MCP server that is reached by URL.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::deployment::repository;
use crate::tools::Tools;

/// The FastMCP server of the demo. Killed with this value.
#[derive(Debug)]
pub struct Words {
    child: Child,
    url: String,
}

impl Words {
    /// Starts it on a free port.
    pub fn start(tools: &Tools) -> Self {
        Self::run(tools, None)
    }

    fn run(tools: &Tools, port: Option<&str>) -> Self {
        let mut child = Command::new(&tools.fastmcp_python)
            .arg(Path::new(&repository()).join("xtask/python/words.py"))
            .args(port)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Python starts");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut url);
        assert!(read.is_ok_and(|read| read > 0), "the server does not start");
        let url = url.trim().to_owned();
        Self { child, url }
    }

    /// Its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it and starts it anew at the same address.
    #[must_use]
    pub fn restart(self, tools: &Tools) -> Self {
        let address = self.url.trim_start_matches("http://127.0.0.1:");
        let port = address.split('/').next().map(str::to_owned);
        drop(self);
        Self::run(tools, port.as_deref())
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
