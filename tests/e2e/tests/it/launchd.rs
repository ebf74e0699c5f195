//! What is rendered for a Mac is what others read: the format's DTD, libplist, Python, and a shell.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::Tools;
use tempfile::TempDir;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files that opsctl renders for a Mac, below a folder.
fn rendered(tools: &Tools, spec: &Path) -> TempDir {
    let folder = TempDir::with_prefix("e2e-macos-").expect("a folder");
    let mut opsctl = Command::new(&tools.opsctl);
    opsctl.arg("--spec").arg(spec);
    opsctl.args(["render", "--os", "macos", "--nginx", "1.30.6", "--out"]);
    said(opsctl.arg(folder.path()));
    folder
}

/// What a program says that ends well.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{talk}");
    text
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn plists(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(folder, &mut found);
    found.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "plist")
    });
    found.sort();
    found
}

/// What the plan of services asks of every origin.
const ORIGIN: &str = r#"
import plistlib, sys
with open(sys.argv[1], "rb") as file:
    service = plistlib.load(file)
assert service["KeepAlive"] == {"SuccessfulExit": False, "Crashed": True}, service
assert service["RunAtLoad"] is True and service["ThrottleInterval"] == 5, service
for key in ["Label", "WorkingDirectory", "StandardOutPath", "StandardErrorPath"]:
    assert isinstance(service[key], str), key
assert service["EnvironmentVariables"]["PATH"].startswith("/opt/homebrew/bin:"), service
print(*service["ProgramArguments"])
"#;

#[test]
fn every_property_list_is_valid_to_everybody_who_reads_one() {
    let tools = Tools::from_environment();
    let dtd = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/plist.dtd");
    for (spec, count) in [
        ("macos.toml", 2),
        ("h3-termination.toml", 1),
        ("two-sites.toml", 3),
    ] {
        let folder = rendered(&tools, &repository().join("specs").join(spec));
        let plists = plists(folder.path());
        assert_eq!(plists.len(), count, "{spec}: {plists:?}");
        for path in plists {
            let mut lint = Command::new("xmllint");
            said(
                lint.args(["--nonet", "--noout", "--dtdvalid"])
                    .arg(&dtd)
                    .arg(&path),
            );
            let binary = folder.path().join("binary");
            said(
                Command::new("plistutil")
                    .arg("-i")
                    .arg(&path)
                    .arg("-o")
                    .arg(&binary),
            );
            let is_origin = path.to_string_lossy().ends_with("-origin.plist");
            let script = if is_origin {
                ORIGIN
            } else {
                "import plistlib, sys; plistlib.load(open(sys.argv[1], 'rb'))"
            };
            said(Command::new("python3").args(["-c", script]).arg(&path));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "files of the test's own folder")]
fn the_start_script_becomes_an_origin_that_finds_the_servers_of_its_environment() {
    let tools = Tools::from_environment();
    let own = TempDir::with_prefix("e2e-mac-").expect("a folder");
    let home = own.path().display();
    let text = std::fs::read_to_string(repository().join("specs/macos.toml")).expect("a spec");
    let text = text
        .replace(
            "[launchd]\n",
            &format!("[launchd]\nhomebrew = \"{home}/brew\"\n"),
        )
        .replace("/Users/ALICE", &home.to_string());
    std::fs::write(own.path().join("macos.toml"), text).expect("our own folder");
    let mut opsctl = Command::new(&tools.opsctl);
    opsctl.arg("--spec").arg(own.path().join("macos.toml"));
    said(opsctl.args(["render", "--os", "macos", "--nginx", "1.30.6", "--out", "/"]));
    let start = own.path().join("brew/etc/tools/start");
    let shellcheck = tools.checkers_bin.join("shellcheck");
    said(Command::new(shellcheck).arg(&start));
    let refused = Command::new(&start).output().expect("it starts");
    assert_eq!(refused.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("python3 -m venv"));
    put_program(&own.path().join("mcp/venv/bin/python"), "#!/bin/sh\n");
    put_program(
        &own.path().join("brew/bin/origin"),
        "#!/bin/sh\necho \"$PATH $VIRTUAL_ENV $*\"\n",
    );
    let told = said(Command::new(&start).env("PATH", "/usr/bin:/bin"));
    let wanted = format!(
        "{home}/.cargo/bin:{home}/mcp/venv/bin:/usr/bin:/bin {home}/mcp/venv --config {home}/brew/etc/tools/origin.toml\n"
    );
    assert_eq!(told, wanted);
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn put_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::create_dir_all(path.parent().expect("below a folder")).expect("our own folder");
    std::fs::write(path, text).expect("our own folder");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("our own file");
}
