//! Whether a running origin reads its configuration again or has to start anew.

use findings::{Document, Report};
use origin_config::{OriginConfig, Reload, reload};

use super::content::digest;
use super::units::{Seen, UNITS};
use crate::render::{Component, RenderedFile};

/// What an origin is told, and why: a fragment for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tell {
    /// It takes up all that changed while it serves.
    Reload(String),
    /// Something counts for its next start only.
    Restart(String),
}

/// What the origin of a unit is told; nothing where it runs with what will be there, or where the unit is no origin's.
pub(super) fn tell(seen: &Seen<'_>, unit: &str) -> Option<Tell> {
    let site = unit.strip_suffix("-origin.service")?;
    // Its connections are the processes of such a server: another origin has new ones. One that comes or goes is a key of its.
    let servers = format!("{UNITS}{site}-mcp_");
    let stays = |path: &&String| {
        let mut files = seen.goal.rendered.files.iter();
        seen.base(path).is_some() && files.any(|file| file.path == **path)
    };
    let mut news = seen.news.iter();
    if let Some(path) = news.find(|path| path.starts_with(&servers) && stays(path)) {
        let name = path.strip_prefix(UNITS).unwrap_or(path);
        return Some(Tell::Restart(format!("{name} changed")));
    }
    let of_site = |file: &&RenderedFile| match &file.component {
        Component::Origin(name) => name.as_str() == site,
        _ => false,
    };
    let file = seen.goal.rendered.files.iter().find(of_site)?;
    let running = seen.inventory.running.origins.get(site);
    let other = running.filter(|origin| !names(&file.contents, &origin.generation));
    if !seen.news.contains(&file.path) {
        let other = other?;
        return Some(Tell::Restart(format!(
            "it runs generation {}",
            other.generation
        )));
    }
    let Some(running) = running else {
        return Some(Tell::Restart("it does not say what it runs".to_owned()));
    };
    // which keys a reload takes up is known of the origin that came with this opsctl
    if running.version != env!("CARGO_PKG_VERSION") {
        let version = &running.version;
        return Some(Tell::Restart(format!("it is an origin {version}")));
    }
    let Some(texts) = may_run(seen, &file.path, &running.generation) else {
        let generation = &running.generation;
        return Some(Tell::Restart(format!(
            "it runs generation {generation}, edited by hand since"
        )));
    };
    Some(change(&texts, seen.after(&file.path)))
}

/// The texts that an origin may run with: the one that was installed, and what a hand made of that since, which somebody may have
/// had it read. Nothing where what was installed is not known any more, or the origin names another generation.
fn may_run<'s>(seen: &Seen<'s>, path: &str, generation: &str) -> Option<Vec<&'s str>> {
    let base = seen.base(path)?;
    if !names(&base.text, generation) {
        return None;
    }
    let found = seen.inventory.text(path);
    let is_installed = |text: &&str| base.installed.as_deref() == Some(&*digest(text.as_bytes()));
    let rendered = base.text.as_str();
    match found {
        Some(found) if is_installed(&found) => Some(vec![found]),
        _ if is_installed(&rendered) => {
            Some([Some(rendered), found].into_iter().flatten().collect())
        }
        _ => None,
    }
}

/// What follows from a change of its configuration. One that cannot be read is refused by a reload, and nothing is lost.
fn change(may_run: &[&str], after: Option<&str>) -> Tell {
    let Some(after) = after.and_then(read) else {
        return Tell::Reload("its configuration changed".to_owned());
    };
    let mut needs = Vec::new();
    let mut takes_up = Vec::new();
    for text in may_run {
        let Some(now) = read(text) else {
            return Tell::Restart("what it runs with cannot be read".to_owned());
        };
        let Reload {
            changed, waiting, ..
        } = reload(&now, after.clone());
        let new = |all: &[&'static str], keys: Vec<&'static str>| -> Vec<_> {
            let other = |key: &&str| !all.contains(key) && *key != "generation";
            keys.into_iter().filter(other).collect()
        };
        needs.extend(new(&needs, waiting));
        takes_up.extend(new(&takes_up, changed));
    }
    match (&needs[..], &takes_up[..]) {
        ([], []) => Tell::Reload("its configuration changed".to_owned()),
        ([], keys) => Tell::Reload(format!("it takes up `{}`", keys.join("`, `"))),
        ([key], _) => Tell::Restart(format!("`{key}` needs a restart")),
        (keys, _) => Tell::Restart(format!("`{}` need a restart", keys.join("`, `"))),
    }
}

fn read(text: &str) -> Option<OriginConfig> {
    let mut syntax = Report::new();
    let document = Document::parse(text, "origin.toml", &mut syntax);
    let (config, _) = origin_config::load(document);
    config.filter(|_| !syntax.has_errors())
}

/// Whether a configuration says that its generation is this one.
fn names(text: &str, generation: &str) -> bool {
    text.contains(&format!("generation = \"{generation}\""))
}

#[cfg(test)]
mod tests {
    use super::super::inventory::RunningOrigin;
    use super::super::model::{Machine, SERVICES, rendered};
    use super::super::{Plan, Verb};

    const TOML: &str = "/etc/demo/origin.toml";
    const UNIT: &str = "/etc/systemd/system/demo-origin.service";

    /// A machine whose origin runs with this configuration.
    fn machine(toml: &str) -> Machine {
        let mut machine = Machine::new();
        machine.apply(&rendered(&[(TOML, &one(toml)), (UNIT, "[Service]\n")]));
        machine.runs("1");
        machine
    }

    fn one(toml: &str) -> String {
        format!("generation = \"1\"\n{toml}")
    }

    fn two(toml: &str) -> String {
        format!("generation = \"2\"\n{toml}")
    }

    fn told(machine: &Machine, toml: &str) -> Vec<String> {
        let files = [(TOML, toml), (UNIT, "[Service]\n")];
        let plan = machine.plan(&rendered(&files), SERVICES);
        units(&plan.expect("no conflicts"))
    }

    fn units(plan: &Plan) -> Vec<String> {
        let steps = plan.steps.iter().map(ToString::to_string);
        steps
            .filter(|line| line.contains("origin.s"))
            .filter(|line| !line.starts_with("write"))
            .collect()
    }

    #[test]
    fn keys_that_a_running_origin_takes_up_are_a_reload_that_names_them() {
        let machine = machine("");
        let said = told(
            &machine,
            &two("loglevel = \"DEBUG\"\nmax_body_size = \"1MiB\"\n"),
        );
        let expected = "reload demo-origin.service (it takes up `loglevel`, `max_body_size`)";
        assert_eq!(said, [expected]);
    }

    #[test]
    fn a_key_of_the_start_is_a_restart_that_names_it() {
        let machine = machine("");
        let said = told(
            &machine,
            &two("backlog = 7\nmetrics = true\nloglevel = \"DEBUG\"\n"),
        );
        let expected = "restart demo-origin.service (`backlog`, `metrics` need a restart)";
        assert_eq!(said, [expected]);
    }

    #[test]
    fn an_origin_of_another_version_is_started_anew() {
        let mut machine = machine("");
        let origin = RunningOrigin {
            generation: "1".into(),
            version: "0.0.1".into(),
        };
        machine.is.running.origins.insert("demo".into(), origin);
        let said = told(&machine, &two("loglevel = \"DEBUG\"\n"));
        assert_eq!(
            said,
            ["restart demo-origin.service (it is an origin 0.0.1)"]
        );
    }

    #[test]
    fn an_origin_that_is_silent_or_runs_something_else_is_started_anew() {
        let mut machine = machine("");
        machine.runs("7");
        let other = told(&machine, &two("loglevel = \"DEBUG\"\n"));
        assert!(
            other[0].starts_with("restart demo-origin.service (it runs generation 7"),
            "{other:?}"
        );
        assert_eq!(
            told(&machine, &one("")),
            ["restart demo-origin.service (it runs generation 7)"]
        );
        machine.is.running.origins.clear();
        let silent = told(&machine, &two("loglevel = \"DEBUG\"\n"));
        assert_eq!(
            silent,
            ["restart demo-origin.service (it does not say what it runs)"]
        );
    }

    #[test]
    fn a_hand_edit_is_loaded_in_the_same_way() {
        let mut machine = machine("");
        machine.edit(TOML, &one("loglevel = \"DEBUG\"\n"));
        assert_eq!(
            told(&machine, &one("")),
            ["reload demo-origin.service (it takes up `loglevel`)"]
        );
        machine.edit(TOML, &one("backlog = 7\n"));
        let said = told(&machine, &one(""));
        assert_eq!(
            said,
            ["restart demo-origin.service (`backlog` needs a restart)"]
        );
    }

    #[test]
    fn what_a_hand_may_have_loaded_counts_on_the_way_back() {
        let mut machine = machine("");
        machine.edit(TOML, &one("backlog = 7\n"));
        let options = super::super::Options {
            overwrite: true,
            ..SERVICES
        };
        let files = rendered(&[(TOML, &one("")), (UNIT, "[Service]\n")]);
        let plan = machine.plan(&files, options).expect("no conflicts");
        assert_eq!(
            units(&plan),
            ["restart demo-origin.service (`backlog` needs a restart)"]
        );
    }

    #[test]
    fn edited_twice_by_hand_what_runs_is_not_known() {
        let mut machine = machine("");
        let files = rendered(&[(TOML, &one("")), (UNIT, "[Service]\n")]);
        machine.edit(TOML, &one("backlog = 7\n"));
        machine.apply(&files);
        machine.edit(TOML, &one("loglevel = \"DEBUG\"\n"));
        let said = told(&machine, &one(""));
        assert!(
            said[0].contains("(it runs generation 1, edited by hand since)"),
            "{said:?}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_origin_to_refuse() {
        let mut machine = machine("");
        machine.edit(TOML, &one("loglevel = \"LOUD\"\n"));
        assert_eq!(
            told(&machine, &one("")),
            ["reload demo-origin.service (its configuration changed)"]
        );
    }

    #[test]
    fn a_unit_that_changes_with_it_is_a_restart_but_for_what_systemd_takes_up() {
        let machine = machine("");
        let toml = two("loglevel = \"DEBUG\"\n");
        let plan = |unit: &str| {
            let files = rendered(&[(TOML, &toml), (UNIT, unit)]);
            units(&machine.plan(&files, SERVICES).expect("no conflicts"))
        };
        assert_eq!(
            plan("[Service]\nUMask=0\n"),
            ["restart demo-origin.service (demo-origin.service changed)"]
        );
        let stop = "[Unit]\nWants=nginx.service\n[Service]\nTimeoutStopSec=9\n";
        assert_eq!(
            plan(stop),
            ["reload demo-origin.service (it takes up `loglevel`)"]
        );
    }

    #[test]
    fn a_plan_that_was_saved_as_a_reload_is_no_promise_of_a_restart() {
        let mut machine = machine("");
        let toml = two("loglevel = \"DEBUG\"\n");
        let files = rendered(&[(TOML, &toml), (UNIT, "[Service]\n")]);
        let reload = machine.plan(&files, SERVICES).expect("no conflicts");
        machine.is.running.origins.clear();
        let restart = machine.plan(&files, SERVICES).expect("no conflicts");
        assert!(!reload.is_like(&restart));
        assert!(restart.is_like(&reload) && reload.is_like(&reload));
    }

    #[test]
    fn the_way_back_of_a_reload_is_a_reload() {
        let mut machine = machine("");
        let files = [
            (TOML, two("loglevel = \"DEBUG\"\n")),
            (UNIT, "[Service]\n".into()),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let plan = machine.apply(&rendered(&files));
        let back = plan.undo(plan.steps.len());
        let last = back.last().expect("steps").to_string();
        assert_eq!(last, "reload demo-origin.service (it takes up `loglevel`)");
        machine.runs("2");
        let said = told(&machine, &one(""));
        assert_eq!(
            said,
            ["reload demo-origin.service (it takes up `loglevel`)"]
        );
        assert_eq!(
            plan.services().collect::<Vec<_>>(),
            [(Verb::Reload, "demo-origin.service")]
        );
    }
}
