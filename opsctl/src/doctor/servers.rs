//! `servers`: each MCP server is started by an origin of the doctor's own, and says how that went.

use std::path::Path;
use std::time::{Duration, Instant};

use deploy::{Deployment, Site};
use findings::{Finding, Report};
use origin_config::{Bind, OriginConfig};
use probe::{Ask, Target, Version};
use rustix::process::Signal;
use serde_json::Value;

use super::Check;
use crate::checks;
use crate::checks::ask::fetch_once;
use crate::error::HostError;
use crate::host::files::{self, NewFile};
use crate::host::process::{Orphans, Service, Start};
use crate::spec::SpecFile;

/// How the start of one server went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It answers: the number of its tools.
    Ready(u64),
    /// It does not: why, with the end of its error output.
    Failed(String),
    /// It says nothing.
    Silent(Duration),
}

/// Starts the servers of all sites, below a folder that is thrown away, and judges what became of them.
pub(crate) async fn look(
    deployment: &Deployment,
    spec: &SpecFile,
    (origin, folder): (&Path, &Path),
) -> Result<Check, HostError> {
    let mut findings = Report::new();
    let mut seen = Vec::new();
    let _orphans = Orphans::adopt();
    for (index, site) in deployment.sites.iter().enumerate() {
        let outcomes = start(site, origin, folder).await?;
        for (number, (name, outcome)) in outcomes.into_iter().enumerate() {
            match finding(&name, &outcome) {
                None => seen.push(told(&name, &outcome)),
                Some(finding) => {
                    let key = spec.site_key(index, &format!("servers[{number}]"));
                    findings.push(spec.place(&key, finding));
                }
            }
        }
    }
    let faults = findings.findings().len();
    let detail = match (faults, seen.len()) {
        (0, 0) => "the spec names no MCP server".to_owned(),
        (0, _) => seen.join(", "),
        (_, 0) => "none of them starts".to_owned(),
        _ => format!("{}; {faults} did not start", seen.join(", ")),
    };
    Ok(Check::seen("servers", detail, findings))
}

fn told(name: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ready(1) => format!("`{name}` has 1 tool"),
        Outcome::Ready(tools) => format!("`{name}` has {tools} tools"),
        Outcome::Failed(_) | Outcome::Silent(_) => format!("`{name}` did not start"),
    }
}

fn finding(name: &str, outcome: &Outcome) -> Option<Finding> {
    let message = match outcome {
        Outcome::Ready(_) => return None,
        Outcome::Failed(why) => format!("server `{name}` does not start: {}", why.trim()),
        Outcome::Silent(time) => {
            let time = findings::format_duration(*time);
            format!("server `{name}` has not answered within {time}, its `start_timeout`")
        }
    };
    let hint = "start it by hand, as `origin serve -- COMMAND`, with the same user, folder and environment";
    Some(Finding::error("server.start", message).hint(hint))
}

/// Starts one origin for the servers of a site, and ends it when all of them have said something.
async fn start(
    site: &Site,
    origin: &Path,
    folder: &Path,
) -> Result<Vec<(String, Outcome)>, HostError> {
    let socket = folder.join(format!("{}.sock", site.name));
    let admin = Bind::Unix(folder.join(format!("{}-a.sock", site.name)));
    let config = alone(&site.origin, Bind::Unix(socket), admin.clone());
    if config.servers.is_empty() {
        return Ok(Vec::new());
    }
    let path = folder.join(format!("{}.toml", site.name));
    files::replace(NewFile {
        path: &path,
        contents: origin_config::write(&config, "of opsctl doctor").as_bytes(),
        // an environment of a server may hold a secret
        mode: 0o600,
        owner: (None, None),
    })?;
    let log = folder.join(format!("{}.log", site.name));
    let mut service = Service::start(&Start {
        name: "the origin of the doctor",
        program: origin,
        arguments: vec!["--config".to_owned(), path.display().to_string()],
        log: &log,
    })?;
    let outcomes = wait(&config, &checks::admin(&admin), &mut service).await;
    service.signal(Signal::TERM);
    service.wait(END).await;
    Ok(outcomes)
}

/// The servers alone: nothing public, nothing that an origin of the deployment has already.
fn alone(config: &OriginConfig, bind: Bind, admin: Bind) -> OriginConfig {
    let mut alone = config.clone();
    alone.bind = vec![bind];
    alone.admin_bind = vec![admin];
    alone.tls.certificates.clear();
    alone.tls.insecure_bind.clear();
    alone.quic.bind.clear();
    alone.dependencies.clear();
    alone.api_keys_file = None;
    alone.state_key_file = None;
    alone.graceful_timeout = Duration::from_secs(1);
    for server in &mut alone.servers {
        // one shows what all of them do
        server.launch.processes = 1;
    }
    alone
}

async fn wait(
    config: &OriginConfig,
    admin: &Target,
    service: &mut Service,
) -> Vec<(String, Outcome)> {
    let begun = Instant::now();
    loop {
        let ended = service.ended();
        let shown = if ended.is_none() {
            ask(admin).await
        } else {
            None
        };
        let waited = begun.elapsed();
        let outcomes: Vec<_> = config
            .servers
            .iter()
            .map(|server| {
                let shown = shown.as_ref().and_then(|servers| of(servers, &server.name));
                let outcome = shown.or_else(|| {
                    if let Some(status) = ended {
                        let said = files::tail(&service.log, TAIL).join("\n");
                        return Some(Outcome::Failed(format!(
                            "its origin ended with {status}\n{said}"
                        )));
                    }
                    let late = waited > server.start_timeout + MARGIN;
                    late.then_some(Outcome::Silent(server.start_timeout))
                });
                (server.name.clone(), outcome)
            })
            .collect();
        if outcomes.iter().all(|(_, outcome)| outcome.is_some()) {
            let said = |(name, outcome): (String, Option<Outcome>)| Some((name, outcome?));
            return outcomes.into_iter().filter_map(said).collect();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What `/capz` says of the servers.
async fn ask(admin: &Target) -> Option<Value> {
    let answer = fetch_once(admin, Version::Http1, Ask::get("/capz"))
        .await
        .ok()?;
    serde_json::from_slice::<Value>(&answer.body)
        .ok()?
        .get_mut("servers")
        .map(Value::take)
}

/// What became of one server; nothing while its first start is under way.
fn of(servers: &Value, name: &str) -> Option<Outcome> {
    let server = servers
        .as_array()?
        .iter()
        .find(|server| server["name"] == name)?;
    if server["state"] == "ready" {
        return Some(Outcome::Ready(server["tools"].as_u64().unwrap_or_default()));
    }
    let error = server["error"].as_str()?;
    Some(Outcome::Failed(error.to_owned()))
}

const PAUSE: Duration = Duration::from_millis(100);
/// What the origin itself needs to start on a busy machine.
const MARGIN: Duration = Duration::from_secs(5);
/// One second for calls, of which there are none, and what the origin gives servers to end.
const END: Duration = Duration::from_secs(12);
const TAIL: usize = 5;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_server_is_ready_failed_or_not_there_yet() {
        let servers = json!([
            {"name": "a", "state": "ready", "tools": 3},
            {"name": "b", "state": "failed", "tools": 0, "error": "it ended\nno such module"},
            {"name": "c", "state": "starting", "tools": 0, "error": null},
        ]);
        assert_eq!(of(&servers, "a"), Some(Outcome::Ready(3)));
        let failed = of(&servers, "b").expect("said");
        let finding = finding("b", &failed).expect("a finding");
        assert!(finding.message.ends_with("no such module"), "{finding:?}");
        assert_eq!(of(&servers, "c"), None);
        assert_eq!(of(&servers, "d"), None);
    }
}
