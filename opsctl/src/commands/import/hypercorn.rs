//! `opsctl import hypercorn`: a Hypercorn TOML as an origin's, and what has no counterpart.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use origin_config::hypercorn::{Change, Converted, convert};
use serde_json::json;

use crate::cli::{Format, ImportHypercorn};
use crate::commands::output;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::{self, NewFile};
use crate::ui::{Ui, counted, printable};

/// Reads the file, writes what it becomes, and says what is not the same.
pub(super) fn run(arguments: &ImportHypercorn, ui: &mut Ui) -> Result<Exit, CommandError> {
    let path = path(&arguments.file)?;
    let text = files::read_text(&path).map_err(|error| {
        let message = format!("`{}` cannot be read: {}", path.display(), error.source);
        CommandError::new(Exit::Usage, message)
            .hint("name the TOML file that `hypercorn --config` reads")
    })?;
    let folder = arguments.folder.as_deref().or(path.parent());
    let folder = std::path::absolute(folder.unwrap_or(Path::new("")))
        .or_else(|_| std::env::current_dir())
        .map_err(HostError::on("find", path.display()))?;
    let name = path.display().to_string();
    let converted = convert(&text, &name, &folder).map_err(|report| {
        CommandError::found(Exit::Spec, report).hint("mend that, then import the file again")
    })?;
    if let Some(out) = &arguments.out {
        write(out, &converted.toml, arguments.force)?;
    }
    show(arguments, &converted, ui)?;
    Ok(Exit::Done)
}

/// A file that is TOML; what Hypercorn itself would run as Python is not.
fn path(word: &str) -> Result<PathBuf, CommandError> {
    let python = word.starts_with("file:") || word.starts_with("python:");
    let path = PathBuf::from(word);
    if !python && path.extension().is_none_or(|extension| extension != "py") {
        return Ok(path);
    }
    let message = format!(
        "`{}` is a Python program, which is not run here",
        printable(word)
    );
    Err(CommandError::new(Exit::Usage, message).hint(
        "write its values into a TOML file, as `bind = [\"0.0.0.0:8000\"]`; docs/hypercorn.md has every setting",
    ))
}

fn write(out: &Path, toml: &str, force: bool) -> Result<(), CommandError> {
    if out.exists() && !force {
        let message = format!("`{}` is there already", out.display());
        let hint = "`--force` replaces it; without `--out` the TOML goes to standard output";
        return Err(CommandError::new(Exit::Usage, message).hint(hint));
    }
    files::replace(NewFile {
        path: out,
        contents: toml.as_bytes(),
        mode: 0o644,
        owner: (None, None),
    })?;
    Ok(())
}

fn show(
    arguments: &ImportHypercorn,
    converted: &Converted,
    ui: &mut Ui,
) -> Result<(), CommandError> {
    let looks = converted
        .changes
        .iter()
        .filter(|change| change.needs_a_look);
    let looks = looks.count();
    if ui.format() == Format::Json {
        let changes: Vec<_> = converted.changes.iter().map(as_json).collect();
        return output(ui.json(&json!({
            "ok": true,
            "written": arguments.out,
            "text": converted.toml,
            "changes": changes,
        })));
    }
    let told: String = converted.changes.iter().map(as_text).collect();
    let file = if let Some(out) = &arguments.out {
        output(ui.data(told))?;
        ui.say(format_args!("wrote {}", out.display()));
        out.display().to_string()
    } else {
        ui.say(told.trim_end());
        output(ui.data(&converted.toml))?;
        "FILE".to_owned()
    };
    ui.say(format_args!(
        "{} of {} a look (`!`); next: name the MCP servers in it, then `origin check --config {file}`",
        looks,
        counted_needs(converted.changes.len()),
    ));
    Ok(())
}

fn counted_needs(number: usize) -> String {
    let verb = if number == 1 { "needs" } else { "need" };
    format!("{} {verb}", counted(number, "setting"))
}

fn as_text(change: &Change) -> String {
    let mark = if change.needs_a_look { "!" } else { " " };
    let line = change
        .line
        .map_or_else(|| "-".to_owned(), |line| line.to_string());
    let becomes = change.becomes.as_deref().unwrap_or("nothing");
    let mut text = format!(
        "{mark} {line}: {} -> {}\n",
        printable(&change.key),
        printable(becomes)
    );
    if let Some(note) = &change.note {
        let _ = writeln!(text, "    {}", printable(note));
    }
    text
}

fn as_json(change: &Change) -> serde_json::Value {
    json!({
        "key": change.key,
        "line": change.line,
        "becomes": change.becomes,
        "note": change.note,
        "needs_a_look": change.needs_a_look,
    })
}
