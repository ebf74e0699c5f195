//! `opsctl doctor`: what of this machine stands in the way of a deployment, each with the next command.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use deploy::target::{Stream, find_faults};
use deploy::{Deployment, Facts, Layout, PrivateLayout, Spec, Target};
use findings::{Finding, Report};
use serde_json::{Value, json};

use super::render::HERE;
use super::{origin_program, output};
use crate::checks::Status;
use crate::cli::{Doctor, Format};
use crate::doctor::{Check, certificates, firewall, names, servers, udp};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::ports::{self, Protocol};
use crate::host::{self, machine};
use crate::nginx::{self, Places};
use crate::prerequisites;
use crate::spec::SpecFile;
use crate::ui::findings::{Source, human};
use crate::ui::table::{Cell, table};
use crate::ui::{Paint, Ui, printable};

/// Looks at everything, whatever is found, and says it at once.
pub(crate) async fn run(arguments: Doctor, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let read = if arguments.machine || is_absent(spec) {
        None
    } else {
        Some(SpecFile::read(spec)?)
    };
    ui.step("looking at NGINX");
    let (nginx, found) = nginx(arguments.nginx.clone()).await;
    let mut checks = vec![nginx];
    // without one the rest of the spec is judged all the same
    let target = match found {
        Some(target) => target,
        None => newest()?,
    };
    let settled = read.as_ref().map(|file| settle(file, &target));
    match &settled {
        None => checks.push(Check::unseen("spec", alone(spec, arguments.machine))),
        Some((check, _)) => checks.push(check.clone()),
    }
    let settled = settled.and_then(|(_, settled)| settled).zip(read.as_ref());
    checks.push(look_at_ports(
        settled.as_ref().map(|((_, here), file)| (here, *file)),
    ));
    checks.push(udp::judge(machine::buffers()));
    ui.step("looking at the firewall");
    let deployment = settled.as_ref().map(|((_, here), _)| here);
    checks.push(firewall::judge(
        &machine::firewalls().await,
        &udp_ports(deployment),
    ));
    if let Some(((spec, deployment), file)) = &settled {
        checks.push(certificates::look(deployment, file, host::since_epoch()));
        ui.step("looking up the names");
        checks.push(look_up(deployment).await);
        ui.step("starting the MCP servers");
        checks.push(look_at_servers(&arguments, (spec, &target), file).await?);
    }
    show(&checks, read.as_ref(), ui)?;
    Ok(exit(&checks))
}

/// The file that is meant when none is named, and that is not there.
fn is_absent(spec: &Path) -> bool {
    spec == Path::new("deploy.toml") && !spec.exists()
}

fn alone(spec: &Path, asked: bool) -> String {
    if asked {
        return "the machine alone, as asked".to_owned();
    }
    format!(
        "there is no `{}`, so the machine alone was looked at; `opsctl init` writes one",
        spec.display()
    )
}

/// The NGINX that would be used.
async fn nginx(named: Option<String>) -> (Check, Option<Target>) {
    let id = "nginx";
    match nginx::discover(&Places::of_environment(named)).await {
        Ok(nginx) => {
            let target = nginx.target;
            let stream = match target.stream {
                Stream::Static => "built in",
                Stream::Dynamic => "a module",
                Stream::Absent => "not there",
            };
            let detail = format!(
                "`{}` is {} with HTTP/3; stream is {stream}",
                nginx.program.display(),
                target.version
            );
            (Check::seen(id, detail, find_faults(&target)), Some(target))
        }
        Err(error) => {
            let detail = error.findings.findings().first();
            let detail = detail.map_or_else(String::new, |finding| finding.message.clone());
            (Check::seen(id, detail, error.findings), None)
        }
    }
}

fn newest() -> Result<Target, CommandError> {
    Target::named(NEWEST).map_err(|error| CommandError::new(Exit::Unexpected, error))
}

/// What the spec says, and the deployment of this machine that it makes.
fn settle(file: &SpecFile, target: &Target) -> (Check, Option<(Spec, Deployment)>) {
    let id = "spec";
    let (spec, mut report) = deploy::parse(&file.text, &file.name);
    let Some(spec) = spec else {
        return (
            Check::seen(id, format!("`{}` is invalid", file.name), report),
            None,
        );
    };
    let facts = Facts {
        nginx: target.clone(),
        layout: Layout::of(HERE, &spec),
    };
    let (deployment, more) = deploy::resolve(&spec, &facts);
    // those of the NGINX stand there
    for finding in more
        .findings()
        .iter()
        .filter(|finding| !finding.id.starts_with("target."))
    {
        report.push(finding.clone());
    }
    let detail = format!("`{}` is the deployment `{}`", file.name, spec.name.value);
    (
        Check::seen(id, detail, report),
        deployment.map(|deployment| (spec, deployment)),
    )
}

fn look_at_ports(deployment: Option<(&Deployment, &SpecFile)>) -> Check {
    let id = "ports";
    let (detail, findings) = match deployment {
        Some((deployment, file)) => {
            let edge = &deployment.edge;
            let mut numbers: Vec<_> = edge
                .https
                .iter()
                .chain(&edge.http)
                .map(SocketAddr::port)
                .collect();
            numbers.dedup();
            (free(&numbers), prerequisites::check_ports(deployment, file))
        }
        None => (free(&[443, 80]), usual_ports()),
    };
    let detail = findings
        .findings()
        .first()
        .map_or(detail, |finding| finding.message.clone());
    Check::seen(id, detail, findings)
}

fn free(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
    format!(
        "{} are free, or held by NGINX or the origin",
        ports.join(" and ")
    )
}

/// The ports of HTTPS and HTTP, as NGINX would have them; without a spec nothing is an error.
fn usual_ports() -> Report {
    let mut report = Report::new();
    for (port, protocol) in [
        (443, Protocol::Tcp),
        (443, Protocol::Udp),
        (80, Protocol::Tcp),
    ] {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        match ports::hold(address, protocol) {
            Err(taken) if !taken.is_held_by(&["nginx", "origin", "systemd"]) => {
                let finding = Finding::warn("host.port", taken.to_string());
                let hint = "end what listens there, run as root for ports below 1024, or choose others in `[edge]`";
                report.push(finding.hint(hint));
            }
            _ => {}
        }
    }
    report
}

/// The ports of HTTP/3: the edge's, and the one that clients see.
fn udp_ports(deployment: Option<&Deployment>) -> Vec<u16> {
    let Some(deployment) = deployment else {
        return vec![443];
    };
    let mut ports: Vec<_> = deployment.edge.https.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

async fn look_up(deployment: &Deployment) -> Check {
    let names = deployment.sites.iter().flat_map(|site| &site.server_names);
    let mut resolved = Vec::new();
    for name in names.filter(|name| !name.as_str().starts_with("*.")) {
        resolved.push(machine::resolve(name.as_str()).await);
    }
    names::judge(&resolved)
}

/// Starts the servers as a deployment in the foreground has them: processes, whatever units they have.
async fn look_at_servers(
    arguments: &Doctor,
    (spec, target): (&Spec, &Target),
    file: &SpecFile,
) -> Result<Check, CommandError> {
    let id = "servers";
    let origin = match origin_program(arguments.origin.as_deref()) {
        Ok(origin) => origin,
        Err(error) => {
            let found = error.findings.findings().first().cloned();
            return Ok(found.map_or_else(
                || Check::unseen(id, "there is no origin to start them"),
                |finding| Check::found(id, finding),
            ));
        }
    };
    let folder = machine::scratch()?;
    let word = |path: &Path| path.display().to_string().parse();
    let (Ok(root), Ok(executable)) = (word(folder.path()), word(&origin)) else {
        let why = format!(
            "`{}` or `{}` is no plain path",
            folder.path().display(),
            origin.display()
        );
        return Ok(Check::unseen(id, why));
    };
    let layout = Layout::Private(PrivateLayout {
        root,
        worker_user: None,
        origin_executable: executable,
    });
    let facts = Facts {
        nginx: target.clone(),
        layout,
    };
    let Some(deployment) = deploy::resolve(spec, &facts).0 else {
        return Ok(Check::unseen(id, "the spec has faults"));
    };
    let missing = prerequisites::check_commands(&deployment, file);
    if missing.has_errors() {
        let first = missing
            .findings()
            .first()
            .map(|finding| finding.message.clone());
        return Ok(Check::seen(id, first.unwrap_or_default(), missing));
    }
    Ok(servers::look(&deployment, file, (&origin, folder.path())).await?)
}

/// 10 where the spec or a file that it names is at fault, as everywhere; else 17.
fn exit(checks: &[Check]) -> Exit {
    let mut failed = checks
        .iter()
        .filter(|check| check.status() == Status::Fail)
        .peekable();
    if failed.peek().is_none() {
        Exit::Done
    } else if failed.any(|check| matches!(check.id, "spec" | "certificates")) {
        Exit::Spec
    } else {
        Exit::Prerequisite
    }
}

fn show(checks: &[Check], spec: Option<&SpecFile>, ui: &mut Ui) -> Result<(), CommandError> {
    output(match ui.format() {
        Format::Json => {
            let findings: Vec<_> = checks
                .iter()
                .flat_map(|check| check.findings.findings())
                .collect();
            let ok = checks.iter().all(|check| check.status() != Status::Fail);
            let rows: Vec<_> = checks.iter().map(as_json).collect();
            ui.json(&json!({"ok": ok, "spec": spec.map(|file| &file.name), "checks": rows, "findings": findings}))
        }
        Format::Human => {
            let source = spec.map(SpecFile::source);
            let text = as_text(checks, source.as_ref(), ui.paint_out());
            ui.data(text)
        }
    })
}

fn as_json(check: &Check) -> Value {
    json!({
        "id": check.id,
        "status": check.status(),
        "detail": check.detail,
        "findings": check.findings.findings(),
    })
}

/// A row a check, then what is not well, with the next command.
fn as_text(checks: &[Check], source: Option<&Source<'_>>, paint: Paint) -> String {
    let mut rows = vec![
        ["CHECK", "STATUS", "SEEN"]
            .map(|text| Cell::painted(text, |text| paint.dim(text)))
            .to_vec(),
    ];
    for check in checks {
        let status = Cell::painted(check.status().to_string(), |text| match check.status() {
            Status::Pass => paint.green(text),
            Status::Warn => paint.yellow(text),
            Status::Fail => paint.red(text),
            Status::Skip => paint.dim(text),
        });
        let detail = check.detail.lines().next().unwrap_or_default();
        rows.push(vec![
            Cell::plain(check.id),
            status,
            Cell::plain(printable(detail)),
        ]);
    }
    let mut text = table(&rows);
    let mut all = Report::new();
    for check in checks {
        all.append(check.findings.clone());
    }
    if !all.is_empty() {
        let _ = write!(text, "\n{}", human(&all, source, paint));
    }
    text
}

/// What a spec is settled for where there is no NGINX.
const NEWEST: &str = "1.30.6";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &'static str, fails: bool) -> Check {
        if fails {
            Check::found(id, Finding::error("x", "y"))
        } else {
            Check::found(id, Finding::warn("x", "y"))
        }
    }

    #[test]
    fn the_exit_says_whose_the_fault_is() {
        let all = |faults: [bool; 3]| {
            let ids = ["nginx", "spec", "servers"].into_iter().zip(faults);
            exit(&ids.map(|(id, fails)| check(id, fails)).collect::<Vec<_>>())
        };
        assert_eq!(all([false; 3]), Exit::Done);
        assert_eq!(all([true, false, true]), Exit::Prerequisite);
        assert_eq!(all([true, true, true]), Exit::Spec);
    }

    #[test]
    fn a_row_has_one_line_and_the_finding_has_them_all() {
        let finding = Finding::error("server.start", "it died\nno such module").hint("do that");
        let text = as_text(&[Check::found("servers", finding)], None, Paint(false));
        let row = text.lines().nth(1).unwrap_or_default();
        assert!(row.ends_with("it died"), "{text}");
        assert!(
            text.contains("no such module") && text.contains("do that"),
            "{text}"
        );
    }
}
