//! `opsctl wrappers`: programs and modules that call the tools of an origin.

mod catalog;
mod place;

use std::fmt::Write as _;
use std::path::Path;

use findings::{Finding, Report};
use wrappers::{Catalog, Choice, File, Format, Templates, render};

use super::output;
use crate::cli::{OutputFormat, Wrappers};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::{files, folder};
use crate::ui::Ui;
use crate::ui::diff::unified;
use place::Place;

/// Reads the catalog, makes all files, and then writes or compares them.
pub(crate) async fn run(
    arguments: &Wrappers,
    format: OutputFormat,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let Some(format) = format.wrappers() else {
        let message = "`opsctl wrappers` needs `--format` bash, python, cli or skill";
        return Err(CommandError::new(Exit::Usage, message));
    };
    let templates = templates(arguments.templates.as_deref())?;
    let place = Place::of(&arguments.out)?;
    ui.step("reading the catalog");
    let text = catalog::fetch(arguments).await?;
    let choice = Choice {
        servers: arguments.servers.clone(),
        skip: arguments.skip.clone(),
    };
    let mut report = Report::new();
    let catalog = Catalog::read(&text, &choice, &mut report);
    let files = render(&catalog, format, &templates, &mut report)
        .map_err(|error| CommandError::new(Exit::Rejected, error))?;
    if report.has_errors() {
        return Err(CommandError::found(Exit::Usage, report));
    }
    let services: Vec<_> = catalog
        .services
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let files = place::with_manifest(files, format, &services);
    if arguments.check {
        return compare(&files, &place, ui);
    }
    place.may_be_replaced(&services, arguments)?;
    let parts: Vec<_> = files
        .iter()
        .map(|file| (file.path.as_str(), file.text.as_str(), mode(file)))
        .collect();
    folder::replace(&place.folder, &parts)?;
    let tools: usize = catalog.services.iter().map(|one| one.tools.len()).sum();
    ui.say(format_args!(
        "wrote {} (tools: {tools}, servers: {})",
        arguments.out.display(),
        services.len()
    ));
    if let Some(finding) = hint(format, &place) {
        ui.say(finding);
    }
    Ok(Exit::Done)
}

/// What may be in the way of the next step.
fn hint(format: Format, place: &Place) -> Option<Finding> {
    let name = place.folder.file_name()?.to_str()?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let importable = name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit());
    (format == Format::Python && !importable).then(|| {
        let message = format!("`{name}` is no name that Python can import");
        Finding::warn("wrappers.package", message)
            .hint("the last word of `--out` names the package: letters, digits and `_`")
    })
}

fn mode(file: &File) -> u32 {
    if file.executable { 0o755 } else { 0o644 }
}

fn compare(files: &[File], place: &Place, ui: &mut Ui) -> Result<Exit, CommandError> {
    let there = folder::files_below(&place.folder)?;
    let mut text = String::new();
    let mut differ = 0;
    for file in files {
        let path = place.folder.join(&file.path);
        let old = if there.contains(&file.path) {
            files::read_text_up_to(&path, LONGEST)?
        } else {
            String::new()
        };
        if old != file.text {
            differ += 1;
            let names = [
                format!("{} (there)", file.path),
                format!("{} (made anew)", file.path),
            ];
            text.push_str(&unified([&names[0], &names[1]], &old, &file.text));
        }
    }
    for extra in there
        .iter()
        .filter(|path| !files.iter().any(|file| file.path == **path))
    {
        differ += 1;
        let _ = writeln!(text, "not made any more: {extra}");
    }
    output(ui.data(text))?;
    if differ == 0 {
        ui.say(format_args!(
            "all {} files are as they are made",
            files.len()
        ));
        return Ok(Exit::Done);
    }
    ui.say(format_args!(
        "{differ} files differ; the same command without `--check` makes them anew"
    ));
    Ok(Exit::Changes)
}

/// The built-in templates, with those of a folder in their place.
fn templates(own: Option<&Path>) -> Result<Templates, CommandError> {
    let Some(own) = own else {
        return Ok(Templates::embedded());
    };
    if !own.is_dir() {
        let missing = HostError::on("read", own.display())(std::io::ErrorKind::NotFound.into());
        return Err(CommandError::from(missing));
    }
    let names = folder::files_below(own)?;
    let names = names
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "tera"));
    let texts: Result<Vec<_>, HostError> = names
        .map(|name| Ok((name.clone(), files::read_text(&own.join(&name))?)))
        .collect();
    Templates::embedded()
        .with(texts?)
        .map_err(|error| CommandError::new(Exit::Rejected, error))
}

/// The longest file: one program with all tools of the largest catalog, whose texts stand in it twice.
const LONGEST: usize = 4 * probe::MAX_BODY;
