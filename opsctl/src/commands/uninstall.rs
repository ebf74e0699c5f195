//! `opsctl uninstall`: everything of a deployment is taken out; what a hand made stays and is named.

use std::path::Path;
use std::time::Duration;

use deploy::plan::{Baseline, Content, Goal, Options, Plan, plan};
use deploy::{Component, Deployment, Layout, Rendered};
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
use crate::host::files::below;
use crate::host::services;
use crate::lock::Lock;
use crate::nginx::{self, Nginx, Places};
use crate::spec::{SpecFile, resolve};
use crate::steps::{Carry, Proof, carry_out, recover, remove_certificates};
use crate::survey::{Looking, look};
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
    named::check_installed(&ground)?;
    let lock = Lock::take(&ground.state.lock(), "uninstall", arguments.lock_wait).await?;
    recover(&ground, ui).await?;
    let out = TakingOut::of(&ground, arguments.nginx, ui).await?;
    let accounts = accounts(&ground);
    if !out.plan.is_empty() {
        tell_plan(&out.plan, ui);
    }
    agree(arguments.yes, "take everything out?", ui)?;
    let exit = out.go(ui).await?;
    drop(lock);
    if arguments.purge {
        remove_tree(&Real, ground.state.folder())?;
        for account in accounts.iter().filter(|_| ground.is_live()) {
            // `StateDirectory=` of its unit: files of nobody would be left, and of whoever gets the number next
            remove_tree(&Real, &Path::new("/var/lib").join(account))?;
            let removed = services::run(
                Path::new("userdel"),
                std::slice::from_ref(account),
                PATIENCE,
            )
            .await;
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
    /// Sites whose certificates certbot renews.
    renewed: Vec<String>,
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
        let nginx = if ground.is_live() {
            nginx::discover(&places).await.ok()
        } else {
            None
        };
        let deployment = nginx
            .as_ref()
            .and_then(|nginx| installed(ground, nginx, ui));
        let name = ground.state.name();
        let paths = Layout::Debian
            .paths(name)
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let rendered = Rendered::default();
        let goal = Goal {
            name,
            paths: &paths,
            generation: None,
            rendered: &rendered,
        };
        let inventory = look(&Looking {
            root: &ground.root,
            goal,
            deployment: deployment.as_ref(),
            services: &ground.services,
            nginx: None,
        })
        .await?;
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
        let sites = deployment.iter().flat_map(|deployment| &deployment.sites);
        let renewed = sites
            .filter(|site| site.certificate.kind.acme().is_some())
            .map(|site| site.name.to_string())
            .collect();
        Ok(Self {
            renewed,
            ground,
            plan,
            nginx,
            named_before: inventory.running.edge,
        })
    }

    /// The folders that should go and did not: somebody else uses them.
    fn kept(&self) -> Vec<String> {
        let gone = self.plan.changes().filter(|change| {
            matches!(
                (&change.before, &change.after),
                (Content::Folder { .. }, Content::Absent)
            )
        });
        gone.map(|change| change.path.clone())
            .filter(|path| below(&self.ground.root, path).exists())
            .collect()
    }

    async fn go(self, ui: &mut Ui) -> Result<Exit, CommandError> {
        let ground = self.ground;
        guard::lift(ground).await?;
        let steps = lines(&self.plan);
        let name = ground.state.name();
        if self.plan.is_empty() {
            ui.say(format_args!(
                "nothing to do: nothing of {name} is installed"
            ));
            return Ok(Exit::Done);
        }
        let carry = Carry {
            ground,
            proof: self.nginx.as_ref().map_or(Proof::Nothing, Proof::Valid),
            plan: self.plan.clone(),
            purpose: Purpose::Uninstall,
            spec: Some(String::new()),
            named_before: self.named_before.clone(),
            confirm_within: None,
        };
        let carried = audited(ground, "uninstall", carry_out(carry, ui).await, ui)?;
        if ground.is_live() {
            let run = Layout::Debian
                .paths(name)
                .map_err(|error| CommandError::new(Exit::Unexpected, error))?
                .run;
            // sockets of units that are gone; in memory anyway
            remove_tree(&Real, run.as_path())?;
        }
        let kept = self.kept();
        for path in &kept {
            ui.say(format_args!(
                "kept: {path} has files that opsctl did not make"
            ));
        }
        for site in &self.renewed {
            ui.say(format_args!(
                "certbot goes on renewing the certificate of {site}: `certbot delete --cert-name {site}` ends that"
            ));
        }
        output(match ui.format() {
            Format::Json => ui.json(&json!({
                "ok": true,
                "outcome": "uninstalled",
                "kept": kept,
                "deployment": name.as_str(),
                "generation": carried.number,
                "steps": steps.lines().collect::<Vec<_>>(),
            })),
            Format::Human => ui.data(format_args!("{name} is taken out\n")),
        })?;
        Ok(Exit::Done)
    }
}

/// The accounts of the origins that were installed last: each is called after its site.
fn accounts(ground: &Ground) -> Vec<String> {
    let generations = ground.generations();
    let read = |number: &u64| {
        let text = generations.baseline(*number).ok()?;
        Baseline::read(&String::from_utf8_lossy(&text)).ok()
    };
    let newest = generations.numbers().iter().rev().find_map(read);
    let mut accounts: Vec<String> = newest
        .iter()
        .flat_map(|baseline| baseline.files.values())
        .filter_map(|file| match &file.component {
            Component::Origin(site) => Some(site.to_string()),
            _ => None,
        })
        .collect();
    accounts.dedup();
    accounts
}

/// What is installed, from the spec that it was made of and with the names that its files give; nothing where that spec means
/// nothing to this opsctl or this NGINX.
pub(super) fn installed(ground: &Ground, nginx: &Nginx, ui: &mut Ui) -> Option<Deployment> {
    let generation = ground.generations().current().ok()??;
    let text = ground.generations().spec(generation.number).ok()?;
    let file = SpecFile::from_text(format!("generation {}", generation.number), text);
    let parsed = file.parse().ok()?;
    let mut deployment = resolve(&file, parsed, nginx.target.clone(), Layout::Debian, ui).ok()?;
    let text = ground.generations().baseline(generation.number).ok()?;
    let baseline = Baseline::read(&String::from_utf8_lossy(&text)).ok()?;
    baseline.name(&mut deployment);
    Some(deployment)
}

/// One entry of two tables goes.
const PATIENCE: Duration = Duration::from_secs(30);
