//! What a machine has to have before anything on it is changed.

use std::path::Path;

use deploy::Deployment;
use deploy::acme::WEBROOT;
use deploy::target::Stream;
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
    missing.append(check_stream_module(deployment, Path::new(MODULES)));
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

/// NGINX can pass connections on: where its stream module is one to be loaded, a file of its package does.
fn check_stream_module(deployment: &Deployment, folder: &Path) -> Report {
    let mut report = Report::new();
    let needs = deployment.edge.passthrough.is_some()
        && deployment.target.stream == Stream::Dynamic
        && deployment.layout.private().is_none();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let loads = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.contains(STREAM_MODULE)
    };
    if needs && !entries.into_iter().any(|entry| loads(&entry.path())) {
        let folder = folder.display();
        let message =
            format!("NGINX does not load its stream module: no file of `{folder}` names it");
        let finding = Finding::error("host.stream", message);
        report.push(finding.hint("`apt-get install libnginx-mod-stream`"));
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

/// Where the packages of Debian's modules put the lines that load them.
const MODULES: &str = "/etc/nginx/modules-enabled";
/// The file of the module.
const STREAM_MODULE: &str = "ngx_stream_module.so";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;

    #[test]
    fn a_stream_module_that_nothing_loads_is_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut deployment = made_up::passing("{ self_signed = true }");
        let missing = |deployment: &Deployment| {
            let report = check_stream_module(deployment, folder.path());
            report.has_errors()
        };
        assert!(!missing(&deployment), "it is built in");
        deployment.target.stream = Stream::Dynamic;
        assert!(missing(&deployment));
        let line = "load_module modules/ngx_stream_module.so;\n";
        made_up::write(folder.path(), "/50-mod-stream.conf", line);
        assert!(!missing(&deployment));
    }
}
