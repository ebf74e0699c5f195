//! What has to be true before a change of the machine is good.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deploy::plan::{Plan, Verb};
use deploy::{Deployment, ShownBy};
use findings::{Finding, Report};
use probe::certificate::read_chain;
use probe::{Ask, CertificateDer, Trust, Version};
use serde_json::Value;

use super::held::Held;
use super::rehearse::Rehearsed;
use crate::checks::ask::fetch;
use crate::checks::{self, Access, Status, Verification};
use crate::commands::verify::{of_deployment, trust_of};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::nginx::{self, Nginx};
use crate::settle::Before;
use crate::survey::NGINX;

/// How a change is proved.
pub(crate) enum Proof<'a> {
    /// Not at all: the tree is for another machine.
    Nothing,
    /// NGINX takes the configuration; nothing of ours serves after it.
    Valid(&'a Nginx),
    /// The deployment serves.
    Serving(Serving<'a>),
    /// Whoever ends TLS shows the certificates that are installed: whether the rest serves is not their fault.
    Certificates(&'a Deployment, &'a Nginx),
}

/// A deployment that has to serve.
pub(crate) struct Serving<'a> {
    /// The deployment.
    pub(crate) deployment: &'a Deployment,
    /// The machine's NGINX.
    pub(crate) nginx: &'a Nginx,
    /// Whether NGINX has judged the files already.
    pub(crate) rehearsed: Rehearsed,
}

/// Why a change is not good.
#[derive(Debug)]
pub(crate) enum Unproved {
    /// NGINX rejects the files in their places.
    Rejected(Report),
    /// What runs does not take them up.
    NotTaken(Finding),
    /// It does not do what it should.
    Verification(Verification),
    /// A person ended it.
    Interrupted(&'static str),
    /// It could not be arranged that it is taken back unless confirmed.
    Unguarded(crate::error::HostError),
}

impl Serving<'_> {
    /// How it is reached: the authorities of certificates that were made are on the machine only once they are installed.
    pub(crate) fn access(&self) -> Result<Access, CommandError> {
        Ok(Access {
            connect: None,
            trust: trust_of(self.deployment, None)?,
            handshakes: HANDSHAKES,
            settling: true,
            key: None,
        })
    }
}

impl Unproved {
    /// The exit code once everything is as it was.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Rejected(_) => Exit::Rejected,
            Self::Verification(_) => Exit::Verify,
            Self::NotTaken(_) | Self::Interrupted(_) | Self::Unguarded(_) => Exit::ApplyRestored,
        }
    }

    /// What was found.
    pub(crate) fn findings(self) -> Report {
        let mut report = Report::new();
        match self {
            Self::Rejected(found) => report = found,
            Self::NotTaken(finding) => report.push(finding),
            Self::Verification(verification) => {
                for check in &verification.checks {
                    if check.verdict.status == Status::Fail {
                        let id = format!("verify.{}", check.id.as_str());
                        report.push(Finding::error(id, check.verdict.detail.clone()));
                    }
                }
            }
            Self::Interrupted(signal) => {
                let message = format!("ended by {signal}");
                report.push(Finding::error("apply.interrupted", message));
            }
            Self::Unguarded(error) => {
                let message = format!("{error}: {}", error.source);
                report.push(Finding::error("apply.unguarded", message));
            }
        }
        report
    }
}

impl Proof<'_> {
    /// Asks before units are told: NGINX judges the files in their places where it could not judge them before.
    pub(crate) async fn installed(&self) -> Result<(), Unproved> {
        let nginx = match self {
            Self::Nothing => return Ok(()),
            Self::Valid(nginx) | Self::Certificates(_, nginx) => nginx,
            Self::Serving(serving) if serving.rehearsed == Rehearsed::Passed => return Ok(()),
            Self::Serving(serving) => serving.nginx,
        };
        let (program, words) = test_of(nginx);
        let tested = nginx::test(&program, &words).await;
        let messages = match tested {
            Ok(tested) if tested.ok => return Ok(()),
            Ok(tested) => tested.messages,
            Err(error) => vec![format!("[emerg] {error}: {}", error.source)],
        };
        let mut report = Report::new();
        for message in &messages {
            report.push(nginx::finding(message));
        }
        if !report.has_errors() {
            report.push(Finding::error("nginx.rejected", "`nginx -t` failed"));
        }
        Err(Unproved::Rejected(report))
    }

    /// Asks after units were told: the running programs name the generation, and the whole verification passes.
    pub(crate) async fn taken_up(
        &self,
        plan: &Plan,
        before: &Before,
        held: Option<&Held>,
    ) -> Result<Value, Unproved> {
        let tells = |verb| {
            plan.services()
                .any(|(told, unit)| told == verb && unit == NGINX)
        };
        let serving = match self {
            Self::Nothing | Self::Valid(_) => return Ok(Value::Null),
            Self::Serving(serving) => serving,
            Self::Certificates(deployment, _) => {
                let named = deployment.edge.generation.as_str();
                let is_reloaded = tells(Verb::Reload);
                let settled = before.settled(deployment, named, is_reloaded).await;
                settled.map_err(Unproved::NotTaken)?;
                shown(deployment).await.map_err(Unproved::NotTaken)?;
                return Ok(Value::Null);
            }
        };
        let deployment = serving.deployment;
        let taken_up = before.origins.settled(deployment, plan).await;
        taken_up.map_err(Unproved::NotTaken)?;
        before
            .settled(
                deployment,
                deployment.edge.generation.as_str(),
                tells(Verb::Reload),
            )
            .await
            .map_err(Unproved::NotTaken)?;
        let stream = match held {
            None => "not held",
            Some(held) if held.goes_on().await => "goes on",
            Some(_) => "ended",
        };
        if let Some(held) = held {
            held.end();
        }
        let test = Ok(test_of(serving.nginx));
        let access = serving.access().map_err(|error| {
            let message = error.chain().join(": ");
            Unproved::NotTaken(Finding::error("tls.ca", message))
        })?;
        let mut verification = Box::pin(of_deployment(deployment, &access, test.clone())).await;
        for _ in 0..AGAIN {
            if verification.is_ok() {
                break;
            }
            // old workers that end get packets of new HTTP/3 connections for a while
            tokio::time::sleep(PAUSE).await;
            verification = Box::pin(of_deployment(deployment, &access, test.clone())).await;
        }
        if !verification.is_ok() {
            return Err(Unproved::Verification(verification));
        }
        if let Some(line) = before.emergencies().first() {
            let finding = Finding::error("nginx.log", format!("NGINX wrote: {line}"));
            return Err(Unproved::NotTaken(finding));
        }
        let mut document = verification.to_json();
        document["held_stream"] = stream.into();
        Ok(document)
    }
}

/// Whether every site shows the certificate that is in its place.
async fn shown(deployment: &Deployment) -> Result<(), Finding> {
    let access = Access {
        connect: None,
        // what it is for is known: here only which one it is matters
        trust: Trust::Any,
        handshakes: 0,
        settling: true,
        key: None,
    };
    let aims = checks::from_deployment(deployment, &access);
    for (site, aim) in deployment.sites.iter().zip(aims) {
        let path = site.certificate.chain_path.as_path();
        let pem = std::fs::read(path).ok();
        let installed = pem.and_then(|pem| read_chain(&pem).ok());
        let installed = installed.and_then(|chain| chain.into_iter().next());
        let (who, versions): (_, &[Version]) = match site.certificate.shown_by {
            // workers that end make HTTP/3 fail for reasons of their own
            ShownBy::Edge => ("NGINX", &[Version::Http2]),
            ShownBy::Origin => ("the origin", &[Version::Http2, Version::Http3]),
        };
        for version in versions {
            let start = Instant::now();
            while installed.is_none() || leaf(&aim.edge, *version).await != installed {
                if start.elapsed() > SHOWN_WITHIN {
                    let path = path.display();
                    let message = format!("{who} does not show `{path}` over {version}");
                    return Err(Finding::error("tls.shown", message));
                }
                tokio::time::sleep(PAUSE / 4).await;
            }
        }
    }
    Ok(())
}

/// The certificate that a new connection gets.
async fn leaf(target: &probe::Target, version: Version) -> Option<CertificateDer<'static>> {
    let answer = fetch(target, version, Ask::get("/healthz")).await.ok()?;
    answer.tls?.chain.into_iter().next()
}

/// The command that tests the configuration of the machine.
fn test_of(nginx: &Nginx) -> (PathBuf, Vec<String>) {
    (Path::new(&nginx.program).to_owned(), vec!["-t".to_owned()])
}

/// As `verify` makes them by default.
const HANDSHAKES: usize = 20;
/// How often a verification that failed is made once more: what is broken fails each time, what was busy does not.
const AGAIN: usize = 2;
const PAUSE: Duration = Duration::from_secs(2);
/// An origin reads its certificates again within a second; on a busy machine that is a few.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
