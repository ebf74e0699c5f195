//! Generated wrappers, run against live tools: nothing is lost on the way, and nothing that a catalog says is run.

use std::path::Path;
use std::process::{Command, Output};

use e2e::{Deployment, Origin, Running, Tools, Words};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A catalog whose tool gives its arguments back, with an argument of every kind.
fn echo() -> Value {
    let text = json!({"type": "string"});
    let properties = json!({
        "text": text, "class": text, "größe": text, "number": {"type": "number"}, "flag": {"type": "boolean"},
        "list": {"type": "array", "items": text}, "values": {"type": "array"}, "any": {},
    });
    let schema = json!({"type": "object", "properties": properties});
    json!({"tools": [{"name": "test_echo", "server": "echo", "tool": "test_echo", "input_schema": schema}]})
}

#[tokio::test]
async fn every_value_comes_back_unchanged_from_a_live_tool() {
    let tools = Tools::from_environment();
    let origin = Origin::start(&tools, "").await;
    let folder = TempDir::with_prefix("e2e-wrappers-").expect("a folder");
    let catalog = written(folder.path(), "catalog.json", &echo().to_string());
    make(&tools, folder.path(), &catalog, &[]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/wrapper_values.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(folder.path());
    command.env("MCP_URL", format!("http://{}", origin.target().authority()));
    let said: Value = serde_json::from_str(&text(&ran(&mut command))).expect("JSON");
    assert_eq!(said["faults"], json!([]), "{said:#}");
    assert!(said["texts"].as_u64() > Some(300), "{said}");
}

#[test]
fn wrappers_of_the_demo_are_clean_and_call_its_tools() {
    let tools = Tools::from_environment();
    let words = Words::start(&tools);
    let deployment = Deployment::with_all_four(&tools, words.url());
    let spec = std::fs::read_to_string(deployment.spec()).expect("the spec");
    let exposed = "[edge]\nexpose = [\"tools\", \"call-tool\"]";
    deployment.write("deploy.toml", &spec.replace("[edge]", exposed));
    let running = Running::start(&tools, &deployment);
    let folder = TempDir::with_prefix("e2e-wrappers-").expect("a folder");
    let ca = running.ca().display().to_string();
    make(&tools, folder.path(), &running.url(""), &["--ca", &ca]);
    judge(&tools, folder.path());
    for (program, arguments, part) in CALLS {
        let mut command = Command::new(folder.path().join(program));
        command.args(arguments);
        aim(&mut command, &running);
        let said = text(&ran(&mut command));
        assert!(said.contains(part), "{program}: {said}");
    }
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON]).current_dir(folder.path());
    aim(&mut command, &running);
    let said = text(&ran(&mut command));
    assert_eq!(said, "UTC True INVALID_ARGUMENTS\n");
}

#[test]
fn nothing_that_a_hostile_catalog_says_is_run() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-wrappers-").expect("a folder");
    let catalog = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../crates/wrappers/tests/it/catalog.json"
    );
    make(&tools, folder.path(), catalog, &[]);
    judge(&tools, folder.path());
    for script in files(&folder.path().join("bash")) {
        let mut help = Command::new(script);
        help.arg("--help").current_dir(folder.path());
        assert!(text(&ran(&mut help)).starts_with("Usage: "));
    }
    let program = folder.path().join("cli/mcp-tools");
    let help = text(&ran(Command::new(program)
        .arg("--help")
        .current_dir(folder.path())));
    assert!(help.starts_with("Usage: ") && help.contains("get_current_time"));
    for module in files(&folder.path().join("tools")) {
        let name = module
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let mut import = Command::new("python3");
        import.args(["-c", &format!("import tools.{name}")]);
        ran(import.current_dir(folder.path()));
    }
    let there = files(folder.path());
    assert!(
        there.iter().all(|path| !path.ends_with("pwned")),
        "{there:?}"
    );
}

/// Programs below the folder, with arguments, and what their answers have in them.
const CALLS: [(&str, &[&str], &str); 6] = [
    (
        "bash/time__get_current_time",
        &["--timezone", "UTC"],
        "\"timezone\": \"UTC\"",
    ),
    (
        "bash/git__git_log",
        &["--repo-path", REPOSITORY, "--max-count", "1"],
        "Commit",
    ),
    (
        "bash/everything__echo",
        &[
            "--message",
            "it's
$(id)",
        ],
        "it's
$(id)",
    ),
    (
        "cli/mcp-tools",
        &["time", "get_current_time", "--timezone", "UTC"],
        "\"timezone\": \"UTC\"",
    ),
    (
        "cli/mcp-tools",
        &["--complete", "git", "git_l"],
        "git_log
",
    ),
    (
        "skill/words/scripts/words__count_words",
        &["--text", "one two three"],
        "3",
    ),
];

/// Both ways of calling, and what is raised.
const PYTHON: &str = r#"
import asyncio
import json
from tools import InvalidArguments
from tools.time import AsyncTime, Time

now = json.loads(Time().get_current_time(timezone="UTC").text)
later = json.loads(asyncio.run(AsyncTime().get_current_time(timezone="UTC")).text)
try:
    Time().get_current_time({"timezone": 7}, timezone=7)
except InvalidArguments as error:
    print(now["timezone"], later["datetime"] >= now["datetime"], error.code)
"#;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Every format, and the folder of its wrappers.
const FORMATS: [(&str, &str); 4] = [
    ("bash", "bash"),
    ("python", "tools"),
    ("cli", "cli"),
    ("skill", "skill"),
];

/// Makes the wrappers of every format below a folder.
fn make(tools: &Tools, folder: &Path, from: &str, more: &[&str]) {
    for (format, name) in FORMATS {
        let mut command = Command::new(&tools.opsctl);
        command.args(["--format", format, "wrappers", "--from", from, "--out"]);
        ran(command.arg(folder.join(name)).args(more));
    }
}

/// Tells a wrapper where the tools are, and whom to trust.
fn aim(command: &mut Command, running: &Running) {
    // the machine may have a bundle of its own, which goes before
    command
        .env_remove("CURL_CA_BUNDLE")
        .env("SSL_CERT_FILE", running.ca());
    command.env("MCP_URL", running.url(""));
}

/// Shows them to shellcheck, mypy and ruff; the scripts of skills are those of `bash`.
fn judge(tools: &Tools, folder: &Path) {
    let checker = |name: &str| {
        let mut command = Command::new(tools.checkers_bin.join(name));
        command.current_dir(folder);
        command
    };
    ran(checker("shellcheck").args(files(&folder.join("bash"))));
    for server in folders(&folder.join("skill")) {
        for script in files(&server.join("scripts")) {
            let twin = folder
                .join("bash")
                .join(script.file_name().expect("a name"));
            assert_eq!(std::fs::read(&script).ok(), std::fs::read(twin).ok());
        }
    }
    let modules = ["tools", "cli/mcp-tools"];
    ran(checker("mypy")
        .args(["--strict", "--cache-dir=/dev/null"])
        .args(modules));
    ran(checker("ruff")
        .args(["check", "--isolated", "--no-cache"])
        .args(modules));
}

/// The files of a folder that are no hidden ones.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let paths = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    let is_shown = |path: &std::path::PathBuf| !path.to_string_lossy().contains("/.");
    paths
        .filter(|path| path.is_file() && is_shown(path))
        .collect()
}

/// The folders of a folder.
fn folders(folder: &Path) -> Vec<std::path::PathBuf> {
    let paths = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().expect("it starts");
    let talk = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream));
    assert!(
        output.status.success(),
        "{command:?}: {} {}",
        talk[0],
        talk[1]
    );
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the test's folder is writable");
    path.display().to_string()
}
