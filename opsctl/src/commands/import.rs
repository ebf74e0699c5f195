//! `opsctl import`: a hand-written edge as a `deploy.toml` and snippets, a Hypercorn TOML as an origin's.

mod hypercorn;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deploy::import::{Change, ImportError, Imported, Wanted, import};
use serde_json::json;

use super::lint::source::Source;
use super::output;
use crate::cli::{Format, Import, ImportNginx};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::files::{self, NewFile};
use crate::ui::{Ui, printable};

/// Reads the edge and writes what it becomes.
pub(crate) fn run(arguments: &Import, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    match arguments {
        Import::Nginx(arguments) => nginx(arguments, spec, ui),
        Import::Hypercorn(arguments) => hypercorn::run(arguments, ui),
    }
}

fn nginx(arguments: &ImportNginx, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let usage = |error: deploy::words::WordError, text: &str| {
        CommandError::new(Exit::Usage, format!("`{text}` {error}"))
    };
    let name = &arguments.name;
    let server_name = arguments.server_name.as_deref();
    let wanted = Wanted {
        name: name.parse().map_err(|error| usage(error, name))?,
        server_name: server_name
            .map(|text| text.parse().map_err(|error| usage(error, text)))
            .transpose()?,
    };
    let source = match Source::find(&arguments.conf)?.as_slice() {
        [one] => one.clone(),
        several => several
            .iter()
            .find(|source| load_and_import(source, &wanted).is_ok())
            .cloned()
            .ok_or_else(|| refused(&ImportError::NoMcp))?,
    };
    let imported = load_and_import(&source, &wanted)?;
    let (_, report) = deploy::parse(&imported.spec, "deploy.toml");
    let files = places(arguments, spec, &imported);
    if !arguments.dry_run {
        write(&files, arguments.force)?;
    }
    show(&imported, &files, arguments.dry_run, ui)?;
    for finding in report.findings() {
        ui.say(format_args!("{finding}"));
    }
    Ok(if report.has_errors() {
        Exit::Spec
    } else {
        Exit::Done
    })
}

fn load_and_import(source: &Source, wanted: &Wanted) -> Result<Imported, CommandError> {
    import(&source.load()?, wanted).map_err(|error| refused(&error))
}

fn refused(error: &ImportError) -> CommandError {
    let hint = match error {
        ImportError::NoMcp => {
            "a location whose path or upstream says `mcp`, or a server named for it, is looked for; name the file that has it"
        }
        ImportError::Several(_) => "choose one: `opsctl import nginx CONF --server-name NAME`",
        ImportError::NoName => {
            "give it one: `opsctl import nginx CONF --server-name mcp.example.com`"
        }
        ImportError::NoAddress(_) => {
            "the origin reaches servers by an http or https URL: have the server listen on an address of loopback"
        }
    };
    CommandError::new(Exit::Usage, error.to_string()).hint(hint)
}

/// One file to write.
struct Place {
    path: PathBuf,
    text: String,
}

/// The spec, and the snippets below a folder that mirrors the machine, as `opsctl render --out` writes it.
fn places(arguments: &ImportNginx, spec: &Path, imported: &Imported) -> Vec<Place> {
    let tree = arguments.out.clone().unwrap_or_else(|| PathBuf::from("."));
    let spec = match &arguments.out {
        Some(folder) => folder.join("deploy.toml"),
        None => spec.to_owned(),
    };
    let snippets = imported.snippets.iter().map(|snippet| Place {
        path: tree.join(format!(
            "etc/nginx/{}/snippets/{}/imported.conf",
            arguments.name, snippet.folder
        )),
        text: snippet.text.clone(),
    });
    let first = Place {
        path: spec,
        text: imported.spec.clone(),
    };
    std::iter::once(first).chain(snippets).collect()
}

/// Writes all files, or none when one of them is there already.
fn write(places: &[Place], force: bool) -> Result<(), CommandError> {
    let taken = places.iter().find(|place| place.path.exists());
    if let Some(place) = taken.filter(|_| !force) {
        let message = format!("`{}` is there already", place.path.display());
        let hint = "`--force` replaces it; `--out DIR` writes elsewhere; `--dry-run` only shows";
        return Err(CommandError::new(Exit::Usage, message).hint(hint));
    }
    for place in places {
        if let Some(folder) = place
            .path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            files::make_folder(folder, 0o755, (None, None))?;
        }
        files::replace(NewFile {
            path: &place.path,
            contents: place.text.as_bytes(),
            mode: 0o644,
            owner: (None, None),
        })?;
    }
    Ok(())
}

fn show(imported: &Imported, places: &[Place], dry: bool, ui: &mut Ui) -> Result<(), CommandError> {
    if ui.format() == Format::Json {
        let changes: Vec<_> = imported.changes.iter().map(row).collect();
        let files: Vec<_> = places
            .iter()
            .map(|place| json!({"path": place.path, "text": place.text}))
            .collect();
        return output(
            ui.json(&json!({"ok": true, "written": !dry, "files": files, "changes": changes})),
        );
    }
    let mut text = String::new();
    if dry {
        for place in places {
            let _ = writeln!(text, "== {}\n{}", place.path.display(), place.text);
        }
    }
    for change in &imported.changes {
        let mark = if change.needs_a_look { "!" } else { " " };
        let _ = writeln!(
            text,
            "{mark} {}:{}: {}\n    {}",
            printable(&change.file),
            change.line,
            printable(&change.was),
            printable(&change.becomes)
        );
    }
    output(ui.data(text))?;
    let looks = imported
        .changes
        .iter()
        .filter(|change| change.needs_a_look)
        .count();
    if !dry {
        for place in places {
            ui.say(format_args!("wrote {}", place.path.display()));
        }
    }
    ui.say(format_args!(
        "{looks} of {} directives need a look (`!`); next: `opsctl render`, then `opsctl up` to try it",
        imported.changes.len()
    ));
    Ok(())
}

fn row(change: &Change) -> serde_json::Value {
    json!({
        "file": change.file,
        "line": change.line,
        "was": change.was,
        "becomes": change.becomes,
        "needs_a_look": change.needs_a_look,
    })
}
