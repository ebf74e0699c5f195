//! `opsctl apply`: the machine as the spec says, or as it was.

use std::fmt::Write as _;
use std::path::Path;

use deploy::Os;
use deploy::plan::{Goal, Inventory, Options, Plan, plan};
use findings::{Finding, Report};
use serde_json::{Value, json};

use super::output;
use super::render::target;
use crate::cli::{Apply, Format};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::ground::Ground;
use crate::lock::Lock;
use crate::nginx::{self, Nginx, Places};
use crate::spec::SpecFile;
use crate::steps::{
    Carried, Carry, Proof, Rehearsed, Serving, add_certificates, audit, carry_out, check_machine,
    recover, rehearse,
};
use crate::survey::{Looking, look};
use crate::transaction::Purpose;
use crate::ui::{self, Ui};
use crate::wanted::Wanted;
use crate::{guard, host};

/// Plans, and does what the plan says.
pub(crate) async fn run(arguments: Apply, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    ui.step("reading the spec");
    let file = SpecFile::read(spec)?;
    let nginx = nginx_of(&arguments).await?;
    let target = match &nginx {
        Some(nginx) => nginx.target.clone(),
        None => target(arguments.nginx.clone()).await?,
    };
    let wanted = Wanted::of(
        file,
        (Os::Linux, target),
        arguments.templates.as_deref(),
        ui,
    )?;
    let ground = Ground::of(arguments.root.as_deref(), &wanted.deployment.name)?;
    let applying = Applying {
        saved: saved(arguments.plan.as_deref())?,
        arguments,
        wanted,
        nginx,
        ground,
    };
    applying.run(ui).await
}

/// This machine's own NGINX: what is in a cache is none that its units start.
async fn nginx_of(arguments: &Apply) -> Result<Option<Nginx>, CommandError> {
    if arguments.root.is_some() {
        return Ok(None);
    }
    let places = Places {
        cache: None,
        ..Places::of_environment(arguments.nginx.clone())
    };
    nginx::discover(&places).await.map(Some)
}

/// Everything that was read before the machine is looked at.
struct Applying {
    arguments: Apply,
    wanted: Wanted,
    nginx: Option<Nginx>,
    ground: Ground,
    saved: Option<Plan>,
}

impl Applying {
    async fn run(&self, ui: &mut Ui) -> Result<Exit, CommandError> {
        let (ground, deployment) = (&self.ground, &self.wanted.deployment);
        let unfinished = ground.machine().journal().unfinished()?.is_some();
        if !unfinished || self.arguments.dry_run {
            let (plan, _) = self.plan().await?;
            if self.arguments.dry_run {
                return self.show(&plan, unfinished, ui);
            }
            if plan.is_empty() {
                return self.unchanged(&plan, ui);
            }
        }
        ground.make_state()?;
        let wait = self.arguments.lock_wait;
        let _lock = Lock::take(&ground.state.lock(), "apply", wait).await?;
        recover(ground, ui).await?;
        guard::check(ground)?;
        let (plan, named_before) = self.plan().await?;
        if plan.is_empty() {
            return self.unchanged(&plan, ui);
        }
        tell_plan(&plan, ui);
        agree(self.arguments.yes, "apply this?", ui)?;
        let rehearsed = self.prepare(&plan, ui).await?;
        let carry = Carry {
            ground,
            proof: self.proof(rehearsed),
            plan: plan.clone(),
            purpose: Purpose::Apply,
            spec: Some(self.wanted.file.text.clone()),
            named_before,
            confirm_within: self.arguments.confirm_within,
        };
        let carried = audited(ground, "apply", carry_out(carry, ui).await, ui)?;
        prune(ground, deployment.keep_generations, ui);
        self.applied(&plan, &carried, ui)
    }

    /// The saved plan, where one is given and still holds; else a fresh one. Beside it what NGINX names now.
    async fn plan(&self) -> Result<(Plan, Option<String>), CommandError> {
        let deployment = &self.wanted.deployment;
        let version = self
            .nginx
            .as_ref()
            .map(|nginx| nginx.target.version.to_string());
        let goal = Goal::of(deployment, &self.wanted.rendered);
        let inventory = look(&Looking {
            root: &self.ground.root,
            goal,
            deployment: self.ground.is_live().then_some(deployment),
            services: &self.ground.services,
            nginx: version.as_deref(),
        })
        .await?;
        let named = inventory.running.edge.clone();
        let options = Options {
            restore: self.arguments.restore,
            overwrite: false,
            services: self.ground.is_live(),
        };
        let mut plan = plan(&inventory, goal, options)
            .map_err(|conflicts| CommandError::found(Exit::Conflict, conflicts.report()))?;
        add_certificates(&mut plan, deployment, &self.ground)?;
        if let Some(saved) = &self.saved {
            self.compare(saved, &plan, &inventory)?;
        }
        Ok((plan, named))
    }

    /// A saved plan is a promise, without the texts: what is carried out is made anew, and has to be the same.
    fn compare(
        &self,
        saved: &Plan,
        plan: &Plan,
        inventory: &Inventory,
    ) -> Result<(), CommandError> {
        let deployment = &self.wanted.deployment;
        let mut report = Report::new();
        let mut stale = |message: String| report.push(Finding::error("plan.stale", message));
        if saved.deployment != deployment.name
            || saved.generation.as_ref() != Some(&deployment.generation)
        {
            stale("the plan was made from another spec, or by another opsctl".to_owned());
        }
        for moved in saved.moved(inventory) {
            stale(moved.to_string());
        }
        if !report.has_errors() && !saved.is_like(plan) {
            let message = "the plan would be another one now: what hands edited, what certbot has, the templates or what the origin runs changed";
            report.push(Finding::error("plan.stale", message));
        }
        if report.has_errors() {
            let error = CommandError::found(Exit::StalePlan, report);
            return Err(error.hint("make a new one: `opsctl --format json apply --dry-run > FILE`"));
        }
        Ok(())
    }

    async fn prepare(&self, plan: &Plan, ui: &mut Ui) -> Result<Rehearsed, CommandError> {
        let Some(nginx) = &self.nginx else {
            return Ok(Rehearsed::Passed);
        };
        let deployment = &self.wanted.deployment;
        ui.step("looking for what is missing");
        check_machine(&self.ground, deployment, &self.wanted.file).await?;
        ui.step("rehearsing");
        let rehearsed = rehearse(plan, deployment, nginx).await?;
        if let Rehearsed::Unavailable(why) = &rehearsed {
            ui.say(format_args!("not rehearsed: {why}"));
        }
        Ok(rehearsed)
    }

    fn proof(&self, rehearsed: Rehearsed) -> Proof<'_> {
        match &self.nginx {
            None => Proof::Nothing,
            Some(nginx) => Proof::Serving(Serving {
                deployment: &self.wanted.deployment,
                nginx,
                rehearsed,
            }),
        }
    }

    fn show(&self, plan: &Plan, unfinished: bool, ui: &mut Ui) -> Result<Exit, CommandError> {
        if unfinished {
            ui.say("an earlier run was cut off: apply puts that in order first, and this plan may change by it");
        }
        output(match ui.format() {
            Format::Json => ui.json(&self.document("planned", plan, json!({"plan": plan}))),
            Format::Human if plan.is_empty() => ui.data("nothing to do\n"),
            Format::Human => ui.data(lines(plan)),
        })?;
        Ok(Exit::Done)
    }

    fn unchanged(&self, plan: &Plan, ui: &mut Ui) -> Result<Exit, CommandError> {
        for note in &plan.notes {
            ui.say(note);
        }
        ui.say("nothing to do: the machine is as the spec says");
        if ui.format() == Format::Json {
            let number = self.ground.generations().newest();
            let more = json!({"generation": number});
            output(ui.json(&self.document("unchanged", plan, more)))?;
        }
        Ok(Exit::Done)
    }

    fn applied(&self, plan: &Plan, carried: &Carried, ui: &mut Ui) -> Result<Exit, CommandError> {
        let number = carried.number;
        if ui.format() == Format::Json {
            let more = json!({"generation": number, "verification": carried.verification});
            output(ui.json(&self.document("applied", plan, more)))?;
            return Ok(Exit::Done);
        }
        let deployment = &self.wanted.deployment;
        let checked = summary(&carried.verification);
        output(ui.data(format_args!(
            "generation {number} of {} is installed{checked}\n",
            deployment.name
        )))?;
        if let Some(within) = self.arguments.confirm_within {
            let within = findings::format_duration(within);
            ui.insist(format_args!(
                "it is taken back in {within} unless you say `opsctl confirm`\n"
            ));
        }
        Ok(Exit::Done)
    }

    fn document(&self, outcome: &str, plan: &Plan, more: Value) -> Value {
        let mut document = json!({
            "ok": true,
            "outcome": outcome,
            "deployment": self.wanted.deployment.name.as_str(),
            "digest": self.wanted.deployment.generation.as_str(),
            "steps": plan.steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "notes": plan.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
            document.extend(more);
        }
        document
    }
}

/// The plan in a file: what `apply --dry-run --format json` wrote.
fn saved(path: Option<&Path>) -> Result<Option<Plan>, CommandError> {
    let Some(path) = path else {
        return Ok(None);
    };
    let bytes = std::fs::read(path).map_err(HostError::on("read", path.display()))?;
    let read = serde_json::from_slice::<Value>(&bytes)
        .and_then(|document| serde_json::from_value::<Plan>(document["plan"].clone()));
    read.map(Some).map_err(|error| {
        let message = format!("`{}` is no plan: {error}", path.display());
        let finding = Finding::error("plan.file", message);
        let hint = "`opsctl --format json apply --dry-run > FILE` writes one";
        CommandError::finding(Exit::Usage, finding.hint(hint))
    })
}

/// What a plan does, one step a line, and what it leaves as it is.
pub(super) fn lines(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{step}\n"));
    let notes = plan.notes.iter().map(|note| format!("{note}\n"));
    steps.chain(notes).collect()
}

/// The same for the person who is about to agree.
pub(super) fn tell_plan(plan: &Plan, ui: &mut Ui) {
    for line in lines(plan).lines() {
        ui.say(format_args!("  {}", ui::printable(line)));
    }
}

/// Asks, unless told not to.
///
/// # Errors
/// Exit 2 where nobody is there to answer; exit 1 where the answer is no.
pub(super) fn agree(yes: bool, question: &str, ui: &mut Ui) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    match ui.agrees(question) {
        Some(true) => Ok(()),
        Some(false) => Err(CommandError::new(
            Exit::Unexpected,
            "not agreed to: nothing was changed",
        )),
        None => Err(CommandError::new(
            Exit::Usage,
            "nobody is there to agree: nothing was changed",
        )
        .hint("`--yes` does it without asking, `--dry-run` shows what would be done")),
    }
}

/// Removes the oldest generations. That it cannot be done undoes nothing.
pub(super) fn prune(ground: &Ground, keep: usize, ui: &mut Ui) {
    if let Err(error) = ground.generations().prune(&host::disk::Real, keep) {
        let message = format!("{error}: {}", error.source);
        ui.say(Finding::warn("apply.retention", message));
    }
}

/// The result, written into the audit log.
pub(super) fn audited(
    ground: &Ground,
    what: &str,
    result: Result<Carried, CommandError>,
    ui: &mut Ui,
) -> Result<Carried, CommandError> {
    let (number, exit) = match &result {
        Ok(carried) => (Some(carried.number), Exit::Done),
        Err(error) => (None, error.exit),
    };
    if let Err(error) = audit(ground, what, number, exit) {
        ui.say(Finding::warn(
            "apply.audit",
            format!("{error}: {}", error.source),
        ));
    }
    result
}

/// ` and verified: 21 checks`, and a line for each that warned: what is short of connections or days, or lost over HTTP/3,
/// is worth more than that there is a warning. Nothing where nothing was verified.
pub(super) fn summary(verification: &Value) -> String {
    let Some(checks) = verification["checks"].as_array() else {
        return String::new();
    };
    let mut text = format!(" and verified: {} checks", checks.len());
    for check in checks.iter().filter(|check| check["status"] == "warn") {
        let words = ["id", "detail"].map(|key| ui::printable(check[key].as_str().unwrap_or("")));
        let _ = write!(text, "\n  warning: {}", words.join(": "));
    }
    if verification["held_stream"] == "ended" {
        text.push_str("\n  warning: a stream that was held open across the reload ended");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_warned_is_told_with_what_it_says() {
        let document = json!({"held_stream": "ended", "checks": [
            {"id": "http2", "status": "pass", "detail": "fine"},
            {"id": "nginx.lint", "status": "warn", "detail": "a worker has 768 connections: 384 streams"},
        ]});
        let text = summary(&document);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(" and verified: 2 checks"));
        let warned = "  warning: nginx.lint: a worker has 768 connections: 384 streams";
        assert_eq!(lines.next(), Some(warned));
        assert!(lines.next().is_some_and(|line| line.contains("held open")));
        assert_eq!(summary(&Value::Null), "");
    }
}
