//! What a machine has to have before anything on it is changed.

use std::path::Path;

use deploy::Deployment;
use deploy::acme::WEBROOT;
use findings::{Finding, Report};

use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::host::{certbot, is_program};
use crate::spec::SpecFile;
use crate::survey::NGINX;
use crate::{certificate, prerequisites};

/// Looks for everything that is missing, all of it at once.
///
/// # Errors
/// Exit 10 where a certificate that the spec names is at fault, exit 17 where the machine is.
pub(crate) async fn check_machine(
    ground: &Ground,
    deployment: &Deployment,
    spec: &SpecFile,
) -> Result<(), CommandError> {
    let faults = certificate::check_given(deployment, spec);
    if faults.has_errors() {
        return Err(CommandError::found(Exit::Spec, faults));
    }
    let mut missing = prerequisites::check_commands(deployment, spec);
    for site in &deployment.sites {
        let program = site.origin_executable.as_path();
        if !is_program(program) {
            let message = format!("there is no program `{}`", program.display());
            let hint = "install the `origin` binary there";
            missing.push(Finding::error("host.origin", message).hint(hint));
        }
    }
    missing.append(check_acme(deployment, spec));
    missing.append(check_nginx_unit(ground).await?);
    missing.append(prerequisites::check_ports(deployment, spec));
    if missing.has_errors() {
        return Err(CommandError::found(Exit::Prerequisite, missing));
    }
    Ok(())
}

fn check_acme(deployment: &Deployment, spec: &SpecFile) -> Report {
    let mut report = Report::new();
    let mut sites = deployment.sites.iter().enumerate();
    let wants = sites.find(|(_, site)| site.certificate.kind.acme().is_some());
    let Some((index, _)) = wants else {
        return report;
    };
    let key = spec.site_key(index, "tls.acme");
    let mut push = |id: &str, message: String, hint: &str| {
        let finding = Finding::error(id, message).hint(hint);
        report.push(spec.place(&key, finding));
    };
    if certbot::find().is_none() {
        push(
            "host.certbot",
            "certbot was not found".to_owned(),
            "`apt install certbot`",
        );
    }
    if !Path::new(WEBROOT).is_dir() {
        let message = format!("there is no folder `{WEBROOT}`, from which challenges are answered");
        push("host.webroot", message, "`install -d /var/www/html`");
    }
    report
}

async fn check_nginx_unit(ground: &Ground) -> Result<Report, CommandError> {
    let mut report = Report::new();
    let units = ground.services.show(&[NGINX.to_owned()]).await?;
    let load = units.first().map(|unit| unit.load.as_str());
    let (message, hint) = match load {
        Some("masked") => ("`nginx.service` is masked", "`systemctl unmask nginx`"),
        Some("not-found") => (
            "there is no `nginx.service`",
            "install the distribution's `nginx` package",
        ),
        _ => return Ok(report),
    };
    report.push(Finding::error("host.nginx", message).hint(hint));
    Ok(report)
}
