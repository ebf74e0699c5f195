//! `opsctl up`, once or held open, and what it said.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use probe::{Connect, Target, Trust};
use serde_json::Value;

use crate::deployment::Deployment;
use crate::tools::Tools;

/// What a run of `opsctl` said and how it ended.
#[derive(Debug)]
pub struct Verdict {
    /// The exit code.
    pub code: i32,
    /// Standard output as JSON; null when it is none.
    pub json: Value,
    /// Standard error.
    pub talk: String,
}

impl Verdict {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("the program starts");
        let text = String::from_utf8_lossy(&output.stdout);
        Self {
            code: output.status.code().unwrap_or(-1),
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The worst status of the checks with this id, or `absent`.
    pub fn status(&self, id: &str) -> &str {
        let statuses: Vec<_> = self
            .checks()
            .iter()
            .filter(|check| check["id"] == id)
            .collect();
        ["fail", "warn", "skip", "pass"]
            .into_iter()
            .find(|status| statuses.iter().any(|check| check["status"] == *status))
            .unwrap_or("absent")
    }

    /// The details of all checks that failed, by id.
    pub fn failed(&self) -> Vec<(&str, &str)> {
        let failed = self
            .checks()
            .iter()
            .filter(|check| check["status"] == "fail");
        failed
            .filter_map(|check| Some((check["id"].as_str()?, check["detail"].as_str()?)))
            .collect()
    }

    /// The detail of the first failed check with this id.
    pub fn failure(&self, id: &str) -> &str {
        self.failed()
            .into_iter()
            .find(|(failed, _)| *failed == id)
            .map_or("", |(_, detail)| detail)
    }

    fn checks(&self) -> &[Value] {
        self.json["checks"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// `opsctl` on the spec of a deployment, with JSON output.
pub fn opsctl(tools: &Tools, deployment: &Deployment) -> Command {
    let mut command = Command::new(&tools.opsctl);
    command
        .arg("--spec")
        .arg(deployment.spec())
        .args(["--format", "json"]);
    command.env("OPSCTL_NGINX", &tools.nginx_1_28);
    command
}

/// Brings a deployment up, verifies it and takes it down.
pub fn up_once(tools: &Tools, deployment: &Deployment, arguments: &[&str]) -> Verdict {
    Verdict::of(
        opsctl(tools, deployment)
            .arg("up")
            .arg("--once")
            .args(arguments),
    )
}

/// A deployment that is up; it is taken down with this value.
#[derive(Debug)]
pub struct Running {
    /// The process of `opsctl up`.
    pub child: Child,
    /// The folder of the deployment's files.
    pub dir: PathBuf,
    /// What the verification said when it came up.
    pub verdict: Value,
    https_port: u16,
}

impl Running {
    /// Brings a deployment up and waits for its verification.
    pub fn start(tools: &Tools, deployment: &Deployment) -> Self {
        Self::start_prepared(tools, deployment, |_, _| {})
    }

    /// The same, after something was done to the command and below the folder of the deployment's files.
    pub fn start_prepared(
        tools: &Tools,
        deployment: &Deployment,
        prepare: impl FnOnce(&mut Command, &Path),
    ) -> Self {
        let dir = fresh_dir();
        let mut command = opsctl(tools, deployment);
        prepare(&mut command, &dir);
        command
            .arg("up")
            .arg("--dir")
            .arg(&dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("opsctl starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let verdict = first_json(stdout);
        Self {
            child,
            dir,
            verdict,
            https_port: deployment.https_port,
        }
    }

    /// The certificate of the deployment's own authority.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("tls/ca.pem")
    }

    /// The edge, as a probe sees it.
    pub fn target(&self) -> Target {
        let (mut target, _) = Target::from_url(&self.url("/")).expect("a URL");
        let pem = std::fs::read(self.ca()).expect("the authority's certificate");
        target.trust = Trust::Roots(probe::certificate::read_chain(&pem).expect("a certificate"));
        target.connect = Connect::Address(([127, 0, 0, 1], self.https_port).into());
        target
    }

    /// The edge under another name, whoever signed its certificate.
    pub fn target_at(&self, host: &str) -> Target {
        let mut target = Target::new(probe::Scheme::Https, host, self.https_port);
        target.trust = Trust::Any;
        target.connect = Connect::Address(([127, 0, 0, 1], self.https_port).into());
        target
    }

    /// A URL of the edge.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.https_port)
    }

    /// Ends it as Ctrl-C does and returns the exit code.
    pub fn stop(&mut self) -> i32 {
        let id = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let (Some(id), Ok(None)) = (id, self.child.try_wait()) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        }
        self.child
            .wait()
            .ok()
            .and_then(|status| status.code())
            .unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The processes whose command line names `folder`: what a deployment in it left behind.
pub fn children_of(folder: &Path) -> Vec<String> {
    let needle = folder.display().to_string();
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&needle))
        .collect()
}

/// A folder that does not exist yet, directly below the system's temporary folder: `up` makes it with the mode that
/// NGINX's workers need, and every folder above it can be entered by them.
fn fresh_dir() -> PathBuf {
    let made = tempfile::Builder::new()
        .prefix("e2e-up-")
        .tempdir()
        .expect("a temporary folder");
    made.path().to_path_buf()
}

fn first_json(mut lines: impl BufRead) -> Value {
    let mut text = String::new();
    while lines.read_line(&mut text).is_ok_and(|read| read > 0) {
        if let Ok(json) = serde_json::from_str(&text) {
            return json;
        }
    }
    Value::String(text)
}

/// How long a test waits for a fact before it says that it did not come.
pub const DEADLINE: Duration = Duration::from_secs(20);
