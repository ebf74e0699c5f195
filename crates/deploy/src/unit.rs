//! Units of systemd for MCP servers with a user or resources of their own.

use std::fmt;
use std::str::FromStr;

use findings::Place;
use origin_config::Limits;

use crate::words::{AbsolutePath, Account, Argument, Token};

/// `unit` of one of `[[servers]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSpec {
    /// The server's name.
    pub server: String,
    /// The key path of `unit`.
    pub path: String,
    /// Where it stands.
    pub place: Place,
    /// `user`.
    pub user: Option<Account>,
    /// What its processes may take.
    pub resources: Resources,
}

/// What all processes of one connection may take together (systemd.resource-control(5)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// `memory_max`: bytes.
    pub memory_max: Option<u64>,
    /// `tasks_max`: processes and threads.
    pub tasks_max: Option<u32>,
    /// `cpu_quota`.
    pub cpu_quota: Option<CpuQuota>,
}

/// CPU time by time: `100%` is one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuQuota(u32);

impl CpuQuota {
    /// Percent of a core.
    pub fn percent(self) -> u32 {
        self.0
    }
}

impl FromStr for CpuQuota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        match number {
            // A thousand cores are more than any machine has.
            Some(percent @ 1..=100_000) => Ok(Self(percent)),
            _ => Err("is not a share of one core such as `50%` or `200%`"),
        }
    }
}

impl fmt::Display for CpuQuota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// The units of one server: a socket, and a service that is there once for each connection to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUnit {
    /// What both units are called, `SITE-mcp_SERVER`: no site has a `_` in its name, so no other unit is called so.
    pub name: Token,
    /// The server.
    pub server: Token,
    /// Where the origin connects.
    pub socket: AbsolutePath,
    /// Who runs it.
    pub user: Account,
    /// The program and its arguments.
    pub command: Vec<Argument>,
    /// Where it starts; its own state folder when absent.
    pub working_directory: Option<AbsolutePath>,
    /// `NAME=VALUE`.
    pub environment: Vec<Argument>,
    /// Files of such lines, which systemd reads as root.
    pub environment_files: Vec<AbsolutePath>,
    /// What each process may take.
    pub limits: Limits,
    /// What they may take together.
    pub resources: Resources,
    /// How many connections there may be.
    pub connections: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_share_of_a_core() {
        for text in ["1%", "50%", "100000%"] {
            assert_eq!(text.parse::<CpuQuota>().expect(text).to_string(), text);
        }
        for text in ["", "50", "0%", "-1%", "1.5%", "100001%", "%"] {
            assert!(text.parse::<CpuQuota>().is_err(), "{text}");
        }
    }
}
