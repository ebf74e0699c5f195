//! `opsctl render`: the files of a deployment, written as a tree, listed or compared.

use std::path::Path;

use deploy::{Component, Deployment, Os, Rendered, RenderedFile, Target};
use serde_json::{Value, json};

use super::output;
use crate::cli::{Format, Render};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::tree::{self, Difference};
use crate::nginx::{self, Places};
use crate::spec::SpecFile;
use crate::ui::Ui;
use crate::ui::diff::unified;
use crate::ui::table::{Cell, table};
use crate::wanted::Wanted;

/// Renders everything before it writes anything.
pub(crate) async fn run(arguments: Render, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let templates = arguments.templates.as_deref();
    let file = SpecFile::read(spec)?;
    let os = arguments.os.map_or(HERE, Into::into);
    let wanted = Wanted::of(file, (os, target(arguments.nginx).await?), templates, ui)?;
    let (deployment, rendered) = (wanted.deployment, wanted.rendered);
    let folder = arguments
        .out
        .as_deref()
        .map(std::path::absolute)
        .transpose();
    let folder = folder.map_err(HostError::on("find", "--out"))?;
    if arguments.check {
        return compare(&rendered, folder.as_deref().unwrap_or(Path::new("/")), ui);
    }
    if let Some(folder) = &folder {
        tree::write(&rendered, folder)?;
        ui.say(format_args!(
            "wrote {} files below {}",
            rendered.files.len(),
            folder.display()
        ));
        if ui.format() == Format::Json {
            output(ui.json(&document(&deployment, &rendered, false)))?;
        }
        return Ok(Exit::Done);
    }
    output(match ui.format() {
        Format::Json => ui.json(&document(&deployment, &rendered, true)),
        Format::Human => ui.data(list(&rendered)),
    })?;
    Ok(Exit::Done)
}

/// A version that a person names, else the NGINX at that path, else the one that is found.
pub(super) async fn target(named: Option<String>) -> Result<Target, CommandError> {
    if let Some(target) = named.as_deref().map(version).transpose()?.flatten() {
        return Ok(target);
    }
    let found = nginx::discover(&Places::of_environment(named)).await;
    let hint = "`--nginx 1.26.3,stream=dynamic` renders for one that is not here";
    found
        .map(|nginx| nginx.target)
        .map_err(|error| error.hint(hint))
}

/// The target that a word of `--nginx` names by itself; none for a program.
///
/// # Errors
/// Exit 2 for what begins as a version and is none.
pub(super) fn version(word: &str) -> Result<Option<Target>, CommandError> {
    match Target::named(word) {
        Ok(target) => Ok(Some(target)),
        Err(error) if word.starts_with(|c: char| c.is_ascii_digit()) => {
            Err(CommandError::new(Exit::Usage, format!("`{word}` {error}")))
        }
        Err(_) => Ok(None),
    }
}

fn component(file: &RenderedFile) -> String {
    match &file.component {
        Component::Edge => "edge".to_owned(),
        Component::Origin(site) => format!("origin {site}"),
        Component::Services => "services".to_owned(),
    }
}

fn owner(file: &RenderedFile) -> Option<String> {
    file.owner
        .as_ref()
        .map(|owner| format!("{}:{}", owner.user, owner.group))
}

fn list(rendered: &Rendered) -> String {
    let rows: Vec<_> = rendered
        .files
        .iter()
        .map(|file| {
            [
                format!("{:04o}", file.mode),
                owner(file).unwrap_or_default(),
                component(file),
                format!("{} bytes", file.contents.len()),
                file.path.clone(),
            ]
            .map(Cell::plain)
            .to_vec()
        })
        .collect();
    table(&rows)
}

fn document(deployment: &Deployment, rendered: &Rendered, contents: bool) -> Value {
    let files: Vec<_> = rendered
        .files
        .iter()
        .map(|file| {
            let mut row = json!({
                "path": file.path,
                "mode": format!("{:04o}", file.mode),
                "owner": owner(file),
                "component": component(file),
            });
            if contents {
                row["contents"] = json!(file.contents);
            }
            row
        })
        .collect();
    let directories: Vec<_> = rendered
        .directories
        .iter()
        .map(|directory| json!({"path": directory.path, "mode": format!("{:04o}", directory.mode)}))
        .collect();
    json!({
        "ok": true,
        "deployment": deployment.name.as_str(),
        "generation": deployment.generation.as_str(),
        "files": files,
        "directories": directories,
    })
}

fn compare(rendered: &Rendered, folder: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let differences = tree::compare(rendered, folder);
    output(match ui.format() {
        Format::Json => {
            let files: Vec<_> = differences
                .iter()
                .map(|(file, kind)| difference_json(file, kind))
                .collect();
            ui.json(&json!({"ok": files.is_empty(), "files": files}))
        }
        Format::Human => {
            let text: String = differences
                .iter()
                .map(|(file, kind)| difference_text(file, kind))
                .collect();
            ui.data(text)
        }
    })?;
    if differences.is_empty() {
        ui.say(format_args!(
            "all {} files are as rendered",
            rendered.files.len()
        ));
        return Ok(Exit::Done);
    }
    ui.say(format_args!(
        "{} of {} files differ",
        differences.len(),
        rendered.files.len()
    ));
    Ok(Exit::Changes)
}

fn difference_json(file: &RenderedFile, difference: &Difference) -> Value {
    match difference {
        Difference::Missing => json!({"path": file.path, "difference": "missing"}),
        Difference::Mode(mode) => {
            json!({"path": file.path, "difference": "mode", "installed": format!("{mode:04o}"), "rendered": format!("{:04o}", file.mode)})
        }
        Difference::Owner(user, group) => {
            json!({"path": file.path, "difference": "owner", "installed": format!("{user}:{group}"), "rendered": owner(file)})
        }
        Difference::Contents(old) => {
            json!({"path": file.path, "difference": "contents", "diff": contents_text(file, old)})
        }
    }
}

fn difference_text(file: &RenderedFile, difference: &Difference) -> String {
    match difference {
        Difference::Missing => format!("missing: {}\n", file.path),
        Difference::Mode(mode) => format!(
            "mode {mode:04o}, rendered {:04o}: {}\n",
            file.mode, file.path
        ),
        Difference::Owner(user, group) => format!(
            "owner {user}:{group}, rendered {}: {}\n",
            owner(file).unwrap_or_default(),
            file.path
        ),
        Difference::Contents(old) => contents_text(file, old),
    }
}

fn contents_text(file: &RenderedFile, installed: &str) -> String {
    let path = &file.path;
    let names = [format!("{path} (installed)"), format!("{path} (rendered)")];
    unified([&names[0], &names[1]], installed, &file.contents)
}

/// The system that this program was built for.
pub(super) const HERE: Os = if cfg!(target_os = "macos") {
    Os::MacOs
} else {
    Os::Linux
};
