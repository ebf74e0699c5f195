//! `opsctl rollback`: an earlier generation, installed again as a new one.

use std::path::Path;

use deploy::plan::{Baseline, Goal, Options, Plan, plan};
use deploy::{Deployment, Layout, Paths, Rendered};
use findings::Finding;
use serde_json::json;

use super::apply::{agree, audited, lines, prune, summary, tell_plan};
use super::{named, output, uninstall};
use crate::cli::{Format, Rollback};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::guard;
use crate::lock::Lock;
use crate::nginx::{self, Nginx, Places};
use crate::spec::{SpecFile, resolve};
use crate::steps::{
    Carry, Proof, Rehearsed, Serving, add_certificates, carry_out, recover, rehearse,
};
use crate::survey::{Looking, look};
use crate::transaction::Purpose;
use crate::ui::Ui;

/// Goes back.
pub(crate) async fn run(
    arguments: Rollback,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let name = named::find(&arguments.named, spec)?;
    let ground = Ground::of(arguments.named.root.as_deref(), &name)?;
    named::check_installed(&ground)?;
    let _lock = Lock::take(&ground.state.lock(), "rollback", arguments.lock_wait).await?;
    recover(&ground, ui).await?;
    if let Some(number) = arguments.unless_confirmed {
        if guard::waiting(&ground).is_none_or(|waiting| waiting.generation != number) {
            ui.say(format_args!("generation {number} does not wait any more"));
            return Ok(Exit::Done);
        }
        ui.say(format_args!(
            "generation {number} was not confirmed: going back"
        ));
    }
    let Some(number) = target(&ground, &arguments)? else {
        // the first generation was not confirmed: before it there was nothing
        return uninstall::take_out(&ground, arguments.nginx.clone(), ui).await;
    };
    let nginx = if ground.is_live() {
        let places = Places {
            cache: None,
            ..Places::of_environment(arguments.nginx.clone())
        };
        Some(nginx::discover(&places).await?)
    } else {
        None
    };
    let back = Back::to(&ground, number, nginx, ui)?;
    let exit = back.go(&arguments, ui).await?;
    if SpecFile::read(spec).is_ok_and(|file| file.text != back.spec) {
        ui.say(format_args!(
            "`{}` has not followed: `opsctl verify` expects what it says, and the next apply goes there again (`opsctl diff`)",
            spec.display()
        ));
    }
    Ok(exit)
}

/// The number of the generation to go back to; none where a first one was not confirmed.
fn target(ground: &Ground, arguments: &Rollback) -> Result<Option<u64>, CommandError> {
    let generations = ground.generations();
    let numbers = generations.numbers();
    let newest = generations.newest();
    let mut installed = Vec::new();
    for number in &numbers {
        if generations.read(*number)?.is_installed() {
            installed.push(*number);
        }
    }
    let before = installed
        .iter()
        .copied()
        .filter(|number| *number < newest)
        .max();
    match (arguments.to, before) {
        (Some(number), _) if installed.contains(&number) => Ok(Some(number)),
        (Some(number), _) => {
            let there: Vec<_> = installed.iter().map(ToString::to_string).collect();
            let message = format!(
                "there is no generation {number}: there are {}",
                there.join(", ")
            );
            let finding = Finding::error("rollback.generation", message);
            Err(CommandError::finding(
                Exit::Usage,
                finding.hint("`opsctl history` lists them"),
            ))
        }
        (None, Some(number)) => Ok(Some(number)),
        (None, None) if arguments.unless_confirmed.is_some() => Ok(None),
        (None, None) => {
            let finding = Finding::error("rollback.generation", "there is no earlier generation")
                .hint("`opsctl uninstall` takes everything out");
            Err(CommandError::finding(Exit::Usage, finding))
        }
    }
}

/// A generation to go back to.
struct Back<'g> {
    ground: &'g Ground,
    number: u64,
    spec: String,
    baseline: Baseline,
    rendered: Rendered,
    paths: Paths,
    serving: Option<(Deployment, Nginx)>,
}

impl<'g> Back<'g> {
    fn to(
        ground: &'g Ground,
        number: u64,
        nginx: Option<Nginx>,
        ui: &mut Ui,
    ) -> Result<Self, CommandError> {
        let generations = ground.generations();
        let spec = generations.spec(number)?;
        let text = String::from_utf8_lossy(&generations.baseline(number)?).into_owned();
        let baseline =
            Baseline::read(&text).map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let paths = Layout::Debian
            .paths(ground.state.name())
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let serving = match nginx {
            None => None,
            Some(nginx) => {
                let file = SpecFile::from_text(format!("generation {number}"), spec.clone());
                let maker = generations.read(number)?.version;
                let foreign = |error: CommandError| {
                    error.hint(format!(
                        "opsctl {maker} made generation {number}: one that knows its spec can go back to it, and \
                         `opsctl history` lists the others"
                    ))
                };
                let parsed = file.parse().map_err(foreign)?;
                let target = nginx.target.clone();
                let resolved = resolve(&file, parsed, target, Layout::Debian, ui);
                let mut deployment = resolved.map_err(foreign)?;
                // its files are those of then, whatever this opsctl would render from its spec
                baseline.name(&mut deployment);
                Some((deployment, nginx))
            }
        };
        Ok(Self {
            ground,
            number,
            spec,
            rendered: baseline.rendered(),
            baseline,
            paths,
            serving,
        })
    }

    async fn go(&self, arguments: &Rollback, ui: &mut Ui) -> Result<Exit, CommandError> {
        let unattended = arguments.unless_confirmed.is_some();
        let first = self.attempt(arguments.discard_edits, ui).await;
        let (plan, named_before, rehearsed) = match first {
            // a hand edit may be what broke it
            Err(error)
                if !arguments.discard_edits
                    && (error.exit == Exit::Rejected
                        || (unattended && error.exit == Exit::Conflict)) =>
            {
                ui.say("with the hand edits of now it is rejected: they are set aside");
                self.attempt(true, ui).await?
            }
            Err(error) if error.exit == Exit::Conflict => {
                return Err(error.hint("`--discard-edits` sets all hand edits aside"));
            }
            attempt => attempt?,
        };
        if plan.is_empty() {
            ui.say(format_args!(
                "nothing to do: the machine is as generation {} was",
                self.number
            ));
            return Ok(Exit::Done);
        }
        tell_plan(&plan, ui);
        agree(arguments.yes, "go back?", ui)?;
        guard::lift(self.ground).await?;
        let carry = Carry {
            ground: self.ground,
            proof: match &self.serving {
                None => Proof::Nothing,
                Some((deployment, nginx)) => Proof::Serving(Serving {
                    deployment,
                    nginx,
                    rehearsed,
                }),
            },
            plan: plan.clone(),
            purpose: Purpose::Rollback(self.number),
            spec: Some(self.spec.clone()),
            named_before,
            confirm_within: None,
        };
        let what = format!("rollback to {}", self.number);
        let carried = audited(self.ground, &what, carry_out(carry, ui).await, ui)?;
        if let Some((deployment, _)) = &self.serving {
            prune(self.ground, deployment.keep_generations, ui);
        }
        let name = self.ground.state.name();
        output(match ui.format() {
            Format::Json => ui.json(&json!({
                "ok": true,
                "outcome": "rolled-back",
                "deployment": name.as_str(),
                "to": self.number,
                "generation": carried.number,
                "steps": lines(&plan).lines().collect::<Vec<_>>(),
                "verification": carried.verification,
            })),
            Format::Human => ui.data(format_args!(
                "generation {} of {name} is as generation {} was{}\n",
                carried.number,
                self.number,
                summary(&carried.verification)
            )),
        })?;
        Ok(Exit::Done)
    }

    async fn attempt(
        &self,
        overwrite: bool,
        ui: &mut Ui,
    ) -> Result<(Plan, Option<String>, Rehearsed), CommandError> {
        let deployment = self.serving.as_ref().map(|(deployment, _)| deployment);
        let version = self
            .serving
            .as_ref()
            .map(|(_, nginx)| nginx.target.version.to_string());
        let goal = Goal {
            name: self.ground.state.name(),
            paths: &self.paths,
            generation: Some(&self.baseline.generation),
            rendered: &self.rendered,
        };
        let inventory = look(&Looking {
            root: &self.ground.root,
            goal,
            deployment,
            services: &self.ground.services,
            nginx: version.as_deref(),
        })
        .await?;
        let options = Options {
            restore: true,
            overwrite,
            services: self.ground.is_live(),
        };
        let mut plan = plan(&inventory, goal, options)
            .map_err(|conflicts| CommandError::found(Exit::Conflict, conflicts.report()))?;
        let mut rehearsed = Rehearsed::Passed;
        if let Some((deployment, nginx)) = &self.serving {
            add_certificates(&mut plan, deployment, self.ground)?;
            if !plan.is_empty() {
                ui.step("rehearsing");
                rehearsed = rehearse(&plan, deployment, nginx).await?;
            }
        }
        Ok((plan, inventory.running.edge, rehearsed))
    }
}
