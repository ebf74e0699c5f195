//! `opsctl uninstall`: everything of a deployment is taken out; what a hand made stays and is named.

use std::path::Path;
use std::time::Duration;

use deploy::plan::{Goal, Options, Plan, Step, plan};
use deploy::{Deployment, Layout, Rendered};
use findings::Finding;
use serde_json::json;

use super::apply::{agree, audited, lines, tell_plan};
use super::{named, output};
use crate::cli::{Format, Uninstall};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::ground::Ground;
use crate::guard;
use crate::host::disk::{Real, remove_tree};
use crate::host::services;
use crate::inventory::{Looking, look};
use crate::lock::Lock;
use crate::nginx::{self, Nginx, Places};
use crate::spec::{SpecFile, resolve};
use crate::steps::{Carry, Proof, carry_out, recover, remove_certificates};
use crate::transaction::Purpose;
use crate::ui::Ui;

/// Asks, takes out, and forgets where that is wanted too.
pub(crate) async fn run(
    arguments: Uninstall,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let name = named::find(&arguments.named, spec)?;
    let ground = Ground::of(arguments.named.root.as_deref(), &name)?;
    if ground.generations().numbers().is_empty() {
        let finding = Finding::error("state.name", format!("{name} is not installed here"));
        return Err(CommandError::finding(Exit::Usage, finding));
    }
    let lock = Lock::take(&ground.state.lock(), "uninstall", arguments.lock_wait).await?;
    recover(&ground, ui).await?;
    let out = TakingOut::of(&ground, arguments.nginx, ui).await?;
    let accounts = out.accounts();
    if !out.plan.is_empty() {
        tell_plan(&out.plan, ui);
    }
    agree(arguments.yes, "take everything out?", ui)?;
    let exit = out.go(ui).await?;
    drop(lock);
    if arguments.purge {
        remove_tree(&Real, ground.state.folder())?;
        for account in accounts.iter().filter(|_| ground.is_live()) {
            let removed = services::run(Path::new("userdel"), &[account.clone()], PATIENCE).await;
            if let Err(error) = removed {
                let message = format!("the account `{account}` stays: {}", error.source);
                ui.say(Finding::warn("uninstall.account", message));
            }
        }
    }
    Ok(exit)
}

/// Takes everything out without asking: for a first generation that nobody confirmed.
pub(super) async fn take_out(
    ground: &Ground,
    nginx: Option<String>,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    TakingOut::of(ground, nginx, ui).await?.go(ui).await
}

struct TakingOut<'g> {
    ground: &'g Ground,
    plan: Plan,
    nginx: Option<Nginx>,
    named_before: Option<String>,
}

impl<'g> TakingOut<'g> {
    async fn of(
        ground: &'g Ground,
        nginx: Option<String>,
        ui: &mut Ui,
    ) -> Result<Self, CommandError> {
        let places = Places {
            cache: None,
            ..Places::of_environment(nginx)
        };
        // one that was removed first is no hindrance
        let nginx = match ground.is_live() {
            true => nginx::discover(&places).await.ok(),
            false => None,
        };
        let deployment = nginx
            .as_ref()
            .and_then(|nginx| installed(ground, nginx, ui));
        let name = ground.state.name();
        let paths = Layout::Debian
            .paths(name)
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let rendered = Rendered::default();
        let inventory = look(&Looking {
            root: &ground.root,
            paths: &paths,
            rendered: &rendered,
            deployment: deployment.as_ref(),
            services: &ground.services,
            nginx: None,
        })
        .await?;
        let goal = Goal {
            name,
            paths: &paths,
            generation: None,
            rendered: &rendered,
        };
        let options = Options {
            restore: false,
            overwrite: true,
            services: ground.is_live(),
        };
        let mut plan = plan(&inventory, goal, options)
            .map_err(|conflicts| CommandError::found(Exit::Conflict, conflicts.report()))?;
        if let Some(deployment) = &deployment {
            remove_certificates(&mut plan, deployment, &ground.root)?;
        }
        Ok(Self {
            ground,
            plan,
            nginx,
            named_before: inventory.running.edge,
        })
    }

    /// The accounts of the origins: each is called after its unit.
    fn accounts(&self) -> Vec<String> {
        let changes = self.plan.steps.iter().filter_map(|step| match step {
            Step::Change(change) => Some(change.path.as_str()),
            _ => None,
        });
        changes
            .filter_map(|path| {
                let unit = path.strip_prefix("/etc/systemd/system/")?;
                unit.strip_suffix("-origin.service").map(str::to_owned)
            })
            .collect()
    }

    async fn go(self, ui: &mut Ui) -> Result<Exit, CommandError> {
        let ground = self.ground;
        guard::lift(ground).await?;
        let steps = lines(&self.plan);
        let name = ground.state.name();
        if self.plan.is_empty() {
            ui.say(format_args!("nothing to do: nothing of {name} is installed"));
            return Ok(Exit::Done);
        }
        let carry = Carry {
            ground,
            proof: self.nginx.as_ref().map_or(Proof::Nothing, Proof::Valid),
            plan: self.plan.clone(),
            purpose: Purpose::Uninstall,
            spec: String::new(),
            named_before: self.named_before.clone(),
            confirm_within: None,
        };
        let carried = audited(ground, "uninstall", carry_out(carry, ui).await, ui)?;
        output(match ui.format() {
            Format::Json => ui.json(&json!({
                "ok": true,
                "outcome": "uninstalled",
                "deployment": name.as_str(),
                "generation": carried.number,
                "steps": steps.lines().collect::<Vec<_>>(),
            })),
            Format::Human => ui.data(format_args!("{name} is taken out\n")),
        })?;
        Ok(Exit::Done)
    }
}

/// What is installed, from the spec that it was made of; nothing where that spec means nothing to this opsctl or this NGINX.
fn installed(ground: &Ground, nginx: &Nginx, ui: &mut Ui) -> Option<Deployment> {
    let generation = ground.generations().current().ok()??;
    let text = ground.generations().spec(generation.number).ok()?;
    let file = SpecFile::from_text(format!("generation {}", generation.number), text);
    let parsed = file.parse().ok()?;
    resolve(&file, parsed, nginx.target.clone(), Layout::Debian, ui).ok()
}

/// One entry of two tables goes.
const PATIENCE: Duration = Duration::from_secs(30);
