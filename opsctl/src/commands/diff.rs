//! `opsctl diff`: what an apply would change, and what hands have changed, told apart; and generations against each other.

mod generations;

use std::fmt::Write as _;
use std::path::Path;

use deploy::plan::{
    Change, Conflict, ConflictKind, Content, Goal, Inventory, Note, NoteKind, Options, Plan, Step,
    Why, plan, without_secrets,
};
use deploy::{Component, Rendered};
use serde_json::{Value, json};

use super::{output, rendering};
use crate::cli::{Diff, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host;
use crate::host::services::Services;
use crate::survey::{Looking, look};
use crate::ui::diff::unified;
use crate::ui::{Paint, Ui, counted};

/// Plans an apply and shows it, or compares generations; changes nothing.
pub(crate) async fn run(arguments: Diff, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    if !arguments.generations.is_empty() {
        return generations::run(&arguments, spec, ui);
    }
    let root = arguments.root.as_deref().unwrap_or(Path::new("/"));
    let templates = arguments.templates.as_deref();
    let (deployment, rendered) = rendering(spec, arguments.nginx, templates, ui).await?;
    let goal = Goal::of(&deployment, &rendered);
    // files can be compared without whoever tells the units
    let services = match arguments.root {
        None if host::is_root() => Services::of_machine().unwrap_or(Services::None),
        _ => Services::None,
    };
    let is_live = !matches!(services, Services::None);
    let inventory = look(&Looking {
        root,
        goal,
        deployment: is_live.then_some(&deployment),
        services: &services,
        nginx: None,
    })
    .await?;
    let options = Options {
        services: is_live,
        ..Options::default()
    };
    let compared = Compared {
        show_secrets: arguments.show_secrets,
        ..Compared::of(&inventory, goal, options)
    };
    output(match ui.format() {
        Format::Json => ui.json(&compared.document(&inventory, &deployment)),
        Format::Human => {
            let text = compared.text(&inventory, ui.paint_out());
            ui.data(text)
        }
    })?;
    let pending = compared.pending().count();
    let (paths, conflicts) = (
        counted(pending, "path"),
        counted(compared.conflicts.len(), "conflict"),
    );
    let told = compared.told().count();
    ui.say(match (pending, compared.conflicts.len()) {
        (0, 0) if told > 0 => "an apply would change no file, and tell the units".to_owned(),
        (0, 0) => "an apply would change nothing".to_owned(),
        (_, 0) => format!("an apply would change {paths}"),
        (0, _) => format!("an apply is refused for {conflicts}"),
        _ => format!("an apply would change {paths}, and is refused for {conflicts}"),
    });
    for finding in compared.conflicts.iter().map(Conflict::finding) {
        ui.say(finding);
    }
    let same = pending == 0 && told == 0 && compared.conflicts.is_empty();
    Ok(if same { Exit::Done } else { Exit::Changes })
}

/// What an apply would do, and what it would stop at.
struct Compared<'a> {
    rendered: &'a Rendered,
    plan: Option<Plan>,
    conflicts: Vec<Conflict>,
    show_secrets: bool,
}

impl<'a> Compared<'a> {
    /// Plans all files; where some conflict the rest is planned without them, so that all is seen at once.
    fn of(inventory: &Inventory, goal: Goal<'a>, options: Options) -> Self {
        let mut compared = Self {
            rendered: goal.rendered,
            plan: None,
            conflicts: Vec::new(),
            show_secrets: false,
        };
        match plan(inventory, goal, options) {
            Ok(plan) => compared.plan = Some(plan),
            Err(conflicts) => {
                compared.conflicts = conflicts.0;
                compared.plan = plan_rest(inventory, goal, &compared.conflicts);
            }
        }
        compared
    }

    /// The changes that matter to anybody but opsctl.
    fn pending(&self) -> impl Iterator<Item = &Change> {
        let changes = self.plan.iter().flat_map(Plan::changes);
        changes.filter(|change| !matches!(change.why, Why::Memory))
    }

    /// What the units are told once the files are in place; nothing where something conflicts.
    fn told(&self) -> impl Iterator<Item = &Step> {
        let steps = self.plan.iter().flat_map(|plan| &plan.steps);
        steps.filter(|step| !matches!(step, Step::Change(_)))
    }

    fn notes(&self) -> impl Iterator<Item = &Note> {
        self.plan.iter().flat_map(|plan| &plan.notes)
    }

    fn text(&self, inventory: &Inventory, paint: Paint) -> String {
        let mut out = String::new();
        let is_taken_over = |note: &&Note| note.kind == NoteKind::TakenOver;
        let taken_over = self.notes().filter(is_taken_over).count();
        if taken_over > 0 {
            let files = counted(taken_over, "file");
            let _ = writeln!(
                out,
                "{}",
                paint.bold(format!("taken over: {files} as they are rendered"))
            );
        }
        for note in self.notes().filter(|note| !is_taken_over(note)) {
            let _ = writeln!(out, "{}", paint.bold(note));
            out.push_str(&painted(&self.hand_edit(inventory, &note.path), paint));
        }
        for change in self.pending() {
            let _ = writeln!(out, "{}", paint.bold(change));
            out.push_str(&painted(&self.change(inventory, change), paint));
        }
        for step in self.told() {
            let _ = writeln!(out, "{}", paint.bold(step));
        }
        for conflict in &self.conflicts {
            let _ = writeln!(
                out,
                "{}",
                paint.bold(format!("conflict: {}", conflict.path))
            );
            out.push_str(&painted(&self.conflict(inventory, conflict), paint));
        }
        out
    }

    fn document(&self, inventory: &Inventory, deployment: &deploy::Deployment) -> Value {
        let changes: Vec<_> = self
            .pending()
            .map(|change| {
                json!({
                    "path": change.path,
                    "why": change.why,
                    "before": change.before,
                    "after": change.after,
                    "diff": self.change(inventory, change),
                })
            })
            .collect();
        let hands: Vec<_> = self
            .notes()
            .map(|note| {
                let diff = self.hand_edit(inventory, &note.path);
                json!({"path": note.path, "kind": note.kind, "diff": diff})
            })
            .collect();
        let conflicts: Vec<_> = self
            .conflicts
            .iter()
            .map(|conflict| {
                let diff = self.conflict(inventory, conflict);
                json!({"path": conflict.path, "finding": conflict.finding(), "diff": diff})
            })
            .collect();
        json!({
            "ok": changes.is_empty() && conflicts.is_empty() && self.told().next().is_none(),
            "deployment": deployment.name,
            "generation": deployment.generation,
            "changes": changes,
            "steps": self.told().map(ToString::to_string).collect::<Vec<_>>(),
            "hand_edits": hands,
            "conflicts": conflicts,
        })
    }

    /// What a hand made of the rendering before.
    fn hand_edit(&self, inventory: &Inventory, path: &str) -> String {
        let baseline = inventory.baseline.as_ref();
        let base = baseline.and_then(|baseline| baseline.files.get(path));
        match (base, inventory.text(path)) {
            (Some(base), Some(text)) => {
                self.between(path, ["rendered before", "installed"], &base.text, text)
            }
            _ => String::new(),
        }
    }

    fn change(&self, inventory: &Inventory, change: &Change) -> String {
        let text = |content: &Content| match content.digest() {
            None => Some(""),
            Some(digest) => {
                let planned = self.plan.as_ref()?.texts.get(digest);
                planned.map(String::as_str)
            }
        };
        match (
            &change.before,
            inventory.text(&change.path),
            text(&change.after),
        ) {
            (Content::Folder { .. }, ..) | (_, _, None) => String::new(),
            (_, before, Some(after)) => self.between(
                &change.path,
                ["installed", "after an apply"],
                before.unwrap_or_default(),
                after,
            ),
        }
    }

    fn conflict(&self, inventory: &Inventory, conflict: &Conflict) -> String {
        match &conflict.kind {
            ConflictKind::BothChanged { clashes } => {
                let mut out = String::new();
                for clash in clashes {
                    let [base, rendered, hand] = [&clash.base, &clash.rendered, &clash.hand]
                        .map(|side| whole_lines(&self.shown(&conflict.path, side)));
                    let _ = write!(
                        out,
                        "<<<<<<< {}:{} (installed)\n{hand}||||||| rendered before\n{base}=======\n{rendered}>>>>>>> rendered now\n",
                        conflict.path, clash.line
                    );
                }
                out
            }
            ConflictKind::Foreign => {
                let mut files = self.rendered.files.iter();
                let rendered = files.find(|file| file.path == conflict.path);
                self.between(
                    &conflict.path,
                    ["installed", "rendered"],
                    inventory.text(&conflict.path).unwrap_or_default(),
                    rendered.map_or("", |file| &file.contents),
                )
            }
            ConflictKind::InTheWay { .. } | ConflictKind::NotText => String::new(),
        }
    }

    fn between(&self, path: &str, names: [&str; 2], old: &str, new: &str) -> String {
        let [old_name, new_name] = names.map(|name| format!("{path} ({name})"));
        let names = [old_name.as_str(), new_name.as_str()];
        let diff = unified(names, &self.shown(path, old), &self.shown(path, new));
        if diff.is_empty() && old != new {
            return format!("{path}: values that are not shown differ (`--show-secrets`)\n");
        }
        diff
    }

    /// The text as it may be shown: an origin's environment may hold secrets.
    fn shown(&self, path: &str, text: &str) -> String {
        let is_origin = |file: &deploy::RenderedFile| {
            file.path == path && matches!(file.component, Component::Origin(_))
        };
        let may_hold_secrets =
            path.ends_with("/origin.toml") || self.rendered.files.iter().any(is_origin);
        if may_hold_secrets && !self.show_secrets {
            without_secrets(text)
        } else {
            text.to_owned()
        }
    }
}

/// The plan of what does not conflict.
fn plan_rest(inventory: &Inventory, goal: Goal<'_>, conflicts: &[Conflict]) -> Option<Plan> {
    let conflicts_at = |path: &str| conflicts.iter().any(|conflict| conflict.path == path);
    let mut rendered = goal.rendered.clone();
    rendered.files.retain(|file| !conflicts_at(&file.path));
    rendered
        .directories
        .retain(|folder| !conflicts_at(&folder.path));
    let mut inventory = inventory.clone();
    if let Some(baseline) = &mut inventory.baseline {
        baseline.files.retain(|path, _| !conflicts_at(path));
    }
    let rest = Goal {
        rendered: &rendered,
        ..goal
    };
    plan(&inventory, rest, Options::default()).ok()
}

fn whole_lines(text: &str) -> String {
    match text {
        "" => String::new(),
        text if text.ends_with('\n') => text.to_owned(),
        text => format!("{text}\n"),
    }
}

fn painted(diff: &str, paint: Paint) -> String {
    let mut out = String::with_capacity(diff.len());
    for line in diff.lines() {
        let line = crate::ui::printable(line);
        let _ = match line.bytes().next() {
            Some(b'+') => writeln!(out, "{}", paint.green(line)),
            Some(b'-') => writeln!(out, "{}", paint.red(line)),
            Some(b'@') => writeln!(out, "{}", paint.dim(line)),
            _ => writeln!(out, "{line}"),
        };
    }
    out
}
