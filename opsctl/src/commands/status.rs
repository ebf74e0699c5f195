//! `opsctl status`: what is installed, what runs, and what is not as it should be.

use std::fmt::Write as _;
use std::path::Path;

use deploy::plan::{Baseline, Content, Goal};
use deploy::{Deployment, Layout};
use probe::certificate::{facts, read_chain};
use serde_json::{Value, json};

use super::history::what;
use super::{named, output};
use crate::acme::{self, Standing};
use crate::certificate;
use crate::cli::{Format, Named};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::generations::Generation;
use crate::ground::Ground;
use crate::nginx::{self, Places};
use crate::spec::{SpecFile, resolve};
use crate::steps::timestamp;
use crate::survey::{Looking, look};
use crate::ui::Ui;
use crate::ui::table::{Cell, table};
use crate::{guard, host};

/// Looks, says, and ends with 19 where something is not as it should be.
pub(crate) async fn run(arguments: &Named, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let name = named::find(arguments, spec)?;
    let ground = Ground::of(arguments.root.as_deref(), &name)?;
    let status = Status::of(&ground, spec, ui).await?;
    let faults = status.faults();
    output(match ui.format() {
        Format::Json => ui.json(&status.document(&faults)),
        Format::Human => {
            let rows = status.rows();
            let mut text = table(&rows);
            for fault in &faults {
                let _ = writeln!(text, "{} {fault}", ui.paint_out().red("degraded:"));
            }
            ui.data(text)
        }
    })?;
    Ok(if faults.is_empty() {
        Exit::Done
    } else {
        Exit::Degraded
    })
}

/// What was seen.
#[derive(Debug)]
struct Status {
    deployment: String,
    generation: Option<Generation>,
    /// The spec that is beside us is another one than that of the generation.
    pending: Option<bool>,
    unfinished: bool,
    unconfirmed: Option<guard::Unconfirmed>,
    /// Files that a hand changed or deleted, each with which of them.
    drift: Vec<(String, &'static str)>,
    /// Units and what they do.
    units: Vec<(String, bool)>,
    /// NGINX and each origin: the generation that it should name, and the one that it names.
    running: Vec<(String, String, Option<String>)>,
    /// Certificate files and the days that they are valid for.
    certificates: Vec<(String, Option<i64>)>,
    /// Sites whose certificate is not the one that certbot keeps, each with why.
    not_renewed: Vec<(String, String)>,
    live: bool,
}

impl Status {
    async fn of(ground: &Ground, spec: &Path, ui: &mut Ui) -> Result<Self, CommandError> {
        let generations = ground.generations();
        let generation = generations.current()?;
        let mut status = Self {
            deployment: ground.state.name().to_string(),
            pending: pending(ground, spec, generation.as_ref()),
            unfinished: ground.machine().journal().unfinished()?.is_some(),
            unconfirmed: guard::waiting(ground),
            drift: Vec::new(),
            units: Vec::new(),
            running: Vec::new(),
            certificates: Vec::new(),
            not_renewed: Vec::new(),
            live: ground.is_live(),
            generation,
        };
        if let Some(generation) = &status.generation {
            let text = generations.baseline(generation.number)?;
            let text = String::from_utf8_lossy(&text).into_owned();
            let spec = generations.spec(generation.number)?;
            let baseline = Baseline::read(&text)
                .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
            let number = generation.number;
            status.look(ground, &baseline, (number, spec), ui).await?;
        }
        Ok(status)
    }

    async fn look(
        &mut self,
        ground: &Ground,
        baseline: &Baseline,
        (number, spec): (u64, String),
        ui: &mut Ui,
    ) -> Result<(), CommandError> {
        let mut deployment = self.deployment(number, spec, ui).await;
        if let Some(deployment) = &mut deployment {
            baseline.name(deployment);
        }
        let paths = Layout::Debian
            .paths(ground.state.name())
            .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
        let rendered = baseline.rendered();
        let inventory = look(&Looking {
            root: &ground.root,
            goal: Goal {
                name: ground.state.name(),
                paths: &paths,
                generation: Some(&baseline.generation),
                rendered: &rendered,
            },
            deployment: deployment.as_ref(),
            services: &ground.services,
            nginx: None,
        })
        .await?;
        for (path, file) in &baseline.files {
            let here = inventory.content(path);
            let drift = match (&file.installed, here) {
                (Some(_), Content::Absent) => "deleted",
                (Some(installed), _) if here.digest() != Some(installed) => "changed",
                (None, Content::File { .. }) => "made",
                _ => continue,
            };
            self.drift.push((path.clone(), drift));
        }
        self.units = inventory
            .units
            .iter()
            .map(|(name, state)| (name.clone(), state.active))
            .collect();
        if let Some(deployment) = &deployment {
            self.running.push((
                "nginx".to_owned(),
                deployment.edge.generation.to_string(),
                inventory.running.edge.clone(),
            ));
            for site in &deployment.sites {
                let origin = inventory.running.origins.get(site.name.as_str());
                let named = origin.map(|origin| origin.generation.clone());
                self.running.push((
                    format!("origin of {}", site.name),
                    site.origin.generation.clone(),
                    named,
                ));
                let path = site.certificate.chain_path.to_string();
                let days = days_left(site.certificate.chain_path.as_path());
                self.certificates.push((path, days));
                if certificate::uncopied(site, &ground.root).is_some() {
                    let why = "its files are newer: `opsctl certificate install`".to_owned();
                    self.not_renewed.push((site.name.to_string(), why));
                }
                if let Some(acme) = site.certificate.kind.acme() {
                    let why = match acme::standing(site, acme, &ground.root, host::since_epoch()) {
                        Standing::Good => continue,
                        Standing::Newer(_) => {
                            "certbot has a newer one: `opsctl certificate install`".to_owned()
                        }
                        Standing::Lacking(why) => format!("{why}: `opsctl apply`"),
                    };
                    self.not_renewed.push((site.name.to_string(), why));
                }
            }
        }
        Ok(())
    }

    /// What is installed, as this machine's NGINX has it; nothing for a tree.
    async fn deployment(&self, number: u64, spec: String, ui: &mut Ui) -> Option<Deployment> {
        if !self.live {
            return None;
        }
        let places = Places {
            cache: None,
            ..Places::of_environment(std::env::var("OPSCTL_NGINX").ok())
        };
        let nginx = nginx::discover(&places).await.ok()?;
        let file = SpecFile::from_text(format!("generation {number}"), spec);
        let parsed = file.parse().ok()?;
        resolve(&file, parsed, nginx.target, Layout::Debian, ui).ok()
    }

    /// What is not as it should be; hand edits are none of it.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.unfinished {
            faults.push("an apply was cut off: `opsctl apply` puts it in order".to_owned());
        }
        if self.generation.is_none() {
            faults.push("nothing is installed".to_owned());
            return faults;
        }
        for (unit, _) in self.units.iter().filter(|(_, active)| !active) {
            faults.push(format!("{unit} does not run"));
        }
        for (program, expected, named) in &self.running {
            match named {
                Some(named) if named == expected => {}
                Some(named) => faults.push(format!("{program} runs generation {named}")),
                None => faults.push(format!("{program} does not say what it runs")),
            }
        }
        for (path, days) in &self.certificates {
            match days {
                Some(days) if *days >= FEW_DAYS => {}
                Some(days) => faults.push(format!("{path} is valid for {days} more days")),
                None => faults.push(format!("{path} cannot be read")),
            }
        }
        for (site, why) in &self.not_renewed {
            faults.push(format!(
                "the certificate of {site} is not as it should be: {why}"
            ));
        }
        faults
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut row = |key: &str, value: String| {
            rows.push(vec![Cell::plain(key), Cell::plain(value)]);
        };
        row("deployment", self.deployment.clone());
        if let Some(generation) = &self.generation {
            row(
                "generation",
                format!(
                    "{} ({}, {} by {}, {})",
                    generation.number,
                    generation.digest,
                    timestamp(generation.time),
                    generation.who,
                    what(generation.purpose)
                ),
            );
            let verified = match generation.verified() {
                Some(true) => "passed",
                Some(false) => "failed",
                None => "not made",
            };
            row("verified", verified.to_owned());
        }
        if self.pending == Some(true) {
            row(
                "pending",
                "the spec changed since: `opsctl diff`".to_owned(),
            );
        }
        if let Some(waiting) = &self.unconfirmed {
            let until = timestamp(waiting.until);
            row(
                "unconfirmed",
                format!("taken back at {until} unless `opsctl confirm`"),
            );
        }
        for (path, how) in &self.drift {
            row("by hand", format!("{path} ({how})"));
        }
        for (unit, active) in &self.units {
            let state = if *active { "runs" } else { "does not run" };
            row(unit, state.to_owned());
        }
        for (path, days) in &self.certificates {
            let days = days.map_or("?".to_owned(), |days| days.to_string());
            row("certificate", format!("{path}: {days} days left"));
        }
        rows
    }

    fn document(&self, faults: &[String]) -> Value {
        let generation = self.generation.as_ref().map(|generation| {
            json!({
                "number": generation.number,
                "digest": generation.digest,
                "time": timestamp(generation.time),
                "who": generation.who,
                "what": what(generation.purpose),
                "verified": generation.verified(),
            })
        });
        json!({
            "ok": faults.is_empty(),
            "deployment": self.deployment,
            "generation": generation,
            "pending": self.pending,
            "unfinished": self.unfinished,
            "unconfirmed_until": self.unconfirmed.as_ref().map(|waiting| timestamp(waiting.until)),
            "drift": self.drift.iter().map(|(path, how)| json!({"path": path, "by_hand": how})).collect::<Vec<_>>(),
            "units": self.units.iter().map(|(unit, active)| json!({"unit": unit, "active": active})).collect::<Vec<_>>(),
            "running": self.running.iter().map(|(program, _, named)| json!({"program": program, "digest": named})).collect::<Vec<_>>(),
            "certificates": self.certificates.iter().map(|(path, days)| json!({"path": path, "days": days})).collect::<Vec<_>>(),
            "faults": faults,
        })
    }
}

/// Whether the spec that is here is another one than that of the generation; nothing where there is none here.
fn pending(ground: &Ground, spec: &Path, generation: Option<&Generation>) -> Option<bool> {
    let file = SpecFile::read(spec).ok()?;
    if file.deployment().as_ref() != Some(ground.state.name()) {
        return None;
    }
    let digest = deploy::plan::digest(file.text.as_bytes());
    Some(generation.is_none_or(|generation| generation.spec_digest != digest))
}

fn days_left(chain: &Path) -> Option<i64> {
    let pem = std::fs::read(chain).ok()?;
    let leaf = read_chain(&pem).ok()?;
    let not_after = facts(leaf.first()?).ok()?.not_after;
    let now = i64::try_from(host::since_epoch().as_secs()).ok()?;
    Some((not_after - now).div_euclid(86_400))
}

/// certbot renews 30 days before the end: one that has a week has missed three weeks of attempts.
const FEW_DAYS: i64 = 7;
