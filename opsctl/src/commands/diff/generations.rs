//! Two generations against each other, or one against what is installed: their specs, and every file that they rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deploy::plan::{Baseline, without_secrets};
use findings::Finding;
use serde_json::json;

use super::painted;
use crate::cli::{Diff, Format, Named};
use crate::commands::{named, output};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::generations::Generations;
use crate::host::files::below;
use crate::state::State;
use crate::ui::diff::unified;
use crate::ui::{Ui, counted};

/// Compares, and ends with 3 where something differs.
pub(super) fn run(arguments: &Diff, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let root = arguments.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let named = Named {
        name: arguments.name.clone(),
        root: arguments.root.clone(),
    };
    let name = named::find(&named, spec)?;
    let state = State::of(&root, &name);
    let generations = Generations { state: &state };
    let (first, second) = match arguments.generations.as_slice() {
        [first, second] => (*first, Some(*second)),
        [first, ..] => (*first, None),
        [] => (generations.newest(), None),
    };
    let old = Side::generation(generations, first)?;
    let new = match second {
        Some(number) => Side::generation(generations, number)?,
        None => Side::installed(generations, &root, &old)?,
    };
    let differences = differences(&old, &new, arguments.show_secrets);
    output(match ui.format() {
        Format::Json => ui.json(&json!({
            "ok": differences.is_empty(),
            "deployment": name.as_str(),
            "from": first,
            "to": second,
            "files": differences
                .iter()
                .map(|(path, diff)| json!({"path": path, "diff": diff}))
                .collect::<Vec<_>>(),
        })),
        Format::Human => {
            let paint = ui.paint_out();
            let mut text = String::new();
            for (path, diff) in &differences {
                let _ = writeln!(text, "{}", paint.bold(path));
                text.push_str(&painted(diff, paint));
            }
            ui.data(text)
        }
    })?;
    let (old, new) = (&old.called, &new.called);
    ui.say(match differences.len() {
        0 => format!("{old} and {new} are the same"),
        count => format!("{old} and {new} differ in {}", counted(count, "file")),
    });
    Ok(if differences.is_empty() {
        Exit::Done
    } else {
        Exit::Changes
    })
}

/// One side: texts by path, the spec among them.
struct Side {
    called: String,
    texts: BTreeMap<String, String>,
}

impl Side {
    fn generation(generations: Generations<'_>, number: u64) -> Result<Self, CommandError> {
        let there = generations.numbers();
        if !there.contains(&number) {
            return Err(no_generation(number, &there));
        }
        let mut texts = BTreeMap::new();
        // after an uninstallation there is neither
        if generations.read(number)?.is_installed() {
            let text = generations.baseline(number)?;
            let baseline = Baseline::read(&String::from_utf8_lossy(&text))
                .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
            let files = baseline.files.into_iter();
            texts.extend(files.map(|(path, file)| (path, file.text)));
            texts.insert(SPEC.to_owned(), generations.spec(number)?);
        }
        Ok(Self {
            called: format!("generation {number}"),
            texts,
        })
    }

    /// What is on the machine now, at the paths of the other side and of the newest generation. Its spec is that of the newest.
    fn installed(
        generations: Generations<'_>,
        root: &Path,
        other: &Self,
    ) -> Result<Self, CommandError> {
        let newest = Self::generation(generations, generations.newest())?;
        let paths: BTreeSet<_> = newest.texts.keys().chain(other.texts.keys()).collect();
        let read = |path: &&String| {
            let bytes = std::fs::read(below(root, path)).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let mut texts = BTreeMap::new();
        for path in paths.into_iter().filter(|path| *path != SPEC) {
            texts.extend(read(&path).map(|text| (path.clone(), text)));
        }
        let spec = newest.texts.get(SPEC);
        texts.extend(spec.map(|text| (SPEC.to_owned(), text.clone())));
        Ok(Self {
            called: "what is installed".to_owned(),
            texts,
        })
    }
}

fn no_generation(number: u64, there: &[u64]) -> CommandError {
    let there: Vec<_> = there.iter().map(ToString::to_string).collect();
    let there = there.join(", ");
    let message = format!("there is no generation {number}: there are {there}");
    let finding = Finding::error("diff.generation", message);
    CommandError::finding(Exit::Usage, finding.hint("`opsctl history` lists them"))
}

/// The paths that differ, each with how.
fn differences(old: &Side, new: &Side, show_secrets: bool) -> Vec<(String, String)> {
    let shown = |path: &str, text: &str| {
        // an environment of a server may hold a secret
        if Path::new(path).extension() == Some("toml".as_ref()) && !show_secrets {
            without_secrets(text)
        } else {
            text.to_owned()
        }
    };
    let paths: BTreeSet<_> = old.texts.keys().chain(new.texts.keys()).collect();
    let differs = |path: &String| {
        let (before, after) = (old.texts.get(path), new.texts.get(path));
        if before == after {
            return None;
        }
        let names = [&old.called, &new.called].map(|called| format!("{path} ({called})"));
        let [before, after] = [before, after].map(|text| shown(path, text.map_or("", |text| text)));
        let diff = unified([&names[0], &names[1]], &before, &after);
        Some(if diff.is_empty() {
            let hidden = "values that are not shown differ (`--show-secrets`)\n";
            (path.clone(), hidden.to_owned())
        } else {
            (path.clone(), diff)
        })
    };
    paths.into_iter().filter_map(differs).collect()
}

/// What the spec is called among the files: it is wherever its author keeps it.
const SPEC: &str = "deploy.toml";
