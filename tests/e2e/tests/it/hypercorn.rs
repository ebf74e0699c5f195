//! Hypercorn's own program beside the table of its settings, its TOML files as an origin's, and the reference behind an edge.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use e2e::{DEADLINE, Tools, free_port_pair};
use origin_config::hypercorn::{SETTINGS, VERSION};
use probe::{Ask, Connect, Scheme, Target, Version, fetch};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What Hypercorn's class says of itself: its version, and every attribute that can be set with its default as TOML.
const SETTINGS_OF_THE_CLASS: &str = r#"
import importlib.metadata, inspect, json
from hypercorn.config import Config

def is_setting(name):
    value = inspect.getattr_static(Config, name, None)
    if isinstance(value, property):
        return value.fset is not None
    kinds = (classmethod, staticmethod)
    return not name.startswith("_") and not inspect.isfunction(value) and not isinstance(value, kinds)

def toml(name):
    if isinstance(inspect.getattr_static(Config, name, None), property) and name == "cert_reqs":
        return "–"
    value = getattr(Config(), name, None)
    if value is None:
        return "–"
    if inspect.isclass(value):
        return value.__name__
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and '"' in value:
        return f"'{value}'"
    return json.dumps(value)

names = set(Config.__annotations__) | set(vars(Config))
settings = {name: toml(name) for name in names if is_setting(name)}
print(json.dumps({"version": importlib.metadata.version("hypercorn"), "settings": settings}))
"#;

/// What Hypercorn does with a file before it serves: it reads it, makes its TLS context, opens its sockets.
const ACCEPTS: &str = r"
import sys
from hypercorn.config import Config

config = Config.from_toml(sys.argv[1])
config.create_ssl_context()
sockets = config.create_sockets()
print(len(sockets.secure_sockets), len(sockets.insecure_sockets), len(sockets.quic_sockets))
";

fn python(tools: &Tools, script: &str, arguments: &[&Path]) -> String {
    let mut python = Command::new(&tools.hypercorn_python);
    said(python.args(["-c", script]).args(arguments))
}

/// What a program says that ends well.
fn said(command: &mut Command) -> String {
    let output: Output = command.output().expect("it starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {talk}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the test's folder is writable");
}

/// The TOML in `folder`, as an origin's beside it; the settings that need a look.
fn import(tools: &Tools, folder: &Path) -> Vec<String> {
    let mut opsctl = Command::new(&tools.opsctl);
    opsctl.args(["--format", "json", "import", "hypercorn"]);
    opsctl.arg(folder.join("hypercorn.toml"));
    opsctl.arg("--out").arg(folder.join("origin.toml"));
    let said: Value = serde_json::from_str(&said(&mut opsctl)).expect("one document");
    let changes = said["changes"].as_array().expect("changes");
    let looks = changes
        .iter()
        .filter(|change| change["needs_a_look"] == true);
    looks
        .filter_map(|change| Some(change["key"].as_str()?.to_owned()))
        .collect()
}

fn check(tools: &Tools, folder: &Path) -> String {
    let mut origin = Command::new(&tools.origin);
    said(
        origin
            .args(["check", "--config"])
            .arg(folder.join("origin.toml")),
    )
}

#[test]
fn the_table_has_every_setting_of_hypercorn_with_its_default() {
    let tools = Tools::from_environment();
    let class: Value =
        serde_json::from_str(&python(&tools, SETTINGS_OF_THE_CLASS, &[])).expect("one document");
    assert_eq!(class["version"], VERSION);
    let settings = class["settings"].as_object().expect("settings");
    let theirs: BTreeMap<_, _> = settings
        .iter()
        .map(|(name, default)| (name.as_str(), default.as_str().unwrap_or_default()))
        .collect();
    let ours: BTreeMap<_, _> = SETTINGS
        .iter()
        .map(|setting| (setting.name, setting.default))
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn what_hypercorn_serves_with_becomes_what_an_origin_serves_with() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-hypercorn-").expect("a folder");
    let made = rcgen::generate_simple_self_signed(["mcp.example.com".to_owned()]);
    let made = made.expect("a certificate");
    put(&folder.path().join("cert.pem"), &made.cert.pem());
    put(
        &folder.path().join("key.pem"),
        &made.signing_key.serialize_pem(),
    );
    let (port, plain) = free_port_pair();
    let text = format!(
        "# a production file\nbind = \"127.0.0.1:{port}\"\nquic_bind = \"127.0.0.1:{port}\"\n\
         insecure_bind = [\"unix:{folder}/x.sock\", \"127.0.0.1:{plain}\"]\ncertfile = \"{folder}/cert.pem\"\n\
         keyfile = \"{folder}/key.pem\"\nserver_names = [\"mcp.example.com\"]\nworkers = 2\nworker_class = \"uvloop\"\n\
         keep_alive_timeout = 30.5\ngraceful_timeout = 10\naccesslog = \"-\"\nerrorlog = \"-\"\nloglevel = \"debug\"\n\
         umask = 0o007\nbacklog = 200\nh2_max_concurrent_streams = 50\nroot_path = \"/api\"\nmax_requests = 1000\n",
        folder = folder.path().display()
    );
    put(&folder.path().join("hypercorn.toml"), &text);
    let opened = python(&tools, ACCEPTS, &[&folder.path().join("hypercorn.toml")]);
    assert_eq!(opened, "1 2 1\n");
    assert_eq!(import(&tools, folder.path()), ["root_path", "max_requests"]);
    assert_eq!(check(&tools, folder.path()), "");
    let target = Target::new(Scheme::Http, "mcp.example.com", plain)
        .with_connect(Connect::Address(([127, 0, 0, 1], plain).into()));
    let mut command = Command::new(&tools.origin);
    command
        .arg("--config")
        .arg(folder.path().join("origin.toml"));
    let _running = Running::start(&mut command);
    assert_eq!(status(&target, "/healthz"), 200);
}

#[test]
fn the_reference_behind_an_edge_is_ready_to_run() {
    let tools = Tools::from_environment();
    let folder = TempDir::with_prefix("e2e-behind-").expect("a folder");
    let reference =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hypercorn-equivalents/behind-nginx.toml");
    let text = std::fs::read_to_string(reference).expect("the reference");
    let repository = folder.path().join("repository");
    said(
        Command::new("git")
            .args(["init", "--quiet"])
            .arg(&repository),
    );
    let own = folder.path().display().to_string();
    let text = text
        .replace("/run/codeintel", &own)
        .replace("/var/lib/codeintel", &own)
        .replace("/srv/repo", &repository.display().to_string());
    put(&folder.path().join("origin.toml"), &text);
    let programs = [tools.servers_bin.as_path(), Path::new("/usr/bin:/bin")];
    let programs = programs
        .map(|folder| folder.display().to_string())
        .join(":");
    let mut command = Command::new(&tools.origin);
    command
        .arg("--config")
        .arg(folder.path().join("origin.toml"));
    let _running = Running::start(command.env("PATH", programs));
    let target = |socket: &str| {
        let socket = folder.path().join(socket);
        Target::new(Scheme::Http, "mcp.example.com", 443).with_connect(Connect::Unix(socket))
    };
    assert_eq!(status(&target("admin.sock"), "/readyz"), 200);
    assert_eq!(status(&target("origin.sock"), "/healthz"), 200);
}

/// A program that ends with this value.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("it starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(id) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

/// What is answered once there is an answer other than 'not yet'.
fn status(target: &Target, path: &str) -> u16 {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let end = Instant::now() + DEADLINE;
    runtime.block_on(async {
        loop {
            let answer = Box::pin(fetch(target, Version::Http1, Ask::get(path))).await;
            let status = answer.map_or(0, |answer| answer.head.status.as_u16());
            if !matches!(status, 0 | 503) || Instant::now() > end {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
}
