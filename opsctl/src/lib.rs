//! The operator's tool: from one spec to a verified deployment.
//!
//! `main` reads the command line and the environment, then calls [`run`]; nothing below it prints except through the
//! [`Ui`] that it is given, and nothing below it decides how the process ends.

mod acme;
mod certificate;
mod checks;
pub mod cli;
mod commands;
mod deployment;
mod doctor;
mod error;
pub mod exit;
mod generations;
mod ground;
mod guard;
mod host;
mod inventory;
mod lock;
#[cfg(test)]
mod made_up;
mod named_certificates;
mod nginx;
mod prerequisites;
mod settle;
mod spec;
mod state;
mod steps;
mod survey;
mod transaction;
mod ui;
mod wanted;

pub use ui::{Options, Ui};

use std::fmt::Write as _;

use cli::{Certificate, Cli, Command, Format, OutputFormat};
use error::CommandError;
use exit::Exit;
use serde_json::json;

/// Does what the command line asks, and says how the process ends.
pub async fn run(cli: Cli, ui: &mut Ui) -> Exit {
    let (spec, format) = (cli.global.spec, cli.global.format);
    let done = match cli.command {
        Command::Wrappers(arguments) => commands::wrappers::run(&arguments, format, ui).await,
        _ if format.wrappers().is_some() => {
            let message = "`--format` bash, python, cli and skill are for `wrappers` alone";
            Err(CommandError::new(Exit::Usage, message))
        }
        Command::Lint(arguments) => commands::lint::run(arguments, format, ui).await,
        _ if format == OutputFormat::Sarif => {
            let message = "`--format sarif` is for `lint` alone";
            Err(CommandError::new(Exit::Usage, message))
        }
        Command::Init(arguments) => commands::init::run(&arguments, &spec, ui),
        Command::Render(arguments) => commands::render::run(arguments, &spec, ui).await,
        Command::Apply(arguments) => Box::pin(commands::apply::run(arguments, &spec, ui)).await,
        Command::Rollback(arguments) => {
            Box::pin(commands::rollback::run(arguments, &spec, ui)).await
        }
        Command::History(arguments) => commands::history::run(&arguments, &spec, ui),
        Command::Status(arguments) => commands::status::run(&arguments, &spec, ui).await,
        Command::Confirm(arguments) => commands::confirm::run(&arguments, &spec, ui).await,
        Command::Uninstall(arguments) => {
            Box::pin(commands::uninstall::run(arguments, &spec, ui)).await
        }
        Command::Diff(arguments) => commands::diff::run(arguments, &spec, ui).await,
        Command::Adopt(arguments) => commands::adopt::run(arguments, &spec, ui).await,
        Command::Verify(arguments) => commands::verify::run(arguments, &spec, ui).await,
        Command::Probe(arguments) => commands::probe::run(&arguments, ui).await,
        Command::Up(arguments) => commands::up::run(arguments, &spec, ui).await,
        Command::Doctor(arguments) => Box::pin(commands::doctor::run(arguments, &spec, ui)).await,
        Command::Import(arguments) => commands::import::run(&arguments, &spec, ui),
        Command::Keys(arguments) => commands::keys::run(&arguments, &spec, ui),
        Command::Services(arguments) => commands::services::run(arguments, &spec, ui).await,
        Command::Logs(arguments) => commands::logs::run(&arguments, &spec, ui).await,
        Command::Certificate(Certificate::Install(arguments)) => {
            Box::pin(commands::certificate::run(arguments, &spec, ui)).await
        }
        Command::Runbook(arguments) => commands::runbook::run(arguments, &spec, ui).await,
        Command::Completions(arguments) => commands::completions::run(&arguments, ui),
        Command::Man(arguments) => commands::man::run(&arguments, ui),
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            report(&error, &spec, ui);
            error.exit
        }
    }
}

/// Tells the person, and with `--format json` the program, what went wrong.
fn report(error: &CommandError, spec: &std::path::Path, ui: &mut Ui) {
    let paint = ui.paint_talk();
    let name = spec.display().to_string();
    let text = host::files::read_text(spec).unwrap_or_default();
    let source = ui::findings::Source::new(&name, &text);
    let mut talk = ui::findings::human(&error.findings, Some(&source), paint);
    let chain = error.chain();
    if let Some((first, causes)) = chain.split_first() {
        let _ = writeln!(talk, "{}: {}", paint.red("error"), ui::printable(first));
        for cause in causes {
            let _ = writeln!(talk, "  because: {}", ui::printable(cause));
        }
    }
    for hint in &error.hints {
        let _ = writeln!(talk, "  {} {hint}", paint.bold("hint:"));
    }
    ui.insist(talk);
    if ui.format() == Format::Json && !ui.has_answered() {
        let document = json!({
            "ok": false,
            "exit": error.exit.code(),
            "error": (!chain.is_empty()).then(|| chain.join(": ")),
            "hints": error.hints,
            "findings": error.findings,
        });
        // standard error has said it already
        let _ = ui.json(&document);
    }
}
