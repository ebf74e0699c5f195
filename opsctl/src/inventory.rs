//! What a machine is, read once for a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use deploy::plan::{Accounts, Baseline, Content, Found, Inventory, Running, UnitState};
use deploy::{Deployment, Paths, Rendered};
use findings::Finding;
use probe::{Ask, Target, Version};

use crate::checks;
use crate::checks::ask::fetch;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::below;
use crate::host::services::Services;
use crate::host::{accounts, content, is_root};

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looking<'a> {
    /// The folder that the machine's paths are below; `/` for this machine.
    pub(crate) root: &'a Path,
    /// The paths of the deployment.
    pub(crate) paths: &'a Paths,
    /// What is to be installed.
    pub(crate) rendered: &'a Rendered,
    /// What can be asked while it runs; nothing where the machine is only a tree.
    pub(crate) deployment: Option<&'a Deployment>,
    /// The service manager.
    pub(crate) services: &'a Services,
    /// The version of the machine's NGINX.
    pub(crate) nginx: Option<&'a str>,
}

/// Looks at everything that a plan depends on.
pub(crate) async fn look(looking: &Looking<'_>) -> Result<Inventory, CommandError> {
    let baseline = baseline(looking.root, looking.paths)?;
    let mut paths = Inventory::paths(looking.rendered, baseline.as_ref(), looking.paths);
    paths.extend(snippets(looking.root, looking.paths));
    let mut found = BTreeMap::new();
    for path in paths {
        if let Some(seen) = see(looking.root, &path)? {
            found.insert(path, seen);
        }
    }
    let names = units(looking, baseline.as_ref());
    let units = looking.services.facts(&names);
    let (units, running) = tokio::join!(units, running(looking.deployment));
    let units = units?
        .into_iter()
        .map(|(name, facts)| (name, facts.state))
        .collect::<BTreeMap<String, UnitState>>();
    Ok(Inventory {
        found,
        baseline,
        accounts: accounts(looking.root),
        units,
        running,
        nginx: looking.nginx.map(str::to_owned),
    })
}

/// What the last apply rendered and installed.
///
/// # Errors
/// Exit 1 when there is something that this version cannot read.
pub(crate) fn baseline(root: &Path, paths: &Paths) -> Result<Option<Baseline>, CommandError> {
    let path = below(root, &Baseline::path(paths));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(HostError::on("read", path.display())(error).into()),
    };
    let read = Baseline::read(&text).map_err(|error| {
        let message = format!("`{}` cannot be used: {error}", path.display());
        let hint = "the opsctl that wrote it can; moved away, files that differ from the rendering are taken for somebody else's";
        CommandError::finding(
            Exit::Unexpected,
            Finding::error("apply.memory", message).hint(hint),
        )
    })?;
    Ok(Some(read))
}

/// What is at a path, with its text; nothing where nothing is.
fn see(root: &Path, path: &str) -> Result<Option<Found>, CommandError> {
    let on = || HostError::on("read", path);
    Ok(match content::at(root, path).map_err(on())? {
        Content::Absent => None,
        Content::File { mode, owner, .. } => {
            let bytes = std::fs::read(below(root, path)).map_err(on())?;
            Some(Found::file(bytes, mode, owner))
        }
        other => Some(Found::other(other)),
    })
}

/// The operator's own snippets: `*.conf` in the folders below `snippets`.
fn snippets(root: &Path, paths: &Paths) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![(format!("{}/snippets", paths.pieces), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = std::fs::read_dir(below(root, &folder));
        for entry in entries.into_iter().flatten().flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else if !is_folder
                && Path::new(&path)
                    .extension()
                    .is_some_and(|ending| ending == "conf")
            {
                found.insert(path);
            }
        }
    }
    found
}

/// Every account of the machine: none where owners cannot be set.
fn accounts(root: &Path) -> Accounts {
    if !is_root() {
        return Accounts::default();
    }
    let own = root.join("etc/passwd").exists();
    let tables = if own { root } else { Path::new("/") };
    let (users, groups) = accounts::all(tables);
    Accounts { users, groups }
}

/// The units that are rendered, those that the last apply rendered, and NGINX's.
fn units(looking: &Looking<'_>, baseline: Option<&Baseline>) -> Vec<String> {
    let before = baseline.into_iter().flat_map(|base| base.files.keys());
    let paths = looking.rendered.files.iter().map(|file| &file.path);
    let mut units: BTreeSet<String> = paths
        .chain(before)
        .filter_map(|path| path.strip_prefix(UNITS))
        .filter(|name| !name.contains('/'))
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
        if let Some(bind) = site.origin.admin_bind.first()
            && let Some(named) = named_by(&checks::admin(bind)).await
        {
            origins.insert(site.name.to_string(), named);
        }
    }
    Running {
        edge: checks::generation(&edge).await.ok(),
        origins,
    }
}

async fn named_by(admin: &Target) -> Option<String> {
    let answer = fetch(admin, Version::Http1, Ask::get("/capz")).await.ok()?;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    document["generation"].as_str().map(str::to_owned)
}

/// The folders of `http`, `server` and `mcp`, and those of the sites.
const DEEPEST: usize = 3;
const UNITS: &str = "/etc/systemd/system/";
/// The unit of NGINX.
pub(crate) const NGINX: &str = "nginx.service";
