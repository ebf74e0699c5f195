//! Other TLS servers on the TCP port of an edge that passes connections on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use e2e::{DEADLINE, Deployment, Running, Tools, up_once};
use probe::{Ask, Target, Version};
use serde_json::Value;

/// A server of somebody else's. Killed with this value.
struct TlsSite {
    port: u16,
    child: Child,
}

impl TlsSite {
    /// Starts one for this host, whose certificate goes into the folder of the deployment.
    fn start(tools: &Tools, deployment: &Deployment, name: &str, arguments: &[&str]) -> Self {
        let made = rcgen::generate_simple_self_signed([format!("{name}.example")]);
        let made = made.expect("a certificate");
        let chain = deployment.write(&format!("{name}.pem"), &made.cert.pem());
        let key = deployment.write(&format!("{name}.key"), &made.signing_key.serialize_pem());
        let mut command = Command::new(&tools.clients_python);
        command.arg(Tools::script("tls_site.py")).arg(name);
        command.arg(chain).arg(key).args(arguments);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("Python starts");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        said.read_line(&mut line).expect("its port");
        let port = line.trim().parse().expect("a port");
        Self { port, child }
    }
}

impl Drop for TlsSite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A deployment that has two of them on its port: `blog` takes no PROXY header and all that nobody else is asked for, `shop`
/// waits for one.
fn with_two(tools: &Tools, header_for_shop: bool) -> (Deployment, [TlsSite; 2]) {
    let deployment = Deployment::with_time(tools).passed_on();
    let blog = TlsSite::start(tools, &deployment, "blog", &[]);
    let shop = TlsSite::start(tools, &deployment, "shop", &["proxy"]);
    let spec = fs::read_to_string(deployment.spec()).expect("our own file");
    let sites = format!(
        "[[edge.tcp_sites]]\nname = \"blog\"\nserver_names = [\"blog.example\"]\nto = \"localhost:{}\"\ndefault = true\n\
         [[edge.tcp_sites]]\nname = \"shop\"\nserver_names = [\"shop.example\"]\nto = \"127.0.0.1:{}\"\n\
         proxy_protocol = {header_for_shop}\n",
        blog.port, shop.port
    );
    deployment.write("deploy.toml", &format!("{spec}{sites}"));
    (deployment, [blog, shop])
}

/// What a site says of itself and of its client.
async fn told(target: &Target) -> (String, String) {
    let answer = Box::pin(probe::fetch(target, Version::Http1, Ask::get("/"))).await;
    let body = answer.expect("an answer").body;
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let word = |key: &str| body[key].as_str().expect("a text").to_owned();
    (word("site"), word("client"))
}

#[tokio::test]
async fn each_name_reaches_its_own_and_http3_is_the_origins() {
    let tools = Tools::from_environment();
    let (deployment, _sites) = with_two(&tools, true);
    let running = Running::start(&tools, &deployment);
    let verdict = &running.verdict;
    let checks = verdict["checks"].as_array().expect("a list");
    let asked = checks.iter().find(|check| check["id"] == "tcp-sites");
    assert_eq!(asked.expect("a check")["status"], "pass", "{verdict:#}");
    // a name of nobody, and an address, for which no name is sent
    for host in [
        "blog.example",
        "BLOG.example",
        "nobody.example",
        "127.0.0.1",
    ] {
        let (site, _) = told(&running.target_at(host)).await;
        assert_eq!(site, "blog", "{host}");
    }
    let (site, client) = told(&running.target_at("shop.example")).await;
    assert_eq!(site, "shop");
    wait_for_line(&running, "shop.example", &client).await;
    let origin = running.target();
    for version in Version::ALL {
        let answer = Box::pin(probe::fetch(&origin, version, Ask::get("/healthz"))).await;
        assert_eq!(answer.expect("an answer").head.status, 200, "{version}");
    }
}

/// Waits until the log of the edge has a connection of this client to this name: it is written when the connection has ended.
async fn wait_for_line(running: &Running, name: &str, client: &str) {
    let log = running.dir.join("log/demo.access.log");
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let mut of_name = lines.filter(|line: &Value| line["server_name"] == name);
        let from = |line: &Value| {
            let (address, port) = (line["remote_addr"].as_str(), line["remote_port"].as_str());
            format!(
                "{}:{}",
                address.unwrap_or_default(),
                port.unwrap_or_default()
            )
        };
        if of_name.any(|line| from(&line) == client) {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{client} is not in {text}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[test]
fn a_site_that_waits_for_a_header_in_vain_is_found() {
    let tools = Tools::from_environment();
    let (deployment, _sites) = with_two(&tools, false);
    let verdict = up_once(&tools, &deployment, &[]);
    assert_eq!(verdict.code, 14, "{}", verdict.talk);
    assert_eq!(verdict.status("tcp-sites"), "fail");
    let detail = verdict.failure("tcp-sites");
    assert!(
        detail.contains("`shop.example` does not reach `shop`"),
        "{detail}"
    );
}
