//! Servers that become units: what the origin keeps of them, and what their units say.

use findings::{Finding, Report};
use origin_config::{Launch, OriginConfig, Server};

use crate::launchd::LaunchdKind;
use crate::layout::Layout;
use crate::spec::SiteSpec;
use crate::unit::{ServerUnit, UnitSpec};
use crate::words::{AbsolutePath, Account, Argument, Token};

/// Makes units of the servers that ask for one, and has the origin connect to them.
pub(super) fn settle(
    spec: &SiteSpec,
    layout: &Layout,
    origin: &mut OriginConfig,
    report: &mut Report,
) -> Vec<ServerUnit> {
    let mut units = Vec::new();
    for unit in &spec.units {
        let mut servers = origin.servers.iter_mut();
        let Some(server) = servers.find(|server| server.name == unit.server) else {
            continue;
        };
        let mut found = |finding: Finding| report.push(finding.at(&unit.path).placed(&unit.place));
        if layout.private().is_some() {
            let message = format!(
                "server `{}` runs as you here, without its `unit`",
                server.name
            );
            found(
                Finding::warn("unit.private", message)
                    .hint("systemd makes units; `opsctl up` does without"),
            );
            continue;
        }
        for (key, finding) in launchd_has_not(unit, server, layout) {
            let place = format!("{}{key}", unit.path);
            report.push(finding.at(place).placed(&unit.place));
        }
        let mut found = |finding: Finding| report.push(finding.at(&unit.path).placed(&unit.place));
        let made = make((spec, layout), unit, server, &mut |message, hint| {
            found(Finding::error("unit.words", message).hint(hint));
        });
        if let Some(made) = made {
            hand_over(server, &made);
            units.push(made);
        }
    }
    units
}

/// What a unit of systemd has and a service of launchd has not.
fn launchd_has_not(
    unit: &UnitSpec,
    server: &Server,
    layout: &Layout,
) -> Vec<(&'static str, Finding)> {
    let Some(launchd) = layout.launchd() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if !server.launch.environment_files.is_empty() {
        let message = format!(
            "launchd reads no file of variables for server `{}`",
            server.name
        );
        let hint = "take `unit` out: then the origin starts the server and reads them";
        found.push(("", Finding::error("launchd.files", message).hint(hint)));
    }
    if let (Some(user), LaunchdKind::Agent { .. }) = (&unit.user, &launchd.kind) {
        let message =
            format!("an agent cannot be user `{user}`: the server runs as who is logged in");
        found.push((
            ".user",
            Finding::warn("launchd.user", message).hint("`kind = \"daemon\"` can"),
        ));
    }
    let resources = &unit.resources;
    let limits = [
        (".memory_max", resources.memory_max.is_some()),
        (".tasks_max", resources.tasks_max.is_some()),
        (".cpu_quota", resources.cpu_quota.is_some()),
    ];
    for (key, _) in limits.iter().filter(|(_, given)| *given) {
        let message = format!(
            "launchd has no `{}`: server `{}` goes without",
            &key[1..],
            server.name
        );
        let hint = "`limits` are for each process, and launchd has `open_files`, `processes` and `cpu_time` of them";
        found.push((key, Finding::warn("launchd.limit", message).hint(hint)));
    }
    found
}

/// What the origin still has to know.
fn hand_over(server: &mut Server, unit: &ServerUnit) {
    server.socket = Some(unit.socket.as_path().to_owned());
    server.command.clear();
    server.working_directory = None;
    server.environment.clear();
    server.launch = Launch {
        processes: server.launch.processes,
        ..Launch::default()
    };
}

/// `None` when something of the server cannot stand in a unit; everything that cannot is refused.
fn make(
    (spec, layout): (&SiteSpec, &Layout),
    unit: &UnitSpec,
    server: &Server,
    refuse: &mut dyn FnMut(String, &'static str),
) -> Option<ServerUnit> {
    let mut sound = true;
    let mut refuse = |message: String, hint| {
        sound = false;
        refuse(message, hint);
    };
    let mut command = Vec::new();
    for word in &server.command {
        match word.parse::<Argument>() {
            Ok(word) => command.push(word),
            Err(error) => {
                let word = word.escape_debug();
                refuse(
                    format!("`{word}` in `command` {error}"),
                    "put the command into a script",
                );
            }
        }
    }
    let mut environment = Vec::new();
    for (name, value) in &server.environment {
        match format!("{name}={value}").parse::<Argument>() {
            Ok(word) => environment.push(word),
            // Without the value, which may be a secret.
            Err(error) => refuse(
                format!("the variable `{}` {error}", name.escape_debug()),
                IN_A_FILE,
            ),
        }
    }
    for (key, is_there) in [
        ("environment_pass", !server.environment_pass.is_empty()),
        (
            "environment_secrets",
            !server.launch.environment_secrets.is_empty(),
        ),
    ] {
        if is_there {
            refuse(
                format!("`{key}` is the origin's to read, and the unit is not started by it"),
                IN_A_FILE,
            );
        }
    }
    let mut path = |key: &str, path: &std::path::Path| {
        let text = path.to_string_lossy();
        text.parse::<AbsolutePath>()
            .map_err(|error| {
                refuse(
                    format!("`{}` in `{key}` {error}", text.escape_debug()),
                    "rename it, or link to it",
                );
            })
            .ok()
    };
    let working_directory = server.working_directory.as_deref();
    let working_directory = working_directory.and_then(|folder| path("working_directory", folder));
    let files = server.launch.environment_files.iter();
    let environment_files = files
        .filter_map(|file| path("environment_files", file))
        .collect();
    let (site, name) = (&spec.name.value, &server.name);
    let socket = layout.server_socket(site, name).ok()?;
    sound.then(|| ServerUnit {
        name: Token::composed(format!("{site}-mcp_{name}")),
        server: Token::composed(name.as_str()),
        socket,
        user: unit
            .user
            .clone()
            .unwrap_or_else(|| Account::constant(site.as_str())),
        command,
        working_directory,
        environment,
        environment_files,
        limits: server.launch.limits.clone(),
        resources: unit.resources,
        // One that ends has some seconds in which the next is there already.
        connections: 2 * (server.launch.processes + server.max_processes),
    })
}

const IN_A_FILE: &str = "write it into a file of `environment_files`, which systemd reads";

#[cfg(test)]
mod tests {
    use crate::resolve::{Facts, resolve};
    use crate::target::Target;
    use crate::{Deployment, Layout, Os, PrivateLayout, parse};
    use findings::Report;

    const HEAD: &str = "name = \"demo\"\nserver_names = [\"localhost\"]\ntls = { self_signed = true }\n\
        [[servers]]\nname = \"git\"\n";

    /// The deployment of one server `git` with these keys.
    fn resolved(keys: &str, layout: Layout) -> (Option<Deployment>, Report) {
        let (spec, report) = parse(&format!("{HEAD}{keys}"), "deploy.toml");
        let spec = spec.unwrap_or_else(|| panic!("{report}"));
        let nginx = Target::named("1.30.7").expect("a version");
        resolve(&spec, &Facts { nginx, layout })
    }

    #[test]
    fn the_origin_connects_and_the_unit_has_what_makes_the_process() {
        let keys = "command = [\"mcp-git\", \"--repo\", \"/srv\"]\nenvironment = { A = \"1\" }\nprocesses = 2\n\
                    max_processes = 3\nlimits = { open_files = 9 }\nworking_directory = \"/srv\"\nunit = { user = \"g\" }\n";
        let (deployment, report) = resolved(keys, Layout::Debian);
        let deployment = deployment.unwrap_or_else(|| panic!("{report}"));
        let site = &deployment.sites[0];
        let (server, unit) = (&site.origin.servers[0], &site.units[0]);
        assert!(server.command.is_empty() && server.environment.is_empty());
        assert_eq!(server.launch.processes, 2);
        let written = origin_config::write(&site.origin, "");
        assert!(
            written.contains("socket = \"/run/demo/mcp_git.sock\"\n"),
            "{written}"
        );
        assert!(!written.contains("open_files"), "{written}");
        assert_eq!(unit.command.len(), 3);
        assert_eq!(
            (unit.name.as_str(), unit.user.as_str()),
            ("demo-mcp_git", "g")
        );
        assert_eq!((unit.connections, unit.limits.open_files), (10, Some(9)));
    }

    #[test]
    fn what_systemd_would_read_otherwise_is_refused_and_no_value_is_told() {
        let keys = "command = [\"sh\", \"-c\", \"a $B\"]\nenvironment = { A = \"s3 cret\" }\nenvironment_pass = [\"B\"]\nunit = {}\n";
        let (deployment, report) = resolved(keys, Layout::Debian);
        assert!(deployment.is_none());
        let said: Vec<_> = report
            .findings()
            .iter()
            .map(|finding| finding.message.as_str())
            .collect();
        assert_eq!(said.len(), 3, "{report}");
        assert!(said[0].starts_with("`a $B` in `command`"), "{report}");
        assert!(said[2].starts_with("`environment_pass`"), "{report}");
        assert!(!report.to_string().contains("s3 cret"), "{report}");
        assert!(
            report
                .findings()
                .iter()
                .all(|finding| finding.line == Some(9)),
            "{report}"
        );
    }

    #[test]
    fn without_systemd_it_is_a_process_and_that_is_said() {
        let layout = Layout::Private(PrivateLayout {
            root: "/tmp/x".parse().expect("a path"),
            worker_user: None,
            origin_executable: "/opt/origin".parse().expect("a path"),
        });
        let (deployment, report) = resolved("command = [\"x\"]\nunit = {}\n", layout);
        let site = &deployment.expect("a warning at most").sites[0];
        assert!(site.units.is_empty() && site.origin.servers[0].socket.is_none());
        assert_eq!(report.findings()[0].id, "unit.private");
    }

    #[test]
    fn what_launchd_has_not_is_said_and_the_socket_is_on_the_mac() {
        let keys = "command = [\"x\"]\nunit = { memory_max = \"1GiB\", cpu_quota = \"50%\" }\n";
        let (spec, _) = parse(&format!("{HEAD}{keys}"), "deploy.toml");
        let mac = Layout::of(Os::MacOs, &spec.expect("valid"));
        let (deployment, report) = resolved(keys, mac.clone());
        let deployment = deployment.unwrap_or_else(|| panic!("{report}"));
        let socket = deployment.sites[0].units[0].socket.as_str();
        assert_eq!(socket, "/opt/homebrew/var/lib/demo/mcp_git.sock");
        let ids: Vec<_> = report
            .findings()
            .iter()
            .map(|finding| finding.id.as_str())
            .collect();
        assert_eq!(
            ids,
            ["launchd.certificate", "launchd.limit", "launchd.limit"]
        );
        let files = "command = [\"x\"]\nenvironment_files = [\"/e\"]\nunit = {}\n";
        assert!(resolved(files, mac).0.is_none());
    }
}
