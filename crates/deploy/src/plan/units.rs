//! What systemd has to be told, after the files are in their places.

use std::collections::{BTreeMap, BTreeSet};

use super::baseline::BaseFile;
use super::inventory::Inventory;
use super::origins::{self, Tell};
use super::planner::Goal;
use super::step::Change;
use super::told::Told;
use crate::layout::Paths;
use crate::render::Component;

/// What a plan knows when the files are decided.
pub(super) struct Seen<'a> {
    /// The machine.
    pub(super) inventory: &'a Inventory,
    /// What it is to be.
    pub(super) goal: Goal<'a>,
    /// The paths whose readers have not read what will be there.
    pub(super) news: &'a BTreeSet<String>,
    /// The paths that change.
    pub(super) changes: &'a [Change],
    /// Their texts, by digest.
    pub(super) texts: &'a BTreeMap<String, String>,
}

impl<'a> Seen<'a> {
    /// What was rendered and installed at a path.
    pub(super) fn base(&self, path: &str) -> Option<&'a BaseFile> {
        self.inventory.baseline.as_ref()?.files.get(path)
    }

    /// The text that will be at a path.
    pub(super) fn after(&self, path: &str) -> Option<&'a str> {
        let mut changes = self.changes.iter();
        match changes.find(|change| change.path == path) {
            Some(change) => Some(self.texts.get(change.after.digest()?)?),
            None => self.inventory.text(path),
        }
    }
}

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
    pub(super) restart: Told,
    /// Origins that read their configuration again.
    pub(super) reload: Told,
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

/// Finds out what systemd has to be told.
pub(super) fn work(seen: &Seen<'_>) -> Services {
    let (inventory, goal, news) = (seen.inventory, seen.goal, seen.news);
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
        services.unit(seen, unit, text);
    }
    let Services { restart, start, .. } = &mut services;
    start.retain(|unit| !restart.has(unit));
    for unit in wanted.keys().filter(|unit| inventory.unit(unit).active) {
        if services.restart.has(unit) {
            continue;
        }
        match origins::tell(seen, unit) {
            Some(Tell::Restart(why)) => services.restart.add(unit, unit, &why),
            Some(Tell::Reload(why)) => services.reload.add(unit, unit, &why),
            None => {}
        }
    }
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
    fn unit(&mut self, seen: &Seen<'_>, unit: &str, text: &str) {
        let state = seen.inventory.unit(unit);
        if !state.enabled && text.contains("\n[Install]\n") {
            self.enable.push(unit.to_owned());
        }
        if !state.active {
            self.start.push(unit.to_owned());
        } else if let Some(changed) = changed(seen, unit) {
            // a socket cannot start while its service runs: systemd orders what is named together
            let service = service_of(text).unwrap_or(unit);
            self.restart
                .add(unit, service, &format!("{changed} changed"));
            self.restart
                .add(service, service, &format!("{changed} changed"));
        }
    }
}

/// The file of a unit, or of what is laid over it, that changed in more than what systemd takes up when it reads it again.
fn changed(seen: &Seen<'_>, unit: &str) -> Option<String> {
    let (own, drop_ins) = (format!("{UNITS}{unit}"), format!("{UNITS}{unit}.d/"));
    let is_new = |path: &&String| match seen.base(path) {
        _ if path.starts_with(&drop_ins) => true,
        Some(base) if **path == own => {
            let after = seen.after(path).unwrap_or_default();
            !of_start(&base.text).eq(of_start(after))
        }
        _ => **path == own,
    };
    let path = seen.news.iter().find(is_new)?;
    Some(path.strip_prefix(UNITS).unwrap_or(path).to_owned())
}

/// The lines of a unit that its next start reads: not the comments, nor when it is to be stopped and what it is started with
/// (systemd.unit(5), systemd.service(5)).
fn of_start(text: &str) -> impl Iterator<Item = &str> {
    let is_later = |line: &&str| {
        let later = ["#", "TimeoutStopSec=", "Wants=", "After=", "[Unit]"];
        !line.is_empty() && !later.iter().any(|start| line.starts_with(start))
    };
    text.lines().filter(is_later)
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
