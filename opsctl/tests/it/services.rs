//! `opsctl services` over launchd: a program that answers as `launchctl` does, and keeps what it was told.

use std::path::Path;

use crate::harness::{Desk, Said, VALID};

/// A desk whose spec has an agent in a home of its own, with `launchctl` beside it.
struct Mac {
    desk: Desk,
    launchctl: String,
}

/// What it is told goes to a file; what is loaded is a file too.
const LAUNCHCTL: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$*" >> told
case $1 in
    print) [ -e "loaded-${2##*/}" ] && cat "loaded-${2##*/}" || { echo "Could not find service" >&2; exit 113; } ;;
    print-disabled) printf '\t"demo-mcp_cat" => disabled\n' ;;
    bootstrap) label=$(basename "$3" .plist); printf '\tstate = not running\n' > "loaded-$label" ;;
    kickstart) for label; do :; done; printf '\tstate = running\n\tpid = 7\n\truns = 2\n' > "loaded-${label##*/}" ;;
    bootout) rm "loaded-${2##*/}" ;;
    *) exit 64 ;;
esac
"#;

impl Mac {
    fn new() -> Self {
        let desk = Desk::new();
        let home = desk.path("home").display().to_string();
        let spec = VALID.replace("command = [\"cat\"]\n", "command = [\"cat\"]\nunit = {}\n");
        let launchd =
            format!("[launchd]\nkind = \"agent\"\nhome = \"{home}\"\nhomebrew = \"{home}/brew\"\n");
        desk.write("deploy.toml", &format!("{spec}{launchd}"));
        desk.write("launchctl", LAUNCHCTL);
        desk.make_executable("launchctl");
        let launchctl = desk.path("launchctl").display().to_string();
        Self { desk, launchctl }
    }

    fn rendered() -> Self {
        let mac = Self::new();
        let line = ["render", "--os", "macos", "--nginx", "1.30.6", "--out", "/"];
        let said = mac.desk.opsctl(&line);
        assert_eq!(said.code, 0, "{said:?}");
        mac
    }

    fn services(&self, words: &[&str]) -> Said {
        let line = [&["--format", "json", "services"], words].concat();
        self.desk
            .opsctl_with(&line, &[("OPSCTL_LAUNCHCTL", &self.launchctl)])
    }

    /// The changes that launchd was told to make.
    fn told(&self) -> Vec<String> {
        let told = self.desk.read("told");
        let user = format!("gui/{}", rustix::process::getuid().as_raw());
        let lines = told.lines().filter(|line| !line.starts_with("print"));
        lines
            .map(|line| line.replace(&user, "gui").replace(&self.home(), "~"))
            .collect()
    }

    fn home(&self) -> String {
        self.desk.path("home").display().to_string()
    }
}

#[test]
fn a_service_is_loaded_started_restarted_and_taken_away() {
    let mac = Mac::rendered();
    let said = mac.services(&["start", "demo"]);
    assert_eq!(said.code, 0, "{said:?}");
    let services = said.json()["services"].clone();
    assert_eq!(
        (&services[0]["sub"], &services[0]["boot"]),
        (&"listening".into(), &"disabled".into())
    );
    assert_eq!(
        (&services[1]["name"], &services[1]["pid"]),
        (&"demo-origin".into(), &7.into())
    );
    assert_eq!(mac.services(&["restart", "demo"]).code, 0);
    assert_eq!(mac.services(&["stop", "demo-origin"]).code, 0);
    let agents = "~/Library/LaunchAgents";
    let wanted = [
        &format!("bootstrap gui {agents}/demo-mcp_cat.plist"),
        &format!("bootstrap gui {agents}/demo-origin.plist"),
        "kickstart gui/demo-origin",
        "kickstart -k gui/demo-origin",
        "bootout gui/demo-origin",
    ];
    assert_eq!(mac.told(), wanted);
}

#[test]
fn what_is_not_rendered_or_not_loaded_is_told_apart() {
    let mac = Mac::new();
    let said = mac.services(&["start", "demo"]);
    assert_eq!(said.code, 17, "{said:?}");
    assert!(said.talk.contains("render --os macos"), "{said:?}");
    let mac = Mac::rendered();
    let said = mac.services(&["status", "demo"]);
    assert_eq!(
        (said.code, &said.json()["services"][1]["sub"]),
        (19, &"not loaded".into())
    );
}

#[test]
fn the_logs_are_the_files_that_the_services_name() {
    let mac = Mac::rendered();
    let log = mac.home() + "/brew/var/log/demo";
    assert!(Path::new(&log).is_dir());
    mac.desk.write(
        "home/brew/var/log/demo/origin.log",
        "{\"n\":1}\n{\"n\":2}\n",
    );
    mac.desk.write("home/brew/var/log/demo/origin.err.log", "");
    let said = mac.services(&["logs", "-n", "1", "demo-origin"]);
    assert!(
        said.out.contains("{\"n\":2}") && !said.out.contains("{\"n\":1}"),
        "{said:?}"
    );
    assert_eq!(mac.services(&["logs", "--since", "5m"]).code, 2);
}
