//! Chromium without a display, told what to do over its own protocol (Chrome DevTools Protocol, tip of tree).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::Tools;

/// A browser with one tab; it ends with this value.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    stdin: ChildStdin,
    messages: Receiver<Value>,
    next: u64,
    session: String,
    _profile: TempDir,
}

/// How large a screen is, in CSS pixels, and how it is used.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Whether pages are dark.
    pub is_dark: bool,
    /// Whether it is a phone's.
    pub is_phone: bool,
}

impl Screen {
    /// A window on a desk.
    pub const DESK: Self = Self {
        width: 1_000,
        height: 640,
        is_dark: false,
        is_phone: false,
    };
    /// The narrowest phones that are sold.
    pub const PHONE: Self = Self {
        width: 360,
        height: 740,
        is_dark: false,
        is_phone: true,
    };

    /// The same, dark.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self {
            is_dark: true,
            ..self
        }
    }
}

impl Browser {
    /// Starts it with a new profile. It takes the first certificate of `chain` for `localhost`, also over QUIC, where Chromium
    /// otherwise takes those of public authorities alone; how it comes to QUIC is left to it: by `Alt-Svc`.
    pub fn start(tools: &Tools, chain: &Path) -> Self {
        // named with a port that nobody asks for: the host is what lifts the rule of public authorities
        let known = [
            format!(
                "--ignore-certificate-errors-spki-list={}",
                key_digest(tools, chain)
            ),
            "--origin-to-force-quic-on=localhost:1".to_owned(),
        ];
        Self::start_with(tools, &known)
    }

    /// Starts it with a new profile and nobody's certificate but the system's.
    pub fn start_plain(tools: &Tools) -> Self {
        Self::start_with(tools, &[])
    }

    fn start_with(tools: &Tools, arguments: &[String]) -> Self {
        let profile = TempDir::with_prefix("e2e-browser-").expect("a temporary folder");
        let mut command = Command::new("sh");
        // its pipes are the descriptors 3 and 4, which only a shell can make of ours
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"]);
        command.arg(&tools.chromium).args(FLAGS).args(arguments);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        command.arg("about:blank").env("HOME", profile.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let log = std::fs::File::create(profile.path().join("log")).expect("a writable folder");
        let mut child = command.stderr(log).spawn().expect("a shell starts");
        let stdin = child.stdin.take().expect("it is piped");
        let messages = listen(child.stdout.take().expect("it is piped"));
        let mut browser = Self {
            child,
            stdin,
            messages,
            next: 0,
            session: String::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attach);
        let session = attached["sessionId"].as_str().expect("a session");
        session.clone_into(&mut browser.session);
        browser.call("Page.enable", &json!({}));
        browser
    }

    /// Goes to a page; its script may still run.
    pub fn go(&mut self, url: &str) {
        let answer = self.call("Page.navigate", &json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        // what the navigation replaces has this address no more
        let there = format!("location.href === {} && document.body !== null", json!(url));
        self.wait_for(&there);
    }

    /// What an expression is worth in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &ask);
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true, and returns what it is worth.
    pub fn wait_for(&mut self, expression: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.evaluate(expression);
            let is_true = !matches!(value, Value::Null | Value::Bool(false)) && value != json!("");
            if is_true {
                return value;
            }
            assert!(Instant::now() < end, "`{expression}` does not come true");
            wait(Duration::from_millis(50));
        }
    }

    /// Gives it another screen.
    pub fn show_on(&mut self, screen: Screen) {
        let size = json!({
            "width": screen.width, "height": screen.height,
            "deviceScaleFactor": 1, "mobile": screen.is_phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if screen.is_dark { "dark" } else { "light" };
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": feature }),
        );
    }

    /// What its screen shows, as a PNG file in Base64.
    pub fn screenshot(&mut self) -> String {
        let answer = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let data = answer["data"].as_str().expect("a picture");
        data.to_owned()
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let sent = self.stdin.write_all(format!("{message}\0").as_bytes());
        sent.and_then(|()| self.stdin.flush())
            .unwrap_or_else(|error| panic!("{method}: the browser has gone: {error}"));
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let mut message = message.unwrap_or_else(|_| panic!("no answer to {method}"));
            if message["id"] == self.next {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // asked to, it ends all its processes
        let close = json!({ "id": 0, "method": "Browser.close" });
        let _ = self.stdin.write_all(format!("{close}\0").as_bytes());
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = self.child.kill();
            }
            wait(Duration::from_millis(20));
        }
    }
}

/// Its messages, each ended by a NUL, read as they come so that it never waits for us.
fn listen(stdout: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while stdout.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
            let message = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes));
            if message.is_ok_and(|message| sender.send(message).is_err()) {
                return;
            }
            bytes.clear();
        }
    });
    receiver
}

/// The SHA-256 of the public key of a certificate in PEM, in Base64, as Chromium takes it.
fn key_digest(tools: &Tools, chain: &Path) -> String {
    let script = "openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | \
                  openssl dgst -sha256 -binary | openssl base64 -A";
    let mut command = Command::new("chroot");
    command.arg(&tools.root_trixie).args(["sh", "-c", script]);
    command.stdin(std::fs::File::open(chain).expect("a certificate"));
    let output = command.output().expect("chroot starts");
    let digest = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(digest.len(), 44, "{output:?}");
    digest
}

#[expect(
    clippy::disallowed_methods,
    reason = "a browser says nothing of when its page is there"
)]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

const FLAGS: [&str; 9] = [
    "--headless=new",
    // its sandbox does not start as root, and it is shown our own pages alone
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    // QUIC asks the first address of a name and no other, and the deployments of the tests listen on this one
    "--host-resolver-rules=MAP localhost 127.0.0.1",
];

/// It starts in a second, and in many on a machine that does other things.
const PATIENCE: Duration = Duration::from_mins(1);
