//! The plan before it is carried out: NGINX, the origins and systemd judge the files where they will be, and nothing of
//! the machine changes.

use std::path::Path;
use std::process::Output;

use deploy::plan::{Content, Plan};
use deploy::{Deployment, Site};
use findings::{Finding, Report};

use super::owners;
use crate::checks::lint;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::find_program;
use crate::host::rehearsal::{Props, Rehearsal, complaints, is_unavailable};
use crate::nginx::{self, Nginx};

/// Whether a plan was rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rehearsed {
    /// It passed.
    Passed,
    /// It cannot be rehearsed here; NGINX judges the files once they are in place, before it is told.
    Unavailable(String),
}

/// Rehearses a plan.
///
/// # Errors
/// Exit 11 with what was rejected, where it stands; the machine is as it was.
pub(crate) async fn rehearse(
    plan: &Plan,
    deployment: &Deployment,
    nginx: &Nginx,
) -> Result<Rehearsed, CommandError> {
    let rehearsal = Rehearsal::of(&props(plan, deployment))?;
    let mut report = match rehearsal.run(&nginx.program, &["-T"]).await {
        Err(error) if is_unavailable(&error) => {
            return Ok(Rehearsed::Unavailable(error.source.to_string()));
        }
        output => judge_nginx(&output?, deployment),
    };
    for site in &deployment.sites {
        report.append(judge_origin(&rehearsal, site).await?);
    }
    report.append(judge_units(&rehearsal, plan).await?);
    if report.has_errors() {
        return Err(CommandError::found(Exit::Rejected, report));
    }
    Ok(Rehearsed::Passed)
}

fn props<'p>(plan: &'p Plan, deployment: &'p Deployment) -> Props<'p> {
    let mut props = Props {
        folders: vec![deployment.paths.run.as_str()],
        ..Props::default()
    };
    for change in plan.changes() {
        match &change.after {
            Content::File { digest, mode, .. } => {
                let text = plan.texts.get(digest).map_or("", String::as_str);
                // a change of rights alone carries no text
                if plan.texts.contains_key(digest) {
                    props.files.push((&change.path, text.as_bytes(), *mode));
                }
            }
            Content::Folder { .. } => props.folders.push(&change.path),
            Content::Absent if matches!(change.before, Content::File { .. }) => {
                props.gone.push(&change.path);
            }
            Content::Absent | Content::Other { .. } => {}
        }
    }
    props
}

fn judge_nginx(output: &Output, deployment: &Deployment) -> Report {
    let mut report = Report::new();
    if !output.status.success() {
        let messages = nginx::messages(&complaints(output));
        for message in &messages {
            // what it says on standard error it says in its log too
            let finding = nginx::finding(message);
            if !report.findings().contains(&finding) {
                report.push(finding);
            }
        }
        if !report.has_errors() {
            let message = format!("`nginx -t` ended with {}", output.status);
            report.push(Finding::error("nginx.rejected", message));
        }
        return report;
    }
    // what no include of nginx.conf reaches passes every test and does nothing
    let dump = String::from_utf8_lossy(&output.stdout);
    for path in [&deployment.paths.http_conf, &deployment.paths.main_conf] {
        if !dump.contains(&format!("# configuration file {path}:")) {
            let message = format!("NGINX does not read `{path}`");
            let folder = path.as_path().parent().unwrap_or(Path::new("/")).display();
            let nginx_conf = &deployment.paths.nginx_conf;
            let hint = format!("`{nginx_conf}` has to include `{folder}/*.conf`, as Debian's does");
            report.push(Finding::error("nginx.include", message).hint(hint));
        }
    }
    let messages = nginx::messages(&complaints(output));
    report.append(owners::find(&messages, &output.stdout, deployment));
    // a snippet stays whatever becomes of an apply: one that does harm is refused before NGINX reads it
    report.append(lint::errors_in(&output.stdout, deployment));
    report
}

/// The origin that will run judges the configuration that it will read.
async fn judge_origin(rehearsal: &Rehearsal, site: &Site) -> Result<Report, HostError> {
    let words = ["check", "--config", site.origin_toml_path.as_str()];
    let output = rehearsal
        .run(site.origin_executable.as_path(), &words)
        .await?;
    let mut report = Report::new();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        let said = format!("{}{}", said.trim(), complaints(&output));
        let message = format!(
            "the origin of `{}` rejects its configuration:\n{said}",
            site.name
        );
        report.push(Finding::error("origin.rejected", message));
    }
    Ok(report)
}

/// systemd judges the units that change, where `systemd-analyze` is there to ask.
async fn judge_units(rehearsal: &Rehearsal, plan: &Plan) -> Result<Report, HostError> {
    let mut report = Report::new();
    let path = std::env::var_os("PATH");
    let Some(program) = find_program("systemd-analyze", path.as_deref()) else {
        return Ok(report);
    };
    let units: Vec<&str> = plan
        .changes()
        .filter(|change| matches!(change.after, Content::File { .. }))
        .filter(|change| {
            change.path.starts_with(UNITS) && !change.path[UNITS.len()..].contains('/')
        })
        .map(|change| change.path.as_str())
        .collect();
    if units.is_empty() {
        return Ok(report);
    }
    let words: Vec<&str> = ["verify", "--man=no", "--recursive-errors=no"]
        .into_iter()
        .chain(units)
        .collect();
    let output = rehearsal.run(&program, &words).await?;
    if !output.status.success() {
        let message = format!("systemd rejects the units:\n{}", complaints(&output));
        report.push(Finding::error("units.rejected", message));
    }
    Ok(report)
}

const UNITS: &str = "/etc/systemd/system/";
