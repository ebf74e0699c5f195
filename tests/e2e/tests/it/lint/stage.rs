//! An NGINX with a configuration of the test, two origins behind it, and the question that every test here asks: is the
//! harm there with the bad configuration, and gone with the good one?

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{DEADLINE, NginxBuild, Tools, Verdict, free_port_pair};
use probe::{Answer, Ask, Connect, ProbeError, Scheme, Stream, Target, Trust, Version};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::origin::Origin;

/// A rule and two configurations; `bad` and `good` stand at the top level of nginx.conf.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) rule: &'static str,
    pub(super) bad: String,
    pub(super) good: String,
}

impl Case {
    /// Runs the good configuration alone.
    pub(super) fn runs<F: Future<Output = ()>>(&self, check: impl Fn(Stage) -> F) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async { check(Stage::start(&self.good).await).await });
    }

    /// Runs both configurations and looks for the harm in each.
    pub(super) fn shows<F: Future<Output = bool>>(&self, harm: impl Fn(Stage) -> F) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            for (conf, expected) in [(&self.bad, true), (&self.good, false)] {
                let stage = Stage::start(conf).await;
                let is_found = stage.lint().contains(self.rule);
                assert_eq!(is_found, expected, "lint: {} in\n{conf}", self.rule);
                let log = stage.folder.path().join("error.log");
                let is_harmed = harm(stage).await;
                let said = std::fs::read_to_string(log).unwrap_or_default();
                assert_eq!(
                    is_harmed, expected,
                    "harm: {} in\n{conf}\n{said}",
                    self.rule
                );
            }
        });
    }
}

/// The top level with an `http` block that has one server for plain HTTP.
pub(super) fn plain(before: &str, server: &str) -> String {
    top(&format!(
        "{before}\nserver {{ listen 127.0.0.1:@HTTP@; server_name localhost;\n{server}\n}}"
    ))
}

/// The top level with an `http` block that has one server for HTTPS; `listens` says where.
pub(super) fn secure(before: &str, server: &str) -> String {
    top(&format!(
        "{before}\nserver {{ server_name localhost; ssl_certificate cert.pem; ssl_certificate_key key.pem;\n{server}\n}}"
    ))
}

/// The top level with this `http` block.
pub(super) fn top(http: &str) -> String {
    format!(
        "worker_shutdown_timeout 10s;\nevents {{ worker_connections 1024; }}\nhttp {{ {HTTP}\n{http}\n}}\n"
    )
}

/// What every `http` block here needs: nothing outside the test's folder.
pub(super) const HTTP: &str = "access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;";

/// A file beside `nginx.conf` with a location for the origin.
pub(super) const SITE: &str = "mcp.site";

/// Both listeners of an address.
pub(super) const BOTH: &str = "listen 127.0.0.1:@HTTPS@ ssl; listen 127.0.0.1:@HTTPS@ quic;";

/// A running NGINX and its origins. The NGINX ends with this value.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) origin: Origin,
    pub(super) second: Origin,
    pub(super) folder: TempDir,
    pub(super) tools: Tools,
    nginx: Child,
    https: u16,
    http: u16,
    /// A port on which nobody listens unless the test does.
    pub(super) dead: u16,
}

impl Stage {
    async fn start(conf: &str) -> Self {
        Self::start_on(NginxBuild::Source, conf).await
    }

    /// The same with another NGINX.
    pub(super) async fn start_on(build: NginxBuild, conf: &str) -> Self {
        let tools = Tools::from_environment();
        let folder = TempDir::with_prefix("e2e-lint-").expect("a folder");
        let (origin, second) = (Origin::start().await, Origin::start().await);
        let (https, http) = free_port_pair();
        let (dead, _) = free_port_pair();
        write_certificate(folder.path());
        let text = conf
            .replace("@HTTPS@", &https.to_string())
            .replace("@HTTP@", &http.to_string())
            .replace("@DEAD@", &dead.to_string())
            .replace("@ORIGIN@", &origin.port.to_string())
            .replace("@SECOND@", &second.port.to_string());
        let main = format!("user root;\npid nginx.pid;\nerror_log error.log notice;\n{text}");
        write(folder.path(), "nginx.conf", &main);
        let site = format!(
            "location = /mcp {{ proxy_pass http://127.0.0.1:{}; }}",
            origin.port
        );
        write(folder.path(), SITE, &site);
        // the length that NGINX wants of a key for AES-256 and HMAC-SHA-256
        write(folder.path(), "zeros.key", &"\0".repeat(80));
        let program = tools.nginx(build, folder.path());
        let mut command = nginx(&program, folder.path(), "nginx.conf");
        command.args(["-g", "daemon off;"]);
        let child = command.stdin(Stdio::null()).spawn().expect("nginx starts");
        let stage = Self {
            origin,
            second,
            folder,
            tools,
            nginx: child,
            https,
            http,
            dead,
        };
        stage.wait_for_pid().await;
        stage
    }

    /// NGINX writes its process id when all its sockets are bound.
    async fn wait_for_pid(&self) {
        let file = self.folder.path().join("nginx.pid");
        let start = Instant::now();
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')) {
            let log = std::fs::read_to_string(self.folder.path().join("error.log"));
            assert!(start.elapsed() < DEADLINE, "{}", log.unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The ids of the rules that `opsctl lint` finds in the configuration.
    pub(super) fn lint(&self) -> BTreeSet<String> {
        let mut command = Command::new(&self.tools.opsctl);
        command.args(["--format", "json", "lint", "--nginx", "1.28.3"]);
        command.arg(self.folder.path().join("nginx.conf"));
        let verdict = Verdict::of(&mut command);
        let findings = verdict.json["findings"].as_array().expect("findings");
        findings
            .iter()
            .filter_map(|finding| Some(finding["id"].as_str()?.to_owned()))
            .collect()
    }

    /// Makes NGINX read its configuration again.
    pub(super) fn reload(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.nginx.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, signal);
        }
    }

    /// Its configuration.
    pub(super) fn conf(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("nginx.conf")).expect("ours")
    }

    /// What NGINX has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }

    /// The HTTPS port, with short waits.
    pub(super) fn secure(&self) -> Target {
        target(Scheme::Https, self.https)
    }

    /// The HTTP port; for a `stream` server there, over TLS.
    pub(super) fn plain(&self) -> Target {
        target(Scheme::Http, self.http)
    }

    /// What is behind the HTTP port over TLS or QUIC.
    pub(super) fn passed(&self) -> Target {
        target(Scheme::Https, self.http)
    }

    /// What a shell script says that runs inside the Debian 13 root, which has a newer OpenSSL than the oldest machine that
    /// the tests run on. Its working folder is its own; `$1` is the HTTPS port, `$2` the HTTP port.
    pub(super) async fn shell(&self, script: &str) -> String {
        let root = &self.tools.root_trixie;
        let folder = TempDir::with_prefix_in("e2e-shell-", root.join("tmp"));
        let folder = folder.expect("the root is writable");
        let inside = Path::new("/tmp").join(folder.path().file_name().expect("it has a name"));
        let mut shell = Command::new("chroot");
        shell.arg(root).args(["/bin/sh", "-ec"]);
        shell.arg(format!("cd {}\n{script}", inside.display()));
        shell
            .arg("sh")
            .args([self.https, self.http].map(|port| port.to_string()));
        let output = tokio::task::spawn_blocking(move || shell.output()).await;
        let output = output.expect("no panic").expect("chroot starts");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Asks over plain HTTP/1.1.
    pub(super) async fn ask(&self, ask: Ask) -> Answer {
        let answer = fetch(&self.plain(), Version::Http1, ask).await;
        answer.unwrap_or_else(|error| panic!("{error}: {}", self.log()))
    }

    /// Asks over one version of HTTP with TLS.
    pub(super) async fn ask_secure(
        &self,
        version: Version,
        ask: Ask,
    ) -> Result<Answer, ProbeError> {
        fetch(&self.secure(), version, ask).await
    }
}

/// A port of loopback by the name of the certificate, with short waits.
fn target(scheme: Scheme, port: u16) -> Target {
    let mut target = Target::new(scheme, "localhost", port);
    target.connect = Connect::Address(([127, 0, 0, 1], port).into());
    target.trust = Trust::Any;
    target.timeout = Duration::from_secs(5);
    target.connect_timeout = Duration::from_secs(2);
    target
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.nginx.wait();
    }
}

/// [`probe::fetch`], whose state is large, in a place of its own.
pub(super) async fn fetch(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Result<Answer, ProbeError> {
    Box::pin(probe::fetch(target, version, ask)).await
}

/// [`probe::open`], whose state is large, in a place of its own.
pub(super) async fn open(
    target: &Target,
    version: Version,
    ask: Ask,
) -> Result<Stream, ProbeError> {
    Box::pin(probe::open(target, version, ask)).await
}

/// The events of a stream, each with the time since the first byte of any.
pub(super) async fn events(mut stream: Stream) -> Vec<(u64, Duration)> {
    let mut text = Vec::new();
    let mut out: Vec<(u64, Instant)> = Vec::new();
    stream.set_idle_timeout(Duration::from_secs(8));
    while let Ok(Some((at, bytes))) = stream.chunk().await {
        text.extend(bytes);
        let whole = String::from_utf8_lossy(&text).into_owned();
        for number in whole
            .split("\n\n")
            .filter_map(|event| event.strip_prefix("data: ")?.parse().ok())
        {
            if out.iter().all(|(known, _)| *known != number) {
                out.push((number, at));
            }
        }
    }
    let first = out.first().map(|(_, at)| *at);
    out.into_iter()
        .map(|(number, at)| (number, at.duration_since(first.unwrap_or(at))))
        .collect()
}

/// An NGINX with a folder of its own.
pub(super) fn nginx(program: &Path, folder: &Path, conf: &str) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(folder)
        .args(["-e", "stderr", "-c"])
        .arg(folder.join(conf));
    command
}

/// Certificates of `key.pem`: `cert.pem`, `other.pem` for another name and `expired.pem`; and a key of none of them.
pub(super) fn write_certificate(folder: &Path) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let sign = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        rcgen::CertificateParams::new(names).expect("names")
    };
    let mut expired = sign(&[NAME]);
    expired.not_after = rcgen::date_time_ymd(2026, 1, 31);
    for (file, params) in [
        ("cert.pem", sign(&["localhost", NAME])),
        ("other.pem", sign(&["other.example.com"])),
        ("expired.pem", expired),
    ] {
        let certificate = params.self_signed(&key).expect("a certificate");
        write(folder, file, &certificate.pem());
    }
    write(folder, "key.pem", &key.serialize_pem());
    let other = rcgen::KeyPair::generate().expect("a key");
    write(folder, "other-key.pem", &other.serialize_pem());
}

/// The name that `cert.pem` is for beside localhost.
pub(super) const NAME: &str = "mcp.example.com";

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
pub(super) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the test's folder is writable");
    path
}
