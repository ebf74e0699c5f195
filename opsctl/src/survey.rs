//! What a machine is and what runs on it, read once for a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use deploy::plan::{Baseline, Goal, Inventory, Running, RunningOrigin, unit_of};
use deploy::{Deployment, Site};
use probe::{Ask, Version};
use serde_json::Value;

use crate::checks;
use crate::checks::ask::fetch;
use crate::error::CommandError;
use crate::host::services::Services;
use crate::inventory;

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looking<'a> {
    /// The folder that the machine's paths are below; `/` for this machine.
    pub(crate) root: &'a Path,
    /// What is to be installed.
    pub(crate) goal: Goal<'a>,
    /// What can be asked while it runs; nothing where the machine is only a tree.
    pub(crate) deployment: Option<&'a Deployment>,
    /// The service manager.
    pub(crate) services: &'a Services,
    /// The version of the machine's NGINX.
    pub(crate) nginx: Option<&'a str>,
}

/// Looks at everything that a plan depends on.
pub(crate) async fn look(looking: &Looking<'_>) -> Result<Inventory, CommandError> {
    let mut inventory = inventory::take(looking.root, looking.goal)?;
    let names = units(looking, inventory.baseline.as_ref());
    let units = looking.services.by_name(&names);
    let (units, running) = tokio::join!(units, running(looking.deployment));
    inventory.units = units?
        .into_iter()
        .map(|(name, unit)| (name, unit.state()))
        .collect();
    inventory.running = running;
    inventory.nginx = looking.nginx.map(str::to_owned);
    Ok(inventory)
}

/// The units that are rendered, those that the last apply rendered, and NGINX's.
fn units(looking: &Looking<'_>, baseline: Option<&Baseline>) -> Vec<String> {
    let before = baseline.into_iter().flat_map(|base| base.files.keys());
    let paths = looking.goal.rendered.files.iter().map(|file| &file.path);
    let mut units: BTreeSet<String> = paths
        .chain(before)
        .filter_map(|path| unit_of(path))
        .map(str::to_owned)
        .collect();
    units.insert(NGINX.to_owned());
    units.into_iter().collect()
}

/// Asks everything that runs which generation it has.
async fn running(deployment: Option<&Deployment>) -> Running {
    let Some(deployment) = deployment else {
        return Running::default();
    };
    let edge = checks::edge_aim(deployment, Err(String::new()));
    let mut origins = BTreeMap::new();
    for site in &deployment.sites {
        if let Some(document) = capabilities(site).await {
            let words = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
            let origin = RunningOrigin {
                generation: words("generation"),
                version: words("version"),
            };
            origins.insert(site.name.to_string(), origin);
        }
    }
    Running {
        edge: checks::generation(&edge).await.ok(),
        origins,
    }
}

/// What the origin of a site says of itself to its operator; nothing where it does not answer.
pub(crate) async fn capabilities(site: &Site) -> Option<Value> {
    let admin = checks::admin(site.origin.admin_bind.first()?);
    let answer = fetch(&admin, Version::Http1, Ask::get("/capz"))
        .await
        .ok()?;
    serde_json::from_slice(&answer.body).ok()
}

/// The unit of NGINX.
pub(crate) const NGINX: &str = "nginx.service";
