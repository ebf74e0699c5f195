//! `origin.generation`, `origin.ready`, `origin.private`: what the origin's admin listener and its addresses say.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::ask::fetch;
use http::StatusCode;
use origin_config::Bind;
use probe::{Answer, Ask, Connect, Connection, ProbeError, Scheme, Target, Trust, Version};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::verdict::{Verdict, sentence};

/// What the admin listener answered.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    /// The status of `/readyz`.
    pub(crate) ready: Result<StatusCode, String>,
    /// The document of `/capz`.
    pub(crate) capabilities: Result<Value, String>,
}

/// Asks the admin listener.
pub(crate) async fn gather(admin: &Target) -> Admin {
    let ready = settled(admin).await;
    let capabilities = fetch(admin, Version::Http1, Ask::get("/capz")).await;
    // a socket that is not there says nothing without its path
    let place = match &admin.connect {
        Connect::Unix(path) => format!("`{}`: ", path.display()),
        _ => String::new(),
    };
    let told = |error: ProbeError| format!("{place}{}", sentence(&error));
    Admin {
        ready: ready.map(|answer| answer.head.status).map_err(told),
        capabilities: capabilities.map_err(told).and_then(|answer| {
            serde_json::from_slice(&answer.body)
                .map_err(|error| format!("`/capz` is no JSON: {error}"))
        }),
    }
}

/// The answer of `/readyz`, once the servers are no longer starting: right after a restart they are for a moment.
async fn settled(admin: &Target) -> Result<Answer, ProbeError> {
    let deadline = Instant::now() + STARTING;
    loop {
        let answer = fetch(admin, Version::Http1, Ask::get("/readyz")).await?;
        if answer.head.status != StatusCode::SERVICE_UNAVAILABLE || Instant::now() >= deadline {
            return Ok(answer);
        }
        sleep(BETWEEN_ASKS).await;
    }
}

impl Admin {
    /// The servers that failed, each with its reason.
    pub(crate) fn failed_servers(&self) -> Vec<(String, String)> {
        self.servers("failed")
    }

    /// The servers in a state, each with its error.
    fn servers(&self, state: &str) -> Vec<(String, String)> {
        let servers = self
            .capabilities
            .as_ref()
            .ok()
            .and_then(|document| document["servers"].as_array());
        let chosen = servers
            .into_iter()
            .flatten()
            .filter(|server| server["state"] == state);
        chosen
            .map(|server| {
                let text = |key: &str| server[key].as_str().unwrap_or_default().to_owned();
                (text("name"), text("error"))
            })
            .collect()
    }
}

/// Passes when the origin names the generation that it should have.
pub(crate) fn judge_generation(seen: &Admin, expected: &str) -> Verdict {
    match &seen.capabilities {
        Err(error) => Verdict::fail(error.clone()),
        Ok(document) => judge_named(
            document["generation"].as_str().unwrap_or_default(),
            expected,
        ),
    }
}

/// Passes when the two generations are one.
pub(super) fn judge_named(named: &str, expected: &str) -> Verdict {
    if named == expected {
        Verdict::pass(format!("`{named}`"))
    } else {
        Verdict::fail(format!(
            "runs `{named}`, and the spec is `{expected}`: `opsctl apply` brings it there"
        ))
    }
}

/// Passes when the origin is ready and none of its servers has failed.
pub(crate) fn judge_ready(seen: &Admin) -> Verdict {
    match &seen.ready {
        Err(error) => return Verdict::fail(error.clone()),
        Ok(status) if *status != StatusCode::OK => {
            let starting: Vec<_> = seen
                .servers("starting")
                .into_iter()
                .map(|(name, _)| format!("server `{name}` is still starting"))
                .collect();
            let why = if starting.is_empty() {
                String::new()
            } else {
                format!(": {}", starting.join(", "))
            };
            return Verdict::fail(format!("`/readyz` answered {}{why}", status.as_u16()));
        }
        Ok(_) => {}
    }
    let failed = seen.failed_servers();
    if failed.is_empty() {
        let tools = match &seen.capabilities {
            Ok(document) => document["tools"].as_array().map_or(0, Vec::len),
            Err(error) => return Verdict::fail(error.clone()),
        };
        return Verdict::pass(format!("ready with {tools} tools"));
    }
    let named: Vec<_> = failed
        .iter()
        .map(|(name, error)| format!("server `{name}` failed: {error}"))
        .collect();
    Verdict::fail(named.join("; "))
}

/// Where an origin listens, and whether that was reached from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outside {
    /// A Unix socket.
    Unix,
    /// A loopback address.
    Loopback,
    /// Another address, which this machine's own outside address reached or not.
    Address(SocketAddr, bool),
}

/// Looks at every address; one that is not loopback is tried from this machine's own outside address.
pub(crate) async fn gather_outside(
    binds: &[Bind],
    quic: &[SocketAddr],
    own: Option<IpAddr>,
) -> Vec<Outside> {
    let outside = |address: SocketAddr| {
        let own = own.filter(|_| address.ip().is_unspecified());
        SocketAddr::new(own.unwrap_or(address.ip()), address.port())
    };
    let mut seen = Vec::new();
    for bind in binds {
        seen.push(match bind {
            Bind::Unix(_) => Outside::Unix,
            Bind::Tcp(address) if address.ip().is_loopback() => Outside::Loopback,
            Bind::Tcp(address) => {
                let tried = outside(*address);
                let reached = timeout(CONNECT, TcpStream::connect(tried)).await;
                Outside::Address(tried, matches!(reached, Ok(Ok(_))))
            }
        });
    }
    for address in quic {
        seen.push(if address.ip().is_loopback() {
            Outside::Loopback
        } else {
            let tried = outside(*address);
            let target = Target::new(Scheme::Https, tried.ip().to_string(), tried.port())
                .with_trust(Trust::Any)
                .with_timeout(CONNECT);
            let reached = Box::pin(Connection::open(&target, Version::Http3)).await;
            Outside::Address(tried, reached.is_ok())
        });
    }
    seen
}

/// Passes when nobody outside this machine reaches the origin past the edge.
pub(crate) fn judge_outside(seen: &[Outside]) -> Verdict {
    let open: Vec<_> = seen
        .iter()
        .filter_map(|place| match place {
            Outside::Address(address, true) => Some(format!("`{address}`")),
            _ => None,
        })
        .collect();
    if !open.is_empty() {
        return Verdict::fail(format!(
            "the origin answers at {}: whoever reaches that address goes round the edge",
            open.join(", ")
        ));
    }
    let kinds: Vec<_> = [
        (Outside::Unix, "a Unix socket"),
        (Outside::Loopback, "loopback"),
    ]
    .into_iter()
    .filter(|(place, _)| seen.contains(place))
    .map(|(_, words)| words)
    .collect();
    if kinds.is_empty() {
        return Verdict::pass("its address cannot be reached from here");
    }
    Verdict::pass(format!("on {} only", kinds.join(" and ")))
}

/// A machine answers itself at once or not at all.
const CONNECT: Duration = Duration::from_secs(1);

/// A server has failed or is ready after its `start_timeout`, 30 s unless the spec says otherwise.
const STARTING: Duration = Duration::from_secs(35);
/// Readiness follows the servers at once; this is short against their start.
const BETWEEN_ASKS: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::Status;

    fn admin(ready: u16, capabilities: Value) -> Admin {
        Admin {
            ready: Ok(StatusCode::from_u16(ready).expect("valid")),
            capabilities: Ok(capabilities),
        }
    }

    #[test]
    fn a_server_that_failed_is_named_with_its_reason() {
        let servers = json!({"servers": [
            {"name": "git", "state": "ready", "error": null},
            {"name": "doomed", "state": "failed", "error": "no such database"},
        ], "tools": []});
        let verdict = judge_ready(&admin(200, servers));
        assert_eq!(verdict.status, Status::Fail);
        assert_eq!(verdict.detail, "server `doomed` failed: no such database");
    }

    #[test]
    fn a_server_that_is_waited_for_is_named() {
        let servers = json!({"servers": [{"name": "slow", "state": "starting", "error": null}]});
        assert_eq!(
            judge_ready(&admin(503, servers)).detail,
            "`/readyz` answered 503: server `slow` is still starting"
        );
    }

    #[tokio::test]
    async fn a_socket_that_is_not_there_is_named() {
        let path = "/nowhere/admin.sock";
        let seen = gather(&crate::checks::admin(&Bind::Unix(path.into()))).await;
        let detail = judge_ready(&seen).detail;
        assert!(detail.contains(path), "{detail}");
    }

    #[test]
    fn readiness_is_the_origins_own_word() {
        let fine = json!({"servers": [], "tools": ["a", "b"]});
        assert_eq!(judge_ready(&admin(503, fine.clone())).status, Status::Fail);
        assert_eq!(
            judge_ready(&admin(200, fine)),
            Verdict::pass("ready with 2 tools")
        );
    }

    #[test]
    fn another_generation_fails() {
        let seen = admin(200, json!({"generation": "aa"}));
        assert_eq!(judge_generation(&seen, "aa").status, Status::Pass);
        assert_eq!(judge_generation(&seen, "bb").status, Status::Fail);
        assert_eq!(
            judge_generation(&admin(200, json!({})), "bb").status,
            Status::Fail
        );
    }

    #[tokio::test]
    async fn addresses_of_quic_are_looked_at_too() {
        let quic = ["127.0.0.1:10443".parse().expect("valid")];
        let seen = gather_outside(&[], &quic, None).await;
        assert_eq!(seen, [Outside::Loopback]);
        let silent = std::net::UdpSocket::bind("0.0.0.0:0").expect("a free port");
        let quic = [silent.local_addr().expect("it is bound")];
        let own = Some("127.0.0.1".parse().expect("valid"));
        let seen = gather_outside(&[], &quic, own).await;
        assert!(matches!(seen[..], [Outside::Address(_, false)]), "{seen:?}");
    }

    #[test]
    fn an_origin_that_is_reached_past_the_edge_fails() {
        let address = "192.0.2.1:8000".parse().expect("valid");
        assert_eq!(
            judge_outside(&[Outside::Unix, Outside::Address(address, true)]).status,
            Status::Fail
        );
        assert_eq!(
            judge_outside(&[Outside::Address(address, false)]).status,
            Status::Pass
        );
        assert_eq!(
            judge_outside(&[Outside::Unix]),
            Verdict::pass("on a Unix socket only")
        );
    }
}
