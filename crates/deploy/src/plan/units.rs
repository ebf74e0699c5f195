//! What systemd has to be told, after the files are in their places.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::Inventory;
use super::planner::Goal;
use crate::layout::Paths;
use crate::render::Component;

/// What systemd is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Services {
    /// The file of accounts to be made.
    pub(super) accounts: Option<String>,
    /// The file of run-time folders to be made.
    pub(super) folders: Option<String>,
    /// Units came, changed or went.
    pub(super) read_units: bool,
    /// Units to be enabled.
    pub(super) enable: Vec<String>,
    /// Origins' units to be started.
    pub(super) start: Vec<String>,
    /// Origins' units to be started anew.
    pub(super) restart: Vec<String>,
    /// What NGINX is told.
    pub(super) edge: Option<Edge>,
    /// Units that go: those that run.
    pub(super) stop: Vec<String>,
    /// Units that go: those that start at boot.
    pub(super) disable: Vec<String>,
}

/// What NGINX is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Edge {
    /// It runs and has to read its configuration again: why.
    Reload(String),
    /// It does not run.
    Start,
}

/// Finds out what systemd has to be told, where `news` are the paths whose readers have not read them.
pub(super) fn work(inventory: &Inventory, goal: Goal<'_>, news: &BTreeSet<String>) -> Services {
    let mut services = Services {
        accounts: accounts(inventory, goal, news),
        folders: below(goal, "/etc/tmpfiles.d/").filter(|path| news.contains(path)),
        read_units: news.iter().any(|path| path.starts_with(UNITS)),
        edge: edge(inventory, goal, news),
        ..Services::default()
    };
    let files = goal.rendered.files.iter();
    let wanted: BTreeMap<&str, &str> = files
        .filter_map(|file| Some((unit_of(&file.path)?, file.contents.as_str())))
        .collect();
    for (unit, text) in &wanted {
        services.unit(inventory, unit, text);
        if is_stale(inventory, goal, news, unit) && inventory.unit(unit).active {
            services.restart.push((*unit).to_owned());
            // a socket cannot start while its service runs: systemd orders what is named together
            services.restart.extend(service_of(text).map(str::to_owned));
        }
    }
    services.restart.sort();
    services.restart.dedup();
    services
        .start
        .retain(|unit| !services.restart.contains(unit));
    let before = inventory.baseline.iter().flat_map(|base| base.files.keys());
    for unit in before.filter_map(|path| unit_of(path)) {
        if !wanted.contains_key(unit) {
            let state = inventory.unit(unit);
            services.stop.extend(state.active.then(|| unit.to_owned()));
            services
                .disable
                .extend(state.enabled.then(|| unit.to_owned()));
        }
    }
    if !wanted.is_empty() && !inventory.unit(NGINX).enabled {
        services.enable.push(NGINX.to_owned());
    }
    services
}

impl Services {
    fn unit(&mut self, inventory: &Inventory, unit: &str, text: &str) {
        let state = inventory.unit(unit);
        if !state.enabled && text.contains("\n[Install]\n") {
            self.enable.push(unit.to_owned());
        }
        if !state.active {
            self.start.push(unit.to_owned());
        }
    }
}

/// Whether a unit runs with another file, or an origin with another configuration, than what will be there.
fn is_stale(inventory: &Inventory, goal: Goal<'_>, news: &BTreeSet<String>, unit: &str) -> bool {
    let drop_ins = format!("{UNITS}{unit}.d/");
    let unit_news = news
        .iter()
        .any(|path| *path == format!("{UNITS}{unit}") || path.starts_with(&drop_ins));
    let origin_news = goal
        .rendered
        .files
        .iter()
        .any(|file| match &file.component {
            Component::Origin(site) if unit == format!("{site}-origin.service") => {
                let named = inventory.running.origins.get(site.as_str());
                news.contains(&file.path)
                    || named.is_some_and(|named| {
                        !file.contents.contains(&format!("generation = \"{named}\""))
                    })
            }
            _ => false,
        });
    // The origin's connections are the processes: another origin has new ones.
    let server_news = unit.strip_suffix("-origin.service").is_some_and(|site| {
        let servers = format!("{UNITS}{site}-mcp_");
        news.iter().any(|path| path.starts_with(&servers))
    });
    unit_news || origin_news || server_news
}

fn edge(inventory: &Inventory, goal: Goal<'_>, news: &BTreeSet<String>) -> Option<Edge> {
    let installed = inventory.baseline.iter().flat_map(|base| &base.files);
    let changed = goal
        .rendered
        .files
        .iter()
        .map(|file| (&file.path, &file.component))
        .chain(installed.map(|(path, file)| (path, &file.component)))
        .any(|(path, component)| {
            *component == Component::Edge && is_conf(path) && news.contains(path)
        });
    let wanted = goal
        .rendered
        .files
        .iter()
        .any(|file| file.component == Component::Edge);
    if !inventory.unit(NGINX).active {
        return wanted.then_some(Edge::Start);
    }
    let before = inventory.baseline.as_ref();
    let hand = before.is_some_and(|base| base.snippets != snippets(inventory, goal.paths));
    let names = |named: &str| {
        let answer = format!("\"{named}\\n\"");
        let mut files = goal.rendered.files.iter();
        files.any(|file| file.component == Component::Edge && file.contents.contains(&answer))
    };
    let running = inventory.running.edge.as_deref();
    let other = running.filter(|named| !names(named));
    let why = match (changed, hand, other) {
        (true, ..) => "its configuration changed".to_owned(),
        (_, true, _) => "a snippet changed".to_owned(),
        (.., Some(named)) if wanted => format!("it runs generation {named}"),
        _ => return None,
    };
    Some(Edge::Reload(why))
}

/// The digests of the snippets that NGINX reads, by path.
pub(super) fn snippets(inventory: &Inventory, paths: &Paths) -> BTreeMap<String, String> {
    let folder = format!("{}/snippets/", paths.pieces);
    let found = inventory.found.iter();
    found
        .filter(|(path, _)| path.starts_with(&folder) && is_conf(path))
        .filter_map(|(path, found)| Some((path.clone(), found.content.digest()?.to_owned())))
        .collect()
}

/// Whether NGINX reads a file of ours by its name.
fn is_conf(path: &str) -> bool {
    path.rsplit('.').next() == Some("conf")
}

/// The file of the accounts, when it is new or names one that the machine does not know.
fn accounts(inventory: &Inventory, goal: Goal<'_>, news: &BTreeSet<String>) -> Option<String> {
    let path = below(goal, "/etc/sysusers.d/")?;
    let known = &inventory.accounts.users;
    let missing = goal
        .users()
        .any(|user| !known.is_empty() && !known.contains_key(user));
    (missing || news.contains(&path)).then_some(path)
}

fn below(goal: Goal<'_>, folder: &str) -> Option<String> {
    let mut files = goal.rendered.files.iter();
    files
        .find(|file| file.path.starts_with(folder))
        .map(|file| file.path.clone())
}

/// The unit whose own file a path is. A template is no unit: those that are made of it begin with a connection.
pub fn unit_of(path: &str) -> Option<&str> {
    path.strip_prefix(UNITS)
        .filter(|name| !name.contains('/') && !name.contains("@."))
}

/// The service that a socket unit starts.
fn service_of(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("Service="))
}

/// Where an administrator's units are (systemd.unit(5)).
pub(super) const UNITS: &str = "/etc/systemd/system/";
/// As every distribution's package calls it.
pub(super) const NGINX: &str = "nginx.service";

#[cfg(test)]
mod tests {
    use crate::plan::model::{Machine, SERVICES, rendered};

    #[test]
    fn a_server_with_a_unit_of_its_own_is_begun_by_its_socket_and_begun_anew_with_its_origin() {
        let (origin, toml) = (
            "/etc/systemd/system/demo-origin.service",
            "/etc/demo/origin.toml",
        );
        let socket = (
            "/etc/systemd/system/demo-mcp_git.socket",
            "[Unit]\n\n[Install]\nWantedBy=sockets.target\n",
        );
        let template = "/etc/systemd/system/demo-mcp_git@.service";
        let files = |text| {
            rendered(&[
                (origin, "[Unit]\n"),
                (toml, "b\n"),
                socket,
                (template, text),
            ])
        };
        let mut machine = Machine::new();
        let first = machine.plan(&files("a\n"), SERVICES).expect("no conflicts");
        let lines: Vec<_> = first
            .services()
            .map(|(verb, units)| format!("{verb:?} {units}"))
            .collect();
        assert!(
            lines
                .iter()
                .any(|line| line.contains("Start") && line.contains("demo-mcp_git.socket")),
            "{lines:?}"
        );
        assert!(!lines.iter().any(|line| line.contains("@.")), "{lines:?}");
        machine.apply(&files("a\n"));
        let second = machine.apply(&files("b\n"));
        let lines: Vec<_> = second
            .services()
            .map(|(verb, units)| format!("{verb:?} {units}"))
            .collect();
        assert_eq!(lines, ["Restart demo-origin.service"]);
    }
}
