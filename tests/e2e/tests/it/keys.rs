//! A deployment whose origin asks for API keys is verified, without one and with one.

use std::process::Command;

use e2e::{Deployment, Running, Tools, Verdict};

fn made_key(tools: &Tools, deployment: &Deployment) -> String {
    let mut add = Command::new(&tools.opsctl);
    add.arg("--spec").arg(deployment.spec());
    let output = add.args(["keys", "add", "verify"]).output();
    let output = output.expect("opsctl starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    String::from_utf8(output.stdout).expect("a key")
}

fn verified(tools: &Tools, running: &Running, key_file: &std::path::Path) -> Verdict {
    let target = running.target();
    let mut verify = Command::new(&tools.opsctl);
    verify.args(["--format", "json", "verify", "--handshakes", "2"]);
    verify.args(["--url", &running.url("/mcp")]);
    verify.args(["--connect", &format!("127.0.0.1:{}", target.port)]);
    verify.arg("--ca").arg(running.ca());
    Verdict::of(verify.arg("--key-file").arg(key_file))
}

#[test]
fn a_deployment_with_keys_is_verified_and_with_a_key_whole() {
    let tools = Tools::from_environment();
    let time = tools.server("mcp-server-time");
    let deployment = Deployment::from_text(|https, http| {
        format!(
            "name = \"demo\"\nserver_names = [\"localhost\"]\n[edge]\nlisten = [\"127.0.0.1\"]\n\
             https_port = {https}\nhttp_port = {http}\n[tls]\nself_signed = true\n[origin]\n\
             api_keys_file = \"KEYS\"\n[[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n"
        )
    });
    let keys = deployment.folder.path().join("keys.toml");
    let text = std::fs::read_to_string(deployment.spec()).expect("the spec");
    deployment.write(
        "deploy.toml",
        &text.replace("KEYS", &keys.display().to_string()),
    );
    let key = deployment.write("key", &made_key(&tools, &deployment));
    let running = Running::start(&tools, &deployment);
    let first = Verdict {
        code: 0,
        json: running.verdict.clone(),
        talk: String::new(),
    };
    assert_eq!(first.json["ok"], true, "{:#}", first.json);
    assert_eq!(first.status("mcp.discover"), "skip");
    let whole = verified(&tools, &running, &key);
    assert_eq!(whole.code, 0, "{:?}\n{}", whole.failed(), whole.talk);
    for id in [
        "mcp.discover",
        "mcp.initialize",
        "stream.cadence",
        "request-id",
    ] {
        assert_eq!(whole.status(id), "pass", "{id}: {:#}", whole.json);
    }
    let other = deployment.write("other", "mek_no");
    let refused = verified(&tools, &running, &other);
    assert_eq!(refused.code, 2, "{}", refused.talk);
}
