//! What the edge may decide by the method and the tool of a request, without reading its body.
//!
//! Clients of MCP 2026-07-28 say both in `Mcp-Method` and `Mcp-Name`, and the origin refuses a request whose body says
//! something else, so that NGINX can believe the headers. Older clients send neither, and nothing here applies to them.

use std::fmt;
use std::str::FromStr;

use crate::deployment::UpstreamAddress;
use crate::words::{McpMethod, Name, ToolPattern};

/// `[[edge.limits]]`: how often, and how many at a time. At least one of `rate` and `concurrent` is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// `name`: NGINX's shared memory zones have it.
    pub name: Name,
    /// What it applies to.
    pub matching: Matching,
    /// `rate`: requests in a time (`limit_req`).
    pub rate: Option<Rate>,
    /// `burst`: requests above the rate that are still answered, at once.
    pub burst: u32,
    /// `concurrent`: requests that are being answered (`limit_conn`).
    pub concurrent: Option<u32>,
    /// `per`: what is counted together.
    pub per: Per,
}

/// `[[edge.routes]]`: requests that go to another origin than that of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `name`: NGINX's upstream has it.
    pub name: Name,
    /// What it applies to.
    pub matching: Matching,
    /// `to`: where the origin listens that answers them.
    pub to: UpstreamAddress,
}

/// The requests that a limit or a route is for; never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// `tools`: calls of these tools, by the names that clients see.
    pub tools: Vec<ToolPattern>,
    /// `methods`: requests with these methods.
    pub methods: Vec<McpMethod>,
}

/// Requests in a time, as NGINX writes them: `5r/s` or `30r/m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per_minute: bool,
}

/// What a limit counts together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Per {
    /// `client`: each client address by itself.
    #[default]
    Client,
    /// `site`: all clients of a site.
    Site,
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REASON: &str = "is not a rate such as `5r/s` or `30r/m`, 1 to 100000";
        let (count, unit) = text.split_once("r/").ok_or(REASON)?;
        let count = count.parse().map_err(|_| REASON)?;
        let is_plain = (1..=100_000).contains(&count) && !text.starts_with('+');
        match unit {
            "s" | "m" if is_plain => Ok(Self {
                count,
                per_minute: unit == "m",
            }),
            _ => Err(REASON),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = if self.per_minute { "m" } else { "s" };
        write!(f, "{}r/{unit}", self.count)
    }
}

impl crate::words::sealed::Sealed for Rate {}
impl crate::words::Word for Rate {}

impl FromStr for Per {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "client" => Ok(Self::Client),
            "site" => Ok(Self::Site),
            _ => Err("is not `client` or `site`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_nginx_takes() {
        for text in ["5r/s", "30r/m", "100000r/s"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
        for text in [
            "",
            "5",
            "0r/s",
            "5r/h",
            "+5r/s",
            "1.5r/s",
            "5r/s;",
            "r/s",
            "100001r/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
