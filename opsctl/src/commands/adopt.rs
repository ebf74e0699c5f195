//! `opsctl adopt`: a person decides whose a file is. Only opsctl's memory changes; the next apply acts on it.

use std::path::Path;

use deploy::plan::{BaseFile, Baseline, Content, Found, Goal, Inventory, Ownership};
use deploy::{Deployment, Rendered, RenderedFile};
use findings::{Finding, nearest};
use serde_json::json;

use super::{output, rendering};
use crate::cli::{Adopt, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::disk::Real;
use crate::host::files::{NewFile, below, replace};
use crate::inventory;
use crate::lock::Lock;
use crate::state::State;
use crate::transaction::Journal;
use crate::ui::Ui;

/// Remembers for each file that its text is a hand edit of the rendering, or that the rendering may replace it.
pub(crate) async fn run(arguments: Adopt, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let root = arguments.root.as_deref().unwrap_or(Path::new("/"));
    let templates = arguments.templates.as_deref();
    let (deployment, rendered) = rendering(spec, arguments.nginx, templates, ui).await?;
    let goal = Goal::of(&deployment, &rendered);
    let mut files = Vec::new();
    for path in &arguments.files {
        files.push(find((&deployment, &rendered), &path.to_string_lossy())?);
    }
    let state = State::of(root, &deployment.name);
    state.make(&Real)?;
    let _lock = Lock::take(&state.lock(), "adopt", arguments.lock_wait).await?;
    check_finished(&state)?;
    let inventory = inventory::take(root, goal)?;
    let mut baseline = inventory
        .baseline
        .clone()
        .unwrap_or_else(|| Baseline::empty(&deployment));
    let side = if arguments.replace {
        Side::Rendering
    } else {
        Side::Hand
    };
    for file in files {
        let found = found(&inventory, file)?;
        let base = side.base(file, found)?;
        baseline.files.insert(file.path.clone(), base);
    }
    replace(NewFile {
        path: &below(root, &Baseline::path(goal.paths)),
        contents: baseline.write().as_bytes(),
        mode: 0o600,
        owner: (None, None),
    })?;
    tell(&arguments.files, side, &deployment, ui)
}

/// What an apply left behind is put in order first: it may take back what opsctl remembers.
fn check_finished(state: &State) -> Result<(), CommandError> {
    if Journal::at(state.journal()).unfinished()?.is_none() {
        return Ok(());
    }
    let finding = Finding::error("adopt.unfinished", "an earlier apply was cut off")
        .hint("`opsctl apply` puts that in order; then adopt");
    Err(CommandError::finding(Exit::Conflict, finding))
}

/// Which text stands where both differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What is on the machine.
    Hand,
    /// What is rendered.
    Rendering,
}

impl Side {
    /// What is remembered as the rendering before, so that the planner finds the other side unchanged.
    fn base(self, file: &RenderedFile, found: &Found) -> Result<BaseFile, CommandError> {
        let rendered = BaseFile {
            text: file.contents.clone(),
            mode: file.mode,
            owner: Ownership::rendered(file.owner.as_ref()),
            component: file.component.clone(),
            // nobody has loaded it as it is: the next apply lets its reader read it
            installed: None,
        };
        match (self, &found.text, found.content.rights()) {
            (Self::Hand, ..) => Ok(rendered),
            (Self::Rendering, Some(text), Some((mode, owner))) => Ok(BaseFile {
                text: text.clone(),
                mode,
                owner: owner.clone(),
                ..rendered
            }),
            (Self::Rendering, ..) => {
                let message = format!("`{}` is not UTF-8, and is not replaced", file.path);
                let finding = Finding::error("adopt.not-text", message).hint("move it away");
                Err(CommandError::finding(Exit::Conflict, finding))
            }
        }
    }
}

fn find<'r>(
    (deployment, rendered): (&Deployment, &'r Rendered),
    path: &str,
) -> Result<&'r RenderedFile, CommandError> {
    let files = || rendered.files.iter();
    files().find(|file| file.path == path).ok_or_else(|| {
        let message = format!("`{path}` is no file of this deployment");
        let finding = Finding::error("adopt.unknown", message);
        if path == deployment.paths.nginx_conf.as_str() {
            let hint = format!("it stays yours: `opsctl lint {path}` says which of its numbers are too small for streams, as `worker_connections`");
            return CommandError::finding(Exit::Usage, finding.hint(hint));
        }
        let hint = match nearest(path, files().map(|file| file.path.as_str())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "`opsctl render` lists its files; what is yours alone needs no adoption: opsctl never touches it".to_owned(),
        };
        CommandError::finding(Exit::Usage, finding.hint(hint))
    })
}

fn found<'i>(inventory: &'i Inventory, file: &RenderedFile) -> Result<&'i Found, CommandError> {
    let found = inventory.found.get(&file.path);
    found
        .filter(|found| matches!(found.content, Content::File { .. }))
        .ok_or_else(|| {
            let message = match found {
                None => format!("there is no file `{}`", file.path),
                Some(found) => format!("`{}` is {}", file.path, found.content),
            };
            let finding = Finding::error("adopt.no-file", message);
            CommandError::finding(
                Exit::Conflict,
                finding.hint("an apply makes what is missing"),
            )
        })
}

fn tell(
    files: &[std::path::PathBuf],
    side: Side,
    deployment: &Deployment,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let kept = match side {
        Side::Hand => "installed",
        Side::Rendering => "rendered",
    };
    if ui.format() == Format::Json {
        let document = json!({
            "ok": true,
            "deployment": deployment.name,
            "files": files,
            "kept": kept,
        });
        output(ui.json(&document))?;
    }
    for file in files {
        let file = file.display();
        ui.say(match side {
            Side::Hand => format!(
                "{file}: its text stands, as a hand edit of the rendering; the next apply keeps it, and merges what the spec changes later"
            ),
            Side::Rendering => format!("{file}: the next apply puts the rendering in its place"),
        });
    }
    ui.say("`opsctl diff` shows what the next apply does");
    Ok(Exit::Done)
}
