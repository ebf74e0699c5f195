//! The origin alone, as `hypercorn-equivalents/h3-origin.toml` has it, and curl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{DEADLINE, Tools, free_port_pair};
use probe::{Ask, Connect, Scheme, Target, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The host that it is for.
pub(crate) const NAME: &str = "mcp.example.com";

/// An origin from the reference, with paths and ports of its own; it ends with this value.
pub(crate) struct Alone {
    child: Child,
    folder: TempDir,
    pub(crate) port: u16,
}

impl Alone {
    pub(crate) fn start(tools: &Tools) -> Self {
        Self::of("h3-origin.toml", tools)
    }

    /// Of a reference of this name.
    fn of(reference: &str, tools: &Tools) -> Self {
        let folder = TempDir::with_prefix("e2e-alone-").expect("a temporary folder");
        let (port, _) = free_port_pair();
        certify(folder.path());
        let config = folder.path().join("origin.toml");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let reference = repository.join("hypercorn-equivalents").join(reference);
        let text = fs::read_to_string(reference).expect("the reference");
        put(&config, &moved(&text, folder.path(), port, tools));
        let child = Self::run(tools, &config);
        Self {
            child,
            folder,
            port,
        }
    }

    fn run(tools: &Tools, config: &Path) -> Child {
        let mut command = Command::new(&tools.origin);
        command.arg("--config").arg(config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.spawn().expect("the origin starts")
    }

    /// The file of its certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("fullchain.pem")
    }

    /// What curl gets of a path, with the version that it spoke behind the last line break.
    fn curl(&self, tools: &Tools, arguments: &[&str], path: &str) -> (bool, String) {
        let mut curl = tools.curl_with_http3(&self.certificate());
        curl.args(["--resolve", &format!("{NAME}:{}:127.0.0.1", self.port)])
            .args(["--write-out", "\n%{http_version}"])
            .args(arguments)
            .arg(format!("https://{NAME}:{}{path}", self.port));
        let output = curl.output().expect("curl starts");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a server that starts is asked again"
    )]
    pub(crate) fn wait_until_ready(&self, tools: &Tools) {
        let end = Instant::now() + DEADLINE;
        loop {
            let (served, said) = self.curl(tools, &["--http3-only", "--fail"], "/readyz");
            if served {
                return;
            }
            assert!(Instant::now() < end, "it does not serve: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// The reference with what is this test's in the place of what is the machine's.
fn moved(text: &str, folder: &Path, port: u16, tools: &Tools) -> String {
    let folder = folder.display().to_string();
    let (text, _) = text.split_once("[[servers]]").expect("its servers");
    let text = text
        .replace(
            "\"0.0.0.0:443\", \"[::]:443\"",
            &format!("\"127.0.0.1:{port}\""),
        )
        .replace("127.0.0.1:10443", &format!("127.0.0.1:{port}"))
        .replace("/etc/codeintel/tls", &folder)
        .replace("/run/codeintel", &folder)
        .replace("/var/lib/codeintel", &folder);
    let time = tools.server("mcp-server-time");
    format!("{text}\n[[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n")
}

fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    // as the references name them
    for name in ["fullchain.pem", "chain.pem"] {
        put(&folder.join(name), &made.cert.pem());
    }
    for name in ["privkey.pem", "key.pem"] {
        put(&folder.join(name), &made.signing_key.serialize_pem());
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
pub(crate) fn put(path: &Path, text: &str) {
    fs::write(path, text).expect("the test's folder is writable");
}

#[test]
fn curl_speaks_every_version_with_the_origin_alone() {
    let tools = Tools::from_environment();
    let alone = Alone::start(&tools);
    alone.wait_until_ready(&tools);
    for (flag, version) in [
        ("--http1.1", "1.1"),
        ("--http2", "2"),
        ("--http3-only", "3"),
    ] {
        let (served, said) =
            alone.curl(&tools, &[flag, "--fail"], "/mcp/sse?interval_ms=20&count=3");
        assert!(served, "{flag}: {said}");
        assert_eq!(said.matches("event: tick").count(), 3, "{flag}: {said}");
        assert!(said.ends_with(&format!("\n{version}")), "{flag}: {said}");
    }
    let (_, said) = alone.curl(&tools, &["--http2", "--include"], "/healthz");
    let alternative = format!("alt-svc: h3=\":{}\"", alone.port);
    assert!(said.contains(&alternative), "{said}");
}

#[tokio::test]
async fn the_references_behind_an_edge_become_ready() {
    let tools = Tools::from_environment();
    for name in ["behind-nginx.toml", "behind-stream.toml"] {
        let alone = Alone::of(name, &tools);
        let admin = Connect::Unix(alone.folder.path().join("admin.sock"));
        let target = Target::new(Scheme::Http, "localhost", 80).with_connect(admin);
        let end = Instant::now() + DEADLINE;
        loop {
            let asked = probe::fetch(&target, Version::Http1, Ask::get("/readyz"));
            match Box::pin(asked).await {
                Ok(answer) if answer.head.status == 200 => break,
                other => assert!(Instant::now() < end, "{name}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[test]
fn a_large_body_goes_both_ways_over_http_3() {
    let tools = Tools::from_environment();
    let alone = Alone::start(&tools);
    alone.wait_until_ready(&tools);
    let body = format!("{{\"tool\":\"none\",\"pad\":\"{}\"}}", "x".repeat(100_000));
    let arguments = ["--http3-only", "--json", &body];
    let (served, said) = alone.curl(&tools, &arguments, "/call-tool");
    assert!(served && said.contains("\"success\":false"), "{said}");
}
