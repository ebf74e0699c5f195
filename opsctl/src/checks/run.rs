//! All checks in their order: first what the others stand on, then the rest side by side.

use std::future::Future;
use std::time::{Duration, Instant};

use probe::{Trust, Version};
use serde_json::{Value, json};

use super::aim::{Aim, EdgeAim, HostAim};
use super::origin::Admin;
use super::verdict::{Check, Id, Status, Verdict};
use super::{
    alt_svc, disconnect, early_data, edge, lint, mcp, origin, reach, request_id, stream, tcp_sites,
    timeouts, tls, tool_api,
};
use crate::{host, nginx};

/// What is verified, and what came of it.
#[derive(Debug)]
pub(crate) struct Verification {
    /// The deployment's name, or the host of a URL.
    pub(crate) deployment: String,
    /// The generation; empty for a URL.
    pub(crate) generation: String,
    /// The topology; empty for a URL.
    pub(crate) topology: String,
    /// The checks in their order.
    pub(crate) checks: Vec<Check>,
    /// Where a person sees the same in a browser, as URLs; empty where the spec does not open the page.
    pub(crate) h3check: Vec<String>,
}

impl Verification {
    /// True when no check failed.
    pub(crate) fn is_ok(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.verdict.status != Status::Fail)
    }

    /// The documented JSON form.
    pub(crate) fn to_json(&self) -> Value {
        let checks: Vec<_> = self
            .checks
            .iter()
            .map(|check| {
                let mut row = json!({
                    "id": check.id.as_str(),
                    "status": check.verdict.status,
                    "detail": check.verdict.detail,
                    "ms": (check.ms * 10.0).round() / 10.0,
                });
                if let Some(site) = &check.site {
                    row["site"] = json!(site);
                }
                row
            })
            .collect();
        json!({
            "ok": self.is_ok(),
            "deployment": self.deployment,
            "generation": self.generation,
            "topology": self.topology,
            "checks": checks,
            "h3check": self.h3check,
        })
    }
}

/// Makes all checks of an edge (nothing for a URL) and of the sites behind it.
pub(crate) async fn verify(edge: Option<&EdgeAim>, aims: &[Aim]) -> Vec<Check> {
    let sites = async {
        let mut checks = Vec::new();
        // site after site: two origins on one small machine would disturb each other's cadence
        for aim in aims {
            // boxed: it holds some forty questions at once
            checks.extend(Box::pin(verify_site(aim)).await);
        }
        checks
    };
    let (mut checks, more) = tokio::join!(verify_edge(edge), sites);
    checks.extend(more);
    checks.sort_by_key(|check| check.id);
    checks
}

async fn verify_edge(aim: Option<&EdgeAim>) -> Vec<Check> {
    let Some(aim) = aim else {
        let skipped = |id| check(id, None, Verdict::skip(HOST_ONLY), Duration::ZERO);
        let ids = [Id::NginxConfig, Id::NginxLint, Id::NginxGeneration];
        return ids.map(skipped).into();
    };
    let config = timed(Id::NginxConfig, None, async {
        let tested = match &aim.test {
            Ok((program, arguments)) => nginx::test(program, arguments)
                .await
                .map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        edge::judge_config(&tested)
    });
    let generation = timed(Id::NginxGeneration, None, async {
        edge::judge_generation(&edge::gather_generation(aim).await, &aim.generation)
    });
    let judged = timed(Id::NginxLint, None, async {
        lint::judge(&lint::gather(aim).await)
    });
    let (config, judged, generation) = tokio::join!(config, judged, generation);
    vec![config, judged, generation]
}

async fn verify_site(aim: &Aim) -> Vec<Check> {
    let mut aim = aim.clone();
    // some forty connections are made
    aim.edge.trust = aim.edge.trust.read_once().await;
    let (mut checks, admin) = host_checks(&aim).await;
    checks.extend(tls_checks(&mut aim).await);
    let (reached, versions) = reach_checks(&aim).await;
    checks.extend(reached);
    let (aim, versions) = (&aim, versions.as_slice());
    let site = aim.site.as_deref();
    let early = timed(Id::EarlyData, site, async {
        early_data::judge(early_data::gather(aim, versions).await.as_ref())
    });
    checks.push(Box::pin(early).await);
    if !aim.tcp_sites.is_empty() {
        checks.push(Box::pin(tcp_sites_check(aim)).await);
    }
    if aim.locked {
        let (said, tried) = alt_svc::gather(aim, versions).await;
        let verdict = alt_svc::judge(&said, &tried, aim.public_port);
        checks.push(check(Id::AltSvc, aim.site.clone(), verdict, Duration::ZERO));
        checks.extend(BEHIND_KEYS.map(|id| {
            let skipped = Verdict::skip(LOCKED);
            check(id, aim.site.clone(), skipped, Duration::ZERO)
        }));
        return checks;
    }
    let alternative = timed(Id::AltSvc, site, async {
        let (said, tried) = alt_svc::gather(aim, versions).await;
        alt_svc::judge(&said, &tried, aim.public_port)
    });
    let ids = over(Id::RequestIds, aim, versions, async |version| {
        request_id::judge(&request_id::gather(aim, version, host::random_name("verify")).await)
    });
    let silence = over(Id::KeepAlive, aim, versions, async |version| {
        stream::judge_silence(&stream::gather_silence(aim, version).await, aim.keep_alive)
    });
    let slow = over(Id::Timeouts, aim, versions, async |version| {
        timeouts::judge(&timeouts::gather(aim, version).await)
    });
    let (events, gone, protocol) = (
        event_checks(aim, versions),
        disconnect_check(aim, versions),
        mcp_checks(aim, versions, admin.as_ref()),
    );
    let (alternative, ids, silence, slow, events, gone, protocol) =
        tokio::join!(alternative, ids, silence, slow, events, gone, protocol);
    checks.extend([alternative, ids, silence, slow, gone]);
    checks.extend(events);
    checks.extend(protocol);
    checks.push(Box::pin(tool_api_check(aim, versions)).await);
    checks
}

/// Where the spec has other sites on the port.
async fn tcp_sites_check(aim: &Aim) -> Check {
    timed(Id::TcpSites, aim.site.as_deref(), async {
        let (seen, origin) = tcp_sites::gather(aim).await;
        tcp_sites::judge(&seen, origin.as_ref(), aim.public_port, aim.settling)
    })
    .await
}

/// Where the spec opens it.
async fn tool_api_check(aim: &Aim, versions: &[Version]) -> Check {
    timed(Id::ToolApi, aim.site.as_deref(), async {
        let opened = match tool_api::opened(aim) {
            Ok(opened) => opened,
            Err(why) => return Verdict::skip(why),
        };
        let tools = match versions.first() {
            Some(first) => mcp::gather_tools(aim, *first).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let calls = mcp::choose(&aim.servers, &tools, &[]).chosen;
        let judged = each(versions, async |version| {
            tool_api::judge(&tool_api::gather(aim, version, &opened, &calls).await)
        });
        Verdict::over_versions(&judged.await)
    })
    .await
}

/// What only the origin's own host can be asked.
async fn host_checks(aim: &Aim) -> (Vec<Check>, Option<Admin>) {
    let ids = [Id::OriginGeneration, Id::OriginReady, Id::OriginPrivate];
    let all = |verdict: &Verdict| {
        ids.map(|id| check(id, aim.site.clone(), verdict.clone(), Duration::ZERO))
            .to_vec()
    };
    let Some(HostAim {
        admin,
        generation,
        binds,
        quic,
    }) = &aim.host
    else {
        return (all(&Verdict::skip(HOST_ONLY)), None);
    };
    let private = timed(Id::OriginPrivate, aim.site.as_deref(), async {
        let own = host::outside_address();
        origin::judge_outside(&origin::gather_outside(binds, quic, own).await)
    })
    .await;
    let Some(admin) = admin else {
        let mut checks = all(&Verdict::skip("the origin has no `admin_bind`"));
        checks.pop();
        checks.push(private);
        return (checks, None);
    };
    let start = Instant::now();
    let seen = origin::gather(admin).await;
    let took = start.elapsed();
    let [generation_id, ready_id, _] = ids;
    let checks = vec![
        check(
            generation_id,
            aim.site.clone(),
            origin::judge_generation(&seen, generation),
            took,
        ),
        check(ready_id, aim.site.clone(), origin::judge_ready(&seen), took),
        private,
    ];
    (checks, Some(seen))
}

/// The certificate. Where it is not trusted this is said once, here; the other checks then look at what is behind it.
async fn tls_checks(aim: &mut Aim) -> Vec<Check> {
    let start = Instant::now();
    let seen = tokio::join!(
        tls::gather(aim, Version::Http1),
        tls::gather(aim, Version::Http2),
        tls::gather(aim, Version::Http3)
    );
    let shown = [
        (Version::Http1, seen.0),
        (Version::Http2, seen.1),
        (Version::Http3, seen.2),
    ];
    let took = start.elapsed();
    if shown
        .iter()
        .any(|(_, shown)| matches!(shown, tls::Shown::Untrusted(..)))
    {
        aim.edge.trust = Trust::Any;
    }
    vec![
        check(
            Id::TlsChain,
            aim.site.clone(),
            tls::judge_chain(&shown, &aim.edge.host),
            took,
        ),
        check(
            Id::TlsExpiry,
            aim.site.clone(),
            tls::judge_expiry(&shown, host::since_epoch()),
            took,
        ),
    ]
}

/// The three versions, and those over which the other checks can ask.
async fn reach_checks(aim: &Aim) -> (Vec<Check>, Vec<Version>) {
    let one = async |id, version| {
        let start = Instant::now();
        let seen = reach::gather(aim, version).await;
        let mut verdict = reach::judge(&seen, aim.settling);
        verdict.versions = vec![(version, verdict.status)];
        (
            check(id, aim.site.clone(), verdict, start.elapsed()),
            reach::is_usable(&seen).then_some(version),
        )
    };
    let (first, second, third) = tokio::join!(
        one(Id::Http1, Version::Http1),
        one(Id::Http2, Version::Http2),
        one(Id::Http3, Version::Http3)
    );
    let versions = [first.1, second.1, third.1].into_iter().flatten().collect();
    (vec![first.0, second.0, third.0], versions)
}

/// The events of one stream a version, judged twice.
async fn event_checks(aim: &Aim, versions: &[Version]) -> Vec<Check> {
    let start = Instant::now();
    let seen = each(versions, async |version| stream::gather(aim, version).await).await;
    let took = start.elapsed();
    let judged = |judge: fn(&Result<stream::Arrivals, String>) -> Verdict| {
        let parts: Vec<_> = seen
            .iter()
            .map(|(version, seen)| (*version, judge(seen)))
            .collect();
        Verdict::over_versions(&parts)
    };
    vec![
        check(
            Id::FirstEvent,
            aim.site.clone(),
            judged(stream::judge_first),
            took,
        ),
        check(
            Id::Cadence,
            aim.site.clone(),
            judged(stream::judge_cadence),
            took,
        ),
    ]
}

async fn disconnect_check(aim: &Aim, versions: &[Version]) -> Check {
    let skip = |reason| {
        check(
            Id::Disconnect,
            aim.site.clone(),
            Verdict::skip(reason),
            Duration::ZERO,
        )
    };
    let Some(host) = &aim.host else {
        return skip(HOST_ONLY);
    };
    let Some(admin) = &host.admin else {
        return skip("the origin has no `admin_bind`");
    };
    let gone = over(Id::Disconnect, aim, versions, async |version| {
        let id = host::random_name("verify");
        disconnect::judge(&disconnect::gather(aim, admin, version, &id).await, version)
    });
    Box::pin(gone).await
}

async fn mcp_checks(aim: &Aim, versions: &[Version], admin: Option<&Admin>) -> Vec<Check> {
    let discover = over(Id::Discover, aim, versions, async |version| {
        mcp::judge_discover(&mcp::gather_discover(aim, version).await)
    });
    let initialize = over(Id::Initialize, aim, versions, async |version| {
        mcp::judge_initialize(&mcp::gather_initialize(aim, version).await)
    });
    let call = timed(Id::ToolCall, aim.site.as_deref(), async {
        let Some(first) = versions.first() else {
            return Verdict::over_versions(&[]);
        };
        let tools = mcp::gather_tools(aim, *first).await;
        let failed = admin.map(Admin::failed_servers).unwrap_or_default();
        let calls = mcp::choose(&aim.servers, tools.as_deref().unwrap_or_default(), &failed);
        let called = each(versions, async |version| {
            mcp::judge_called(&mcp::gather_calls(aim, version, &calls.chosen).await)
        })
        .await;
        mcp::judge_servers(&tools, &calls, &called)
    });
    let (discover, initialize, call) = tokio::join!(discover, initialize, call);
    vec![discover, initialize, call]
}

/// One check over several versions, all at once.
async fn over(
    id: Id,
    aim: &Aim,
    versions: &[Version],
    ask: impl AsyncFn(Version) -> Verdict,
) -> Check {
    timed(id, aim.site.as_deref(), async {
        Verdict::over_versions(&each(versions, ask).await)
    })
    .await
}

/// The same question over several versions, all at once.
async fn each<T>(versions: &[Version], ask: impl AsyncFn(Version) -> T) -> Vec<(Version, T)> {
    let one = async |version: Version| {
        if versions.contains(&version) {
            Some((version, ask(version).await))
        } else {
            None
        }
    };
    let (first, second, third) = tokio::join!(
        one(Version::Http1),
        one(Version::Http2),
        one(Version::Http3)
    );
    [first, second, third].into_iter().flatten().collect()
}

async fn timed(id: Id, site: Option<&str>, judged: impl Future<Output = Verdict>) -> Check {
    let start = Instant::now();
    let verdict = judged.await;
    check(id, site.map(str::to_owned), verdict, start.elapsed())
}

fn check(id: Id, site: Option<String>, verdict: Verdict, took: Duration) -> Check {
    Check {
        id,
        site,
        verdict,
        ms: took.as_secs_f64() * 1_000.0,
    }
}

/// What is asked behind the edge's own pages.
const BEHIND_KEYS: [Id; 10] = [
    Id::RequestIds,
    Id::FirstEvent,
    Id::Cadence,
    Id::KeepAlive,
    Id::Disconnect,
    Id::Timeouts,
    Id::Discover,
    Id::Initialize,
    Id::ToolCall,
    Id::ToolApi,
];

const LOCKED: &str =
    "the origin asks for an API key: `opsctl verify --key-file FILE` shows it the one in FILE";

const HOST_ONLY: &str = "only the deployment's own host can say";

#[cfg(test)]
mod tests {
    use super::*;

    fn verification(status: Status, site: Option<&str>) -> Verification {
        let verdict = Verdict::new(status, "seen");
        Verification {
            deployment: "demo".into(),
            generation: "0123456789abcdef".into(),
            topology: "h3-termination".into(),
            h3check: Vec::new(),
            checks: vec![check(
                Id::Http3,
                site.map(str::to_owned),
                verdict,
                Duration::from_micros(1_260),
            )],
        }
    }

    #[test]
    fn the_json_form_is_the_documented_one() {
        let json = verification(Status::Pass, None).to_json();
        assert_eq!(
            json,
            json!({
                "ok": true, "deployment": "demo", "generation": "0123456789abcdef", "topology": "h3-termination",
                "checks": [{"id": "http3", "status": "pass", "detail": "seen", "ms": 1.3}],
                "h3check": [],
            })
        );
        assert_eq!(
            verification(Status::Pass, Some("alpha")).to_json()["checks"][0]["site"],
            "alpha"
        );
    }

    #[test]
    fn only_a_failure_is_a_failure() {
        for (status, ok) in [
            (Status::Pass, true),
            (Status::Warn, true),
            (Status::Skip, true),
            (Status::Fail, false),
        ] {
            assert_eq!(verification(status, None).is_ok(), ok, "{status}");
        }
    }
}
