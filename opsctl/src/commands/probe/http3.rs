//! What only HTTP/3 has: how it is found, made, moved and what it takes early.

use std::fmt::Write as _;
use std::time::Duration;

use probe::quic::{Early, early_data, versions};
use probe::{Ask, Connection, ProbeError, Target, Timing, Upgrade, Version, handshakes, upgrade};
use serde_json::{Value, json};

use super::seen::Seen;
use super::{chain, milliseconds};
use crate::ui::printable;

/// All that was seen.
#[derive(Debug)]
pub(super) struct Http3 {
    /// The versions of QUIC that the server lists; none where it lists none.
    versions: Result<Vec<u32>, ProbeError>,
    /// The offer that an answer over TCP made, and what came of it.
    upgrade: Option<Upgrade>,
    fresh: Vec<Result<Timing, ProbeError>>,
    /// Whether it asked for proof of the client's address.
    retried: Option<bool>,
    /// From the change of the client's port to an answer.
    moved: Result<Duration, ProbeError>,
    early: Result<Early, ProbeError>,
}

impl Http3 {
    /// Looks, one thing after the other: handshakes side by side would disturb each other's times. `tcp` is what answered over
    /// HTTP/2 or HTTP/1.1.
    pub(super) async fn look(target: &Target, ask: &Ask, tcp: Option<&Seen>, count: usize) -> Self {
        let versions = versions(target).await;
        let upgrade = match tcp {
            Some(seen) => upgrade(target, seen.head(), ask.clone()).await,
            None => None,
        };
        let fresh = handshakes(target, Version::Http3, count).await;
        let (retried, moved) = moved(target, ask).await;
        let early = early_data(target, ask.clone()).await;
        Self {
            versions,
            upgrade,
            fresh,
            retried,
            moved,
            early,
        }
    }

    pub(super) fn json(&self) -> Value {
        let failures = self.fresh.iter().filter_map(|fresh| fresh.as_ref().err());
        let (median, longest) = self.handshake_times();
        json!({
            "versions": self.versions.as_ref().ok().map(|versions| {
                versions.iter().map(|version| format!("{version:#x}")).collect::<Vec<_>>()
            }),
            "upgrade": self.upgrade.as_ref().map(|upgrade| json!({
                "port": upgrade.entry.port,
                "host": upgrade.entry.host,
                "max_age_seconds": upgrade.entry.max_age.as_secs(),
                "status": upgrade.answer.as_ref().ok().map(|answer| answer.head.status.as_u16()),
                "error": upgrade.answer.as_ref().err().map(chain),
            })),
            "handshakes": {
                "tried": self.fresh.len(),
                "done": self.done().count(),
                "median_ms": median.map(milliseconds),
                "longest_ms": longest.map(milliseconds),
                "errors": failures.map(chain).collect::<Vec<_>>(),
            },
            "retry": self.retried,
            "moved_ms": self.moved.as_ref().ok().map(|took| milliseconds(*took)),
            "moved_error": self.moved.as_ref().err().map(chain),
            "early_data": self.early.as_ref().ok().map(|early| word(*early)),
            "early_data_error": self.early.as_ref().err().map(chain),
        })
    }

    /// Lines of a subject and what is to be said of it.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("QUIC versions", self.versions_line())];
        lines.push(("found by Alt-Svc", self.upgrade_line()));
        if !self.fresh.is_empty() {
            lines.push(("fresh handshakes", self.handshakes_line()));
        }
        if let Some(retried) = self.retried {
            let said = if retried {
                "asked for"
            } else {
                "not asked for"
            };
            lines.push(("proof of address", format!("{said} (Retry)")));
        }
        let moved = match &self.moved {
            Ok(took) => format!("goes on, answered after {:.1} ms", milliseconds(*took)),
            Err(error) => printable(&chain(error)),
        };
        lines.push(("a new client port", moved));
        let early = match &self.early {
            Ok(early) => word(*early).replace('_', " "),
            Err(error) => printable(&chain(error)),
        };
        lines.push(("early data (0-RTT)", early));
        lines
    }

    fn versions_line(&self) -> String {
        match &self.versions {
            Err(error) => printable(&chain(error)),
            Ok(versions) if versions.is_empty() => "not listed when asked".to_owned(),
            Ok(versions) => {
                let names: Vec<String> = versions.iter().map(|version| name(*version)).collect();
                names.join(", ")
            }
        }
    }

    fn upgrade_line(&self) -> String {
        let Some(upgrade) = &self.upgrade else {
            return "no: no answer over TCP offers `h3`".to_owned();
        };
        let host = upgrade.entry.host.as_deref().unwrap_or("the same host");
        let way = format!("port {} of {}", upgrade.entry.port, printable(host));
        match &upgrade.answer {
            Ok(answer) => format!("{way}, which answers {}", answer.head.status.as_u16()),
            Err(error) => format!("{way}: {}", printable(&chain(error))),
        }
    }

    fn handshakes_line(&self) -> String {
        let mut line = format!("{} of {}", self.done().count(), self.fresh.len());
        if let (Some(median), Some(longest)) = self.handshake_times() {
            let (median, longest) = (milliseconds(median), milliseconds(longest));
            let _ = write!(
                line,
                ", {median:.1} ms in the middle, {longest:.1} ms at most"
            );
        }
        let failure = self.fresh.iter().find_map(|fresh| fresh.as_ref().err());
        if let Some(error) = failure {
            let _ = write!(line, "; {}", printable(&chain(error)));
        }
        line
    }

    fn done(&self) -> impl Iterator<Item = Duration> {
        let done = self.fresh.iter().filter_map(|fresh| fresh.as_ref().ok());
        done.map(|timing| timing.handshake)
    }

    /// The time in the middle, and the longest.
    fn handshake_times(&self) -> (Option<Duration>, Option<Duration>) {
        let mut times: Vec<Duration> = self.done().collect();
        times.sort_unstable();
        (times.get(times.len() / 2).copied(), times.last().copied())
    }
}

/// Asks, goes to another port, and asks again on the same connection.
async fn moved(target: &Target, ask: &Ask) -> (Option<bool>, Result<Duration, ProbeError>) {
    // where nobody goes along the answer does not come
    let target = &target.clone().with_timeout(PATIENCE);
    let mut connection = match Connection::open(target, Version::Http3).await {
        Ok(connection) => connection,
        Err(error) => return (None, Err(error)),
    };
    let retried = connection.was_retried();
    let going = async {
        connection.fetch(ask.clone()).await?;
        connection.rebind()?;
        let answer = connection.fetch(ask.clone()).await?;
        Ok(answer.timing.first_byte)
    };
    let moved = going.await;
    connection.close().await;
    (retried, moved)
}

fn name(version: u32) -> String {
    match version {
        1 => "1".to_owned(),
        // RFC 9369, section 3.1
        0x6b33_43cf => "2".to_owned(),
        other => format!("{other:#x}"),
    }
}

fn word(early: Early) -> &'static str {
    match early {
        Early::NotOffered => "not_offered",
        Early::Refused => "refused",
        Early::Accepted => "accepted",
    }
}

/// How long an answer behind a move is waited for: a new path is given up after three probe time-outs of a second (RFC 9000,
/// section 8.2.4; RFC 9002, section 6.2.2).
const PATIENCE: Duration = Duration::from_secs(4);
