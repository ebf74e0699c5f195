//! `opsctl doctor` on this machine: real servers started by the real origin, and one that does not start.

use std::process::Command;

use e2e::{Deployment, Tools, Verdict};

fn doctor(tools: &Tools, deployment: &Deployment) -> Verdict {
    let mut opsctl = Command::new(&tools.opsctl);
    opsctl.arg("--spec").arg(deployment.spec());
    opsctl.args(["--format", "json", "doctor", "--nginx"]);
    opsctl
        .arg(&tools.nginx_1_28)
        .arg("--origin")
        .arg(&tools.origin);
    Verdict::of(&mut opsctl)
}

#[test]
fn a_machine_that_has_all_of_it_is_well() {
    let tools = Tools::from_environment();
    let said = doctor(&tools, &Deployment::with_time(&tools));
    assert_eq!(said.code, 0, "{:#}\n{}", said.json, said.talk);
    // an NGINX of a fixed version has known faults sooner or later, which are a warning
    assert_ne!(said.status("nginx"), "absent");
    for id in ["spec", "ports", "certificates", "names", "servers"] {
        assert_eq!(said.status(id), "pass", "{id}: {:#}", said.json);
    }
}

#[test]
fn a_server_that_does_not_start_is_told_with_what_it_said() {
    let tools = Tools::from_environment();
    let time = tools.server("mcp-server-time");
    let deployment = Deployment::with_servers(&format!(
        "[[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
         [[servers]]\nname = \"broken\"\ncommand = [\"sh\", \"-c\", \"echo no module named words >&2; exit 3\"]\n"
    ));
    let said = doctor(&tools, &deployment);
    assert_eq!(said.code, 17, "{:#}", said.json);
    let findings = said.json["findings"].as_array().expect("findings");
    let mut findings = findings.iter();
    let finding = findings.find(|finding| finding["id"] == "server.start");
    let finding = finding.unwrap_or_else(|| panic!("{:#}", said.json));
    let message = finding["message"].as_str().unwrap_or_default();
    assert!(message.contains("no module named words"), "{finding}");
    assert_eq!(finding["path"], "servers[1]");
    assert!(
        finding["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("origin serve"))
    );
}
