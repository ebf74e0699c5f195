//! `opsctl runbook`: what the operator of one deployment does, with its own names, paths and ports.

use std::path::Path;

use deploy::Layout;
use serde_json::json;

use super::{output, render};
use crate::cli::{Format, Runbook};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::{NewFile, replace};
use crate::spec::{SpecFile, resolve};
use crate::ui::Ui;

/// Writes the page to standard output, or into a file.
pub(crate) async fn run(
    arguments: Runbook,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let file = SpecFile::read(spec)?;
    let parsed = file.parse()?;
    let target = render::target(arguments.nginx).await?;
    let deployment = resolve(&file, parsed, target, Layout::Debian, ui)?;
    let page =
        deploy::runbook(&deployment).map_err(|error| CommandError::new(Exit::Unexpected, error))?;
    if let Some(path) = &arguments.out {
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        if let Some(above) = above {
            std::fs::create_dir_all(above).map_err(HostError::on("make", above.display()))?;
        }
        replace(NewFile {
            path,
            contents: page.as_bytes(),
            mode: 0o644,
            owner: (None, None),
        })?;
        ui.say(format_args!("wrote {}", path.display()));
    }
    let document = json!({
        "ok": true,
        "deployment": deployment.name,
        "generation": deployment.generation,
        "out": arguments.out,
        "runbook": page,
    });
    output(match ui.format() {
        Format::Json => ui.json(&document),
        Format::Human if arguments.out.is_some() => Ok(()),
        Format::Human => ui.data(&page),
    })?;
    Ok(Exit::Done)
}
