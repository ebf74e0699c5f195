//! `opsctl verify`: all checks, against the deployment of the spec or against a URL.

use std::path::{Path, PathBuf};

use ::probe::{Connect, Trust};
use api_keys::Key;
use deploy::{CertificateKind, Deployment, Layout};

use super::{output, read_roots, trust_in};
use crate::certificate;
use crate::checks::{self, Access, Verification, from_deployment, from_url};
use crate::cli::{Format, Verify};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::{self, files};
use crate::nginx::{self, Nginx, Places};
use crate::spec::{SpecFile, resolve};
use crate::ui::{Ui, verification};

/// Verifies and prints the table, or the JSON form.
pub(crate) async fn run(arguments: Verify, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let verification = match &arguments.url {
        Some(url) => of_url(url, &arguments, ui).await?,
        None => of_spec(&arguments, spec, ui).await?,
    };
    show(&verification, ui)?;
    Ok(exit_of(&verification))
}

/// The exit code of a verification.
pub(crate) fn exit_of(verification: &Verification) -> Exit {
    if verification.is_ok() {
        Exit::Done
    } else {
        Exit::Verify
    }
}

/// Writes a verification to standard output.
pub(crate) fn show(verification: &Verification, ui: &mut Ui) -> Result<(), CommandError> {
    output(match ui.format() {
        Format::Json => ui.json(&verification.to_json()),
        Format::Human => {
            let text = verification::human(verification, ui.paint_out());
            ui.data(text)
        }
    })
}

async fn of_url(url: &str, arguments: &Verify, ui: &mut Ui) -> Result<Verification, CommandError> {
    let mut aim = from_url(url, usize::from(arguments.handshakes))
        .map_err(|error| CommandError::new(Exit::Usage, error))?;
    if let Some(address) = arguments.connect {
        aim.edge.connect = Connect::Address(address);
    }
    if let Some(file) = &arguments.ca {
        aim.edge.trust = trust_in(file)?;
    }
    if let Some(key) = key_in(arguments.key_file.as_deref())? {
        aim.edge = checks::show(aim.edge, &key);
    }
    ui.step(&format!("checking {}", aim.edge.authority()));
    Ok(Verification {
        deployment: aim.edge.authority(),
        generation: String::new(),
        topology: String::new(),
        checks: checks::verify(None, &[aim]).await,
        h3check: Vec::new(),
    })
}

async fn of_spec(
    arguments: &Verify,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Verification, CommandError> {
    let file = SpecFile::read(spec)?;
    let parsed = file.parse()?;
    let nginx = nginx::discover(&Places::of_environment(arguments.nginx.clone())).await?;
    let deployment = resolve(&file, parsed, nginx.target.clone(), Layout::Debian, ui)?;
    let access = Access {
        connect: arguments.connect,
        trust: trust_of(&deployment, arguments.ca.as_deref())?,
        handshakes: usize::from(arguments.handshakes),
        settling: false,
        key: key_in(arguments.key_file.as_deref())?,
    };
    ui.step(&format!("checking {}", deployment.name));
    Ok(of_deployment(&deployment, &access, system_test(&nginx)).await)
}

/// Verifies a deployment; `test` is the command that tests NGINX's configuration, or why that cannot be done.
pub(crate) async fn of_deployment(
    deployment: &Deployment,
    access: &Access,
    test: Result<(PathBuf, Vec<String>), String>,
) -> Verification {
    let edge = checks::edge_aim(deployment, test);
    let aims = from_deployment(deployment, access);
    Verification {
        deployment: deployment.name.to_string(),
        generation: deployment.generation.to_string(),
        topology: deployment.topology.to_string(),
        checks: checks::verify(Some(&edge), &aims).await,
        h3check: pages(deployment),
    }
}

/// Where the page that shows a browser's protocol is, one URL a site.
fn pages(deployment: &Deployment) -> Vec<String> {
    let port = match deployment.edge.public_https_port.number() {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let sites = deployment.sites.iter().filter(|_| deployment.edge.h3check);
    sites
        .filter_map(|site| site.server_names.first())
        .map(|name| format!("https://{}{port}/h3check", name.example()))
        .collect()
}

/// The API key that is the text of a file: on a command line everybody on the machine could read it.
fn key_in(file: Option<&Path>) -> Result<Option<Key>, CommandError> {
    let Some(path) = file else {
        return Ok(None);
    };
    let text = files::read_text(path)?;
    let key = text.trim().parse();
    key.map(Some).map_err(|fault| {
        let message = format!("what is in `{}` {fault}", path.display());
        CommandError::new(Exit::Usage, message).hint(
            "`umask 077; opsctl keys add verify > FILE` makes a key and writes it where only you can read it",
        )
    })
}

/// The authorities that were named, else those that opsctl made beside the certificates, else the system's.
pub(crate) fn trust_of(
    deployment: &Deployment,
    named: Option<&Path>,
) -> Result<Trust, CommandError> {
    if let Some(file) = named {
        return trust_in(file);
    }
    let own: Vec<_> = deployment
        .sites
        .iter()
        .filter(|site| site.certificate.kind == CertificateKind::SelfSigned)
        .filter_map(|site| read_roots(&certificate::authority_of(site)).ok())
        .flatten()
        .collect();
    Ok(if own.is_empty() {
        Trust::System
    } else {
        Trust::Roots(own)
    })
}

/// `nginx -t` opens logs and keys and makes files that are missing: as anybody but root it says nothing about the system.
pub(crate) fn system_test(nginx: &Nginx) -> Result<(PathBuf, Vec<String>), String> {
    if host::is_root() {
        Ok((nginx.program.clone(), vec!["-t".to_owned()]))
    } else {
        Err("`nginx -t` of the system's configuration needs root".to_owned())
    }
}
