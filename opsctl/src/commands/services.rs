//! `opsctl services`: what runs of a deployment, and starting, stopping and restarting it.

use std::fmt::Write as _;
use std::path::Path;

use deploy::{Launchd, LaunchdKind, Spec};
use findings::{Finding, nearest};
use serde_json::{Value, json};

use super::output;
use crate::cli::{self, Format, ServicesCommand, ServicesLogs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::host::services::Services;
use crate::host::units::Unit;
use crate::host::{self, journal};
use crate::spec::SpecFile;
use crate::ui::table::{Cell, table};
use crate::ui::{Paint, Ui};

/// Does what was asked and says how the services are then; exit 19 or 14 when one is not as it should be.
pub(crate) async fn run(
    arguments: cli::Services,
    spec: &Path,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let (spec, _) = SpecFile::read(spec)?.parse()?;
    let manager = Services::of_deployment(&spec)?;
    let all = match manager {
        Services::Launchctl(_) => Group::of_launchd(&spec),
        Services::Systemctl(_) | Services::None => Group::of(&spec),
    };
    match arguments.command {
        ServicesCommand::Status(chosen) => {
            let units = choose(&all, &chosen.services, Others::Too)?;
            let units = manager.show(&units).await?;
            show(&units, ui)?;
            let up = units.iter().all(Unit::is_up);
            Ok(if up { Exit::Done } else { Exit::Degraded })
        }
        ServicesCommand::Start(chosen) => {
            let units = choose(&all, &chosen.services, Others::Too)?;
            change(&manager, "start", &units, ui).await
        }
        ServicesCommand::Stop(chosen) => {
            let units = choose(&all, &chosen.services, Others::NotUnnamed)?;
            change(&manager, "stop", &units, ui).await
        }
        ServicesCommand::Restart(chosen) => {
            let units = choose(&all, &chosen.services, Others::NotUnnamed)?;
            change(&manager, "restart", &units, ui).await
        }
        ServicesCommand::Logs(arguments) => logs(&manager, &all, &arguments, ui),
    }
}

/// Units that go together under one name.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    name: String,
    units: Vec<String>,
    /// It serves others than this deployment.
    shared: bool,
}

impl Group {
    /// The origins of a spec, in its order, then NGINX.
    fn of(spec: &Spec) -> Vec<Self> {
        let mut groups: Vec<_> = spec
            .sites
            .iter()
            .map(|site| {
                let name = site.name.value.as_str();
                let named = site.origin_keys.iter().any(|key| key.value == "admin_bind");
                let mut units = vec![format!("{name}-origin.socket")];
                if !named || !site.origin.admin_bind.is_empty() {
                    units.push(format!("{name}-origin-admin.socket"));
                }
                let servers = site.units.iter();
                units.extend(servers.map(|unit| format!("{name}-mcp_{}.socket", unit.server)));
                units.push(format!("{name}-origin.service"));
                Self {
                    name: name.to_owned(),
                    units,
                    shared: false,
                }
            })
            .collect();
        groups.push(Self {
            name: "nginx".to_owned(),
            units: vec!["nginx.service".to_owned()],
            shared: true,
        });
        groups
    }

    /// The same as launchd has them: no sockets of their own, and NGINX is Homebrew's.
    fn of_launchd(spec: &Spec) -> Vec<Self> {
        let origins = spec.sites.iter().map(|site| {
            let name = &site.name.value;
            let servers = site.units.iter();
            let mut units: Vec<_> = servers
                .map(|unit| format!("{name}-mcp_{}", unit.server))
                .collect();
            units.push(Launchd::origin_label(name));
            Self {
                name: name.to_string(),
                units,
                shared: false,
            }
        });
        let nginx = Self {
            name: "nginx".to_owned(),
            units: vec![Launchd::NGINX_LABEL.to_owned()],
            shared: true,
        };
        origins.chain([nginx]).collect()
    }

    fn has(&self, word: &str) -> bool {
        self.name == word
    }
}

/// Whether services that others use as well are meant when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Too,
    NotUnnamed,
}

/// The units that are meant by some names, or by none.
fn choose(all: &[Group], named: &[String], others: Others) -> Result<Vec<String>, CommandError> {
    if named.is_empty() {
        let meant = all
            .iter()
            .filter(|group| others == Others::Too || !group.shared);
        return Ok(meant.flat_map(|group| group.units.clone()).collect());
    }
    let mut units = Vec::new();
    for word in named {
        let unit = |unit: &&String| *unit == word || unit.strip_suffix(".service") == Some(word);
        let one = all.iter().flat_map(|group| &group.units).find(unit);
        let group = all.iter().find(|group| group.has(word));
        match (group, one) {
            (Some(group), _) => units.extend(group.units.clone()),
            (None, Some(unit)) => units.push(unit.clone()),
            (None, None) => return Err(unknown(all, word)),
        }
    }
    units.dedup();
    Ok(units)
}

fn unknown(all: &[Group], word: &str) -> CommandError {
    let names = all.iter().flat_map(|group| {
        let units = group.units.iter().map(String::as_str);
        std::iter::once(group.name.as_str()).chain(units)
    });
    let names: Vec<_> = names.collect();
    let message = format!("`{}` is no service of this deployment", word.escape_debug());
    let finding = Finding::error("services.unknown", message);
    let hint = match nearest(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are `{}`", names.join("`, `")),
    };
    CommandError::finding(Exit::Usage, finding.hint(hint))
}

async fn change(
    manager: &Services,
    verb: &str,
    units: &[String],
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let missing: Vec<_> = manager
        .show(units)
        .await?
        .into_iter()
        .filter(|unit| unit.load != "loaded")
        .map(|unit| format!("`{}` is {}", unit.name, unit.load))
        .collect();
    if !missing.is_empty() {
        let finding = Finding::error("services.unit", missing.join(", "));
        let hint = match manager {
            Services::Launchctl(_) => {
                "`opsctl render --os macos --out /` brings the services, `brew install nginx` NGINX's"
            }
            Services::Systemctl(_) | Services::None => {
                "`opsctl render --out /` and `systemctl daemon-reload` bring the units; `systemctl unmask` frees a masked one"
            }
        };
        return Err(CommandError::finding(
            Exit::Prerequisite,
            finding.hint(hint),
        ));
    }
    ui.step(&format!("{verb} {}", units.join(" ")));
    let told = manager.tell(verb, units).await;
    let units = manager.show(units).await?;
    show(&units, ui)?;
    if let Err(error) = told {
        let hint = if host::is_root() || !needs_root(manager) {
            "`opsctl services logs` shows what they said"
        } else {
            "only root may do that: `sudo opsctl …`"
        };
        return Err(CommandError::new(Exit::Verify, error).hint(hint));
    }
    let wanted = units.iter().all(|unit| unit.is_up() == (verb != "stop"));
    Ok(if wanted { Exit::Done } else { Exit::Verify })
}

/// A person's own agents are that person's.
fn needs_root(manager: &Services) -> bool {
    match manager {
        Services::Launchctl(launchctl) => {
            matches!(launchctl.launchd.kind, LaunchdKind::Daemon { .. })
        }
        Services::Systemctl(_) | Services::None => true,
    }
}

fn logs(
    manager: &Services,
    all: &[Group],
    arguments: &ServicesLogs,
    ui: &mut Ui,
) -> Result<Exit, CommandError> {
    let units = choose(all, &arguments.chosen.services, Others::Too)?;
    if let Services::Launchctl(launchctl) = manager {
        return log_files(&launchctl.logs(&units), arguments);
    }
    let mut words = vec![
        "--no-pager".to_owned(),
        format!("--lines={}", arguments.lines),
    ];
    words.extend(units.iter().map(|unit| format!("--unit={unit}")));
    if let Some(since) = arguments.since {
        words.push(format!("--since=@{}", since.seconds(host::since_epoch())));
    }
    if arguments.follow {
        words.push("--follow".to_owned());
    }
    if ui.format() == Format::Json {
        words.push("--output=json".to_owned());
    }
    // its lines are the data: they go to standard output as they come
    let status = journal::show("journalctl", &words)?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Unexpected
    })
}

/// The ends of files, which are the services' own lines: JSON from an origin.
fn log_files(files: &[String], arguments: &ServicesLogs) -> Result<Exit, CommandError> {
    if arguments.since.is_some() {
        let message = "`--since` asks the journal of systemd, and launchd keeps files";
        let hint = "`--lines N` shows the last ones; each line of an origin has its `timestamp`";
        return Err(CommandError::new(Exit::Usage, message).hint(hint));
    }
    if files.is_empty() {
        let finding = Finding::error("services.log", "no file of these services names a log");
        let hint = "`opsctl render --os macos --out /` brings the services";
        return Err(CommandError::finding(
            Exit::Prerequisite,
            finding.hint(hint),
        ));
    }
    let mut words = vec![format!("-n{}", arguments.lines)];
    if arguments.follow {
        // also when newsyslog turns the file
        words.push("-F".to_owned());
    }
    words.extend_from_slice(files);
    let status = journal::show("tail", &words)?;
    Ok(if status.success() {
        Exit::Done
    } else {
        Exit::Unexpected
    })
}

fn show(units: &[Unit], ui: &mut Ui) -> Result<(), CommandError> {
    output(match ui.format() {
        Format::Json => {
            let up = units.iter().all(Unit::is_up);
            let services: Vec<_> = units.iter().map(as_json).collect();
            ui.json(&json!({"ok": up, "services": services}))
        }
        Format::Human => {
            let text = human(units, ui.paint_out());
            ui.data(text)
        }
    })
}

fn as_json(unit: &Unit) -> Value {
    json!({
        "name": unit.name,
        "load": unit.load,
        "active": unit.active,
        "sub": unit.sub,
        "boot": unit.boot,
        "pid": unit.pid,
        "restarts": unit.restarts,
        "since": unit.since.map(moment),
        "memory_bytes": unit.memory,
        "result": unit.result,
        "changed_on_disk": unit.changed,
    })
}

fn human(units: &[Unit], paint: Paint) -> String {
    let head = [
        "SERVICE", "STATE", "AT BOOT", "SINCE", "PID", "RESTARTS", "MEMORY",
    ];
    let mut rows = vec![
        head.map(|text| Cell::painted(text, |text| paint.dim(text)))
            .to_vec(),
    ];
    let number = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
    for unit in units {
        let since = unit
            .since
            .filter(|_| unit.is_up())
            .map_or_else(String::new, moment);
        let memory = unit
            .memory
            .map_or_else(String::new, |bytes| format!("{} MiB", bytes >> 20));
        let mut row = vec![Cell::plain(unit.name.as_str()), state(unit, paint)];
        row.extend(
            [
                unit.boot.clone(),
                since,
                number(unit.pid),
                number(unit.restarts),
                memory,
            ]
            .map(Cell::plain),
        );
        rows.push(row);
    }
    let mut text = table(&rows);
    if units.iter().any(|unit| unit.changed) {
        let _ = writeln!(
            text,
            "unit files have changed: `systemctl daemon-reload` reads them"
        );
    }
    text
}

fn state(unit: &Unit, paint: Paint) -> Cell {
    let text = match (unit.load.as_str(), unit.active.as_str()) {
        ("loaded", "failed") => format!("failed ({})", unit.result),
        ("loaded", active) => format!("{active} ({})", unit.sub),
        (load, _) => load.to_owned(),
    };
    Cell::painted(text, |text| match unit.active.as_str() {
        "active" | "reloading" => paint.green(text),
        "activating" | "deactivating" => paint.yellow(text),
        _ => paint.red(text),
    })
}

fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<Group> {
        let text = crate::made_up::spec("self_signed = true");
        let (spec, report) = deploy::parse(&text, "deploy.toml");
        Group::of(&spec.unwrap_or_else(|| panic!("{report}")))
    }

    fn chosen(named: &[&str], others: Others) -> Vec<String> {
        let named: Vec<_> = named.iter().map(|&name| name.to_owned()).collect();
        choose(&groups(), &named, others).expect("they are known")
    }

    #[test]
    fn nginx_is_stopped_only_when_it_is_named() {
        let origin = [
            "demo-origin.socket",
            "demo-origin-admin.socket",
            "demo-origin.service",
        ];
        assert_eq!(chosen(&[], Others::NotUnnamed), origin);
        assert_eq!(chosen(&["demo"], Others::Too), origin);
        assert_eq!(chosen(&["nginx"], Others::NotUnnamed), ["nginx.service"]);
        assert_eq!(chosen(&[], Others::Too).len(), 4);
        assert_eq!(
            chosen(&["demo-origin"], Others::Too),
            ["demo-origin.service"]
        );
    }

    #[test]
    fn a_foreign_name_is_refused_with_the_nearest() {
        let error = choose(&groups(), &["ngnix".to_owned()], Others::Too).expect_err("unknown");
        assert_eq!(error.exit, Exit::Usage);
        let hint = error.findings.findings()[0].hint.clone();
        assert_eq!(hint.as_deref(), Some("did you mean `nginx`?"));
    }

    #[test]
    fn a_service_is_one_line_with_its_state() {
        let unit = Unit {
            name: "a-origin.service".to_owned(),
            load: "loaded".to_owned(),
            active: "failed".to_owned(),
            result: "watchdog".to_owned(),
            boot: "enabled".to_owned(),
            ..Unit::default()
        };
        let text = human(&[unit], Paint(false));
        let line = text.lines().nth(1).expect("a line");
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(
            words,
            ["a-origin.service", "failed", "(watchdog)", "enabled"]
        );
    }
}
