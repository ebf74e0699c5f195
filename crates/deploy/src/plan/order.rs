//! The order of the steps, forward and back.

use super::content::Content;
use super::step::{Change, Step, Verb, Why};
use super::units::{Edge, NGINX, Services, UNITS};
use crate::render::Component;

/// What is to be done, in no order yet.
pub(super) struct Work<'a> {
    /// The folder of NGINX's pieces: they are in place before what includes them.
    pub(super) pieces: &'a str,
    /// The paths that change.
    pub(super) changes: Vec<Change>,
    /// What systemd is told; none where it is not asked.
    pub(super) services: Option<Services>,
}

/// When a change comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Folder,
    Accounts,
    SetAside,
    Piece,
    Origin,
    Services,
    Edge,
    Memory,
    /// After the units that go have stopped.
    Retired,
    RetiredFolder,
}

/// Puts everything in an order in which each step finds what it needs: folders, accounts, files, then what reads them.
/// Units that go are stopped before their files go; NGINX's files go before it reads its configuration again.
pub(super) fn steps(work: Work<'_>) -> Vec<Step> {
    let mut changes = work.changes;
    changes.sort_by_cached_key(|change| (stage(change, work.pieces), change.path.clone()));
    let mut retired_units = false;
    let (now, later): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .partition(|change| stage(change, work.pieces) < Stage::Retired);
    let (mut later, mut folders): (Vec<_>, Vec<_>) = later
        .into_iter()
        .partition(|change| stage(change, work.pieces) == Stage::Retired);
    // what is below goes first
    folders.reverse();
    for change in &later {
        retired_units |= change.path.starts_with(UNITS);
    }
    later.extend(folders);
    let later = later.into_iter().map(Step::Change);
    let Some(services) = work.services else {
        return now.into_iter().map(Step::Change).chain(later).collect();
    };
    let mut steps = Vec::new();
    let mut accounts = services.accounts;
    for change in now {
        if stage(&change, work.pieces) > Stage::Accounts
            && let Some(file) = accounts.take()
        {
            steps.push(Step::MakeAccounts { file });
        }
        steps.push(Step::Change(change));
    }
    steps.extend(accounts.map(|file| Step::MakeAccounts { file }));
    steps.extend(
        services
            .folders
            .map(|file| Step::MakeRuntimeFolders { file }),
    );
    if services.read_units {
        steps.push(Step::ReadUnits);
    }
    let mut tell = |verb, units: Vec<String>, why: &str| {
        if !units.is_empty() {
            let why = why.to_owned();
            steps.push(Step::Units { verb, units, why });
        }
    };
    // systemd would hand them to the service that starts anew, which knows nothing of them any more
    let (handed_on, stop): (Vec<_>, Vec<_>) = services.stop.into_iter().partition(|unit| {
        unit.ends_with(".socket")
            && services
                .restart
                .units()
                .filter_map(|other| other.strip_suffix(".service"))
                .any(|service| unit.starts_with(service))
    });
    tell(Verb::Stop, handed_on, "no longer rendered");
    tell(Verb::Enable, services.enable, "to start at boot");
    let (restart, why) = services.restart.into_step();
    tell(Verb::Restart, restart, &why);
    tell(Verb::Start, services.start, "it does not run");
    // an origin looks for the sockets of servers that are new to it
    let (reload, why) = services.reload.into_step();
    tell(Verb::Reload, reload, &why);
    match services.edge {
        Some(Edge::Reload(why)) => tell(Verb::Reload, vec![NGINX.to_owned()], &why),
        Some(Edge::Start) => tell(Verb::Start, vec![NGINX.to_owned()], "it does not run"),
        None => {}
    }
    tell(Verb::Stop, stop, "no longer rendered");
    tell(Verb::Disable, services.disable, "no longer rendered");
    steps.extend(later);
    if retired_units {
        steps.push(Step::ReadUnits);
    }
    steps
}

fn stage(change: &Change, pieces: &str) -> Stage {
    let goes = change.after == Content::Absent;
    match (&change.before, &change.after, change.why) {
        (_, Content::Folder { .. }, _) => return Stage::Folder,
        (Content::Folder { .. }, ..) => return Stage::RetiredFolder,
        (.., Why::SetAside) => return Stage::SetAside,
        (.., Why::Memory) => return Stage::Memory,
        _ => {}
    }
    match &change.component {
        Some(Component::Edge) if change.path.starts_with(pieces) => Stage::Piece,
        Some(Component::Edge) => Stage::Edge,
        _ if goes => Stage::Retired,
        Some(Component::Origin(_)) => Stage::Origin,
        _ if change.path.starts_with("/etc/sysusers.d/") => Stage::Accounts,
        _ => Stage::Services,
    }
}

/// The way back from some steps that were taken.
pub(super) fn undo(done: &[Step]) -> Vec<Step> {
    let back = |verbs: &'static [Verb]| {
        let told =
            move |step: &&Step| matches!(step, Step::Units { verb, .. } if verbs.contains(verb));
        done.iter().filter(told).filter_map(Step::inverse)
    };
    // first what runs only since then stops and no longer starts at boot: its files are about to go
    let mut steps: Vec<_> = back(&[Verb::Start]).chain(back(&[Verb::Enable])).collect();
    let changes = done
        .iter()
        .rev()
        .filter(|step| matches!(step, Step::Change(_)));
    steps.extend(changes.filter_map(Step::inverse));
    if done.contains(&Step::ReadUnits) {
        steps.push(Step::ReadUnits);
    }
    steps.extend(back(&[
        Verb::Disable,
        Verb::Stop,
        Verb::Restart,
        Verb::Reload,
    ]));
    steps
}

#[cfg(test)]
mod tests {
    use super::super::told::Told;
    use super::*;

    #[test]
    fn a_socket_that_goes_is_stopped_before_its_service_starts_anew_and_others_after() {
        let unit = |name: &str| name.to_owned();
        let mut restart = Told::default();
        let service = "demo-origin.service";
        restart.add(service, service, "`quic_bind` needs a restart");
        let work = Work {
            pieces: "/etc/nginx/demo",
            changes: Vec::new(),
            services: Some(Services {
                restart,
                stop: vec![unit("demo-mcp_git.socket"), unit("demo-origin-quic.socket")],
                ..Services::default()
            }),
        };
        let told: Vec<_> = steps(work).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "stop demo-origin-quic.socket (no longer rendered)",
                "restart demo-origin.service (`quic_bind` needs a restart)",
                "stop demo-mcp_git.socket (no longer rendered)",
            ]
        );
    }
}
