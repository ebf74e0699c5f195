//! `opsctl history`: the generations of a deployment.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{named, output};
use crate::cli::{Format, Named};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::generations::{Generation, Generations};
use crate::state::State;
use crate::steps::timestamp;
use crate::transaction::Purpose;
use crate::ui::Ui;
use crate::ui::table::{Cell, table};

/// Lists them, the newest first.
pub(crate) fn run(arguments: &Named, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let name = named::find(arguments, spec)?;
    let root = arguments.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let state = State::of(&root, &name);
    let generations = Generations { state: &state };
    let mut all = Vec::new();
    for number in generations.numbers().into_iter().rev() {
        all.push(generations.read(number)?);
    }
    output(match ui.format() {
        Format::Json => ui.json(&json!({
            "ok": true,
            "deployment": name.as_str(),
            "generations": all.iter().map(row_json).collect::<Vec<_>>(),
        })),
        Format::Human if all.is_empty() => {
            ui.data(format_args!("{name} was never installed here\n"))
        }
        Format::Human => ui.data(table(&rows(&all))),
    })?;
    Ok(Exit::Done)
}

fn rows(all: &[Generation]) -> Vec<Vec<Cell>> {
    let head = ["", "time", "who", "what", "digest", "verified"];
    let head = head.map(Cell::plain).to_vec();
    let row = |generation: &Generation| {
        [
            generation.number.to_string(),
            timestamp(generation.time),
            generation.who.clone(),
            what(generation.purpose),
            generation.digest.clone(),
            verified(generation).to_owned(),
        ]
        .map(Cell::plain)
        .to_vec()
    };
    std::iter::once(head).chain(all.iter().map(row)).collect()
}

/// What a generation was made for, in words.
pub(super) fn what(purpose: Purpose) -> String {
    match purpose {
        Purpose::Apply => "apply".to_owned(),
        Purpose::Rollback(to) => format!("rollback to {to}"),
        Purpose::Uninstall => "uninstall".to_owned(),
        Purpose::Certificate => "certificate".to_owned(),
    }
}

fn verified(generation: &Generation) -> &'static str {
    match generation.verified() {
        Some(true) => "passed",
        Some(false) => "failed",
        None => "not made",
    }
}

fn row_json(generation: &Generation) -> Value {
    json!({
        "generation": generation.number,
        "time": timestamp(generation.time),
        "who": generation.who,
        "what": what(generation.purpose),
        "digest": generation.digest,
        "spec_digest": generation.spec_digest,
        "opsctl": generation.version,
        "verification": generation.verification,
    })
}
