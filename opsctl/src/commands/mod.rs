//! The commands, one a file: plain values in, an exit status out.

pub(crate) mod adopt;
pub(crate) mod apply;
pub(crate) mod certificate;
pub(crate) mod completions;
pub(crate) mod confirm;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod keys;
pub(crate) mod lint;
pub(crate) mod logs;
pub(crate) mod man;
mod named;
pub(crate) mod probe;
pub(crate) mod render;
pub(crate) mod rollback;
pub(crate) mod runbook;
pub(crate) mod services;
pub(crate) mod status;
pub(crate) mod uninstall;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod wrappers;

use std::path::{Path, PathBuf};

use ::probe::certificate::read_chain;
use ::probe::{CertificateDer, Trust};
use deploy::{Deployment, Os, Rendered, Templates};
use findings::Finding;

use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::{self, files};
use crate::spec::SpecFile;
use crate::ui::Ui;
use crate::wanted::Wanted;

/// The certificates of a PEM file, as the only roots that are trusted.
fn trust_in(path: &Path) -> Result<Trust, CommandError> {
    read_roots(path).map(Trust::Roots)
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, CommandError> {
    let missing = |text: String| {
        let finding = Finding::error("tls.ca", format!("`{}`: {text}", path.display()));
        CommandError::from(finding)
    };
    let pem = std::fs::read(path).map_err(|error| missing(error.to_string()))?;
    read_chain(&pem).map_err(|error| missing(error.to_string()))
}

/// A deployment of the spec for a machine's own layout, and its rendering: all of it before anything is done with it.
pub(crate) async fn rendering(
    spec: &Path,
    nginx: Option<String>,
    own_templates: Option<&Path>,
    ui: &mut Ui,
) -> Result<(Deployment, Rendered), CommandError> {
    let file = SpecFile::read(spec)?;
    let target = render::target(nginx).await?;
    let wanted = Wanted::of(file, (Os::Linux, target), own_templates, ui)?;
    Ok((wanted.deployment, wanted.rendered))
}

/// The built-in templates, with those of a folder in their place.
pub(crate) fn templates(folder: Option<&Path>) -> Result<Templates, CommandError> {
    let Some(folder) = folder else {
        return Ok(Templates::embedded());
    };
    let name = folder.display();
    let entries = std::fs::read_dir(folder).map_err(HostError::on("read", name))?;
    let mut texts = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(HostError::on("read", folder.display()))?
            .path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path
            .extension()
            .is_some_and(|extension| extension == "tera")
        {
            texts.push((name, files::read_text(&path)?));
        }
    }
    texts.sort();
    Templates::embedded()
        .with(texts)
        .map_err(|error| CommandError::new(Exit::Rejected, error))
}

/// The origin beside this program, else the one on PATH.
pub(crate) fn origin_program(named: Option<&Path>) -> Result<PathBuf, CommandError> {
    let missing = |message: String| {
        let finding = Finding::error("host.origin", message);
        CommandError::from(
            finding.hint("`--origin PATH` names it; `cargo build` puts it beside `opsctl`"),
        )
    };
    let found = match named {
        Some(path) if host::is_program(path) => Some(path.to_owned()),
        Some(path) => return Err(missing(format!("there is no program `{}`", path.display()))),
        None => std::env::current_exe()
            .ok()
            .map(|own| own.with_file_name("origin"))
            .filter(|beside| host::is_program(beside))
            .or_else(|| host::find_program("origin", std::env::var_os("PATH").as_deref())),
    };
    let found = found
        .ok_or_else(|| missing("there is no `origin` beside `opsctl` or on PATH".to_owned()))?;
    std::path::absolute(&found)
        .map_err(|error| HostError::on("find", found.display())(error).into())
}

fn output(result: std::io::Result<()>) -> Result<(), CommandError> {
    result.map_err(|error| CommandError::from(HostError::on("write", "standard output")(error)))
}
