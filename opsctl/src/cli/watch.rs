//! The arguments of the commands that look at what runs: `services` and `logs`.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;

/// `opsctl services`
#[derive(Debug, Args)]
pub struct Services {
    /// What to do.
    #[command(subcommand)]
    pub command: ServicesCommand,
}

/// What to do with services. A service is named as its unit, with or without `.service`, or as its site.
#[derive(Debug, Subcommand)]
pub enum ServicesCommand {
    /// Say what runs: one line a service, and exit 19 when one does not
    Status(Chosen),
    /// Start origins and NGINX
    Start(Chosen),
    /// Stop origins; NGINX serves others too and is stopped only when it is named
    Stop(Chosen),
    /// Restart origins, whose sockets hold new requests meanwhile; NGINX only when it is named
    Restart(Chosen),
    /// Show what services wrote to the journal
    Logs(ServicesLogs),
}

/// Which services.
#[derive(Debug, Args)]
pub struct Chosen {
    /// Units or sites of the spec, or `nginx`; all of the deployment's when absent
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

/// `opsctl services logs`
#[derive(Debug, Args)]
pub struct ServicesLogs {
    /// Which services.
    #[command(flatten)]
    pub chosen: Chosen,
    /// How far back: a time such as `10m` or `2h`, or a moment such as `2030-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<Since>,
    /// The last lines that are shown
    #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
    pub lines: u32,
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// `opsctl logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// The id that the answer carried in `X-Request-ID`
    #[arg(long, value_name = "ID", value_parser = parse_request_id)]
    pub request_id: String,
    /// How far back to look: a time such as `10m` or `2h`, or a moment such as `2030-01-31T12:00:00Z`
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = parse_since)]
    pub since: Since,
}

/// Where to begin in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long before now.
    Ago(Duration),
    /// A moment.
    At(Timestamp),
}

impl Since {
    /// The moment, as seconds since the UNIX epoch.
    pub fn seconds(self, now: Duration) -> i64 {
        match self {
            Self::Ago(time) => {
                i64::try_from(now.saturating_sub(time).as_secs()).unwrap_or_default()
            }
            Self::At(moment) => moment.as_second(),
        }
    }
}

/// Reads a duration or a moment.
fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(time) = findings::parse_duration(text) {
        return Ok(Since::Ago(time));
    }
    text.parse()
        .map(Since::At)
        .map_err(|_| "is not a time such as `10m`, `2h` or `2030-01-31T12:00:00Z`".to_owned())
}

/// Reads a request id: what edge and origin let pass, so that no other can be in a log.
fn parse_request_id(text: &str) -> Result<String, String> {
    let fits = (1..=128).contains(&text.len());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    if fits && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("is not 1 to 128 of `A-Z a-z 0-9 . _ : -`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_in_time_is_relative_or_a_moment() {
        let now = Duration::from_secs(1_000_000);
        let seconds = |text| parse_since(text).map(|since| since.seconds(now));
        assert_eq!(seconds("2h"), Ok(1_000_000 - 7200));
        assert_eq!(seconds("1970-01-01T00:01:00Z"), Ok(60));
        assert!(seconds("yesterday").is_err());
    }

    #[test]
    fn only_an_id_that_can_be_in_a_log_is_looked_for() {
        assert!(parse_request_id("smoke-1.a:b_c").is_ok());
        for bad in ["", "a b", "a*", &"x".repeat(129)] {
            assert!(parse_request_id(bad).is_err(), "{bad}");
        }
    }
}
