//! `opsctl import nginx`: a hand-written edge of some style becomes a deployment that verifies, and answers as before.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use e2e::{Deployment, Running, Tools, Verdict};
use probe::{Answer, Ask, Version, fetch, mcp};
use serde_json::Map;
use tempfile::TempDir;

/// An MCP server over HTTP that nobody supervises.
struct Server {
    child: Child,
    /// Its address, as `127.0.0.1:PORT`.
    address: String,
}

impl Server {
    fn start(tools: &Tools) -> Self {
        let program = tools.fixtures.with_file_name("fixtures-http");
        let mut command = Command::new(program);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        lines.read_line(&mut line).expect("its URL");
        let address = line.trim().trim_start_matches("http://");
        let address = address.trim_end_matches("/mcp").to_owned();
        Self { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An old edge: its configuration, and the names of its files.
struct Edge {
    folder: TempDir,
    deployment: Deployment,
    import: Verdict,
    _server: Server,
}

impl Edge {
    /// Imports a configuration in which words in `@` stand for the ports, the server and the folder.
    fn import(tools: &Tools, conf: &str) -> Self {
        let folder = TempDir::with_prefix("e2e-import-").expect("a folder");
        let server = Server::start(tools);
        std::fs::create_dir(folder.path().join("logs")).expect("our own folder");
        write_certificate(folder.path());
        let mut import = None;
        let deployment = Deployment::from_text(|https, http| {
            let text = conf
                .replace("@HTTPS@", &https.to_string())
                .replace("@HTTP@", &http.to_string())
                .replace("@SERVER@", &server.address)
                .replace("@FOLDER@", &folder.path().display().to_string());
            write(folder.path(), "nginx.conf", &text);
            is_a_configuration(tools, folder.path());
            let mut command = Command::new(&tools.opsctl);
            command.args([
                "--format", "json", "import", "nginx", "--name", "old", "--out",
            ]);
            command
                .arg(folder.path().join("new"))
                .arg(folder.path().join("nginx.conf"));
            let said = Verdict::of(&mut command);
            assert_eq!(said.code, 0, "{:#}\n{}", said.json, said.talk);
            import = Some(said);
            std::fs::read_to_string(folder.path().join("new/deploy.toml")).expect("a spec")
        });
        Self {
            folder,
            deployment,
            import: import.expect("it was imported"),
            _server: server,
        }
    }

    /// Brings the new edge up with the snippets in their places.
    fn run(&self, tools: &Tools) -> Running {
        let snippets = self.folder.path().join("new/etc/nginx/old/snippets");
        let certificate = self.folder.path().join("cert.pem");
        let running = Running::start_prepared(tools, &self.deployment, |command, dir| {
            command.env("SSL_CERT_FILE", &certificate);
            copy(&snippets, &dir.join("nginx/old/snippets"));
        });
        assert_eq!(running.verdict["ok"], true, "{:#}", running.verdict);
        running
    }

    /// The directives of which a person is told that nothing does the same.
    fn lost(&self) -> Vec<&str> {
        let changes = self.import.json["changes"].as_array().expect("changes");
        let lost = changes
            .iter()
            .filter(|change| change["needs_a_look"] == true);
        lost.filter_map(|change| change["was"].as_str()).collect()
    }
}

fn is_a_configuration(tools: &Tools, folder: &Path) {
    let mut nginx = Command::new(&tools.nginx_1_28);
    nginx
        .arg("-t")
        .arg("-p")
        .arg(folder)
        .args(["-e", "stderr", "-c"]);
    let output = nginx
        .arg(folder.join("nginx.conf"))
        .output()
        .expect("nginx starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn write_certificate(folder: &Path) {
    let names = ["localhost", "mcp.localhost"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    write(folder, "cert.pem", &made.cert.pem());
    write(folder, "key.pem", &made.signing_key.serialize_pem());
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let (own, target) = (entry.path(), to.join(entry.file_name()));
        if own.is_dir() {
            copy(&own, &target);
        } else {
            std::fs::create_dir_all(to).expect("the test's own folder");
            std::fs::copy(&own, &target).expect("the test's own folder");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the test's folder is writable");
    path
}

fn ask(running: &Running, host: &str, ask: Ask) -> Answer {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let target = running.target_at(host);
    let answer = runtime.block_on(Box::pin(fetch(&target, Version::Http3, ask)));
    answer.expect("an answer")
}

/// The answer to a call of the fixture's simplest tool.
fn call(running: &Running, host: &str, path: &str, tool: &str) -> String {
    let answer = ask(running, host, mcp::tools_call(path, 7, tool, Map::new()));
    String::from_utf8_lossy(&answer.body).into_owned()
}

const TEMPORARY: &str = "client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;";

#[test]
fn a_site_with_a_redirect_and_certbots_lines_goes_on_as_a_deployment() {
    let tools = Tools::from_environment();
    let edge = Edge::import(
        &tools,
        &format!(
            "events {{}}\nhttp {{ {TEMPORARY}\nserver {{
    server_name localhost;
    location /mcp {{
        proxy_pass http://@SERVER@;
        proxy_http_version 1.1;
        proxy_set_header Connection '';
        proxy_set_header Host $host;
        proxy_buffering off;
        proxy_cache off;
        proxy_read_timeout 120s;
    }}
    location / {{ return 200 'home'; }}
    listen 127.0.0.1:@HTTPS@ ssl; # managed by Certbot
    ssl_certificate @FOLDER@/cert.pem; # managed by Certbot
    ssl_certificate_key @FOLDER@/key.pem; # managed by Certbot
}}
server {{
    listen 127.0.0.1:@HTTP@;
    server_name localhost;
    if ($host = localhost) {{ return 301 https://$host$request_uri; }} # managed by Certbot
    return 404;
}}\n}}\n"
        ),
    );
    assert_eq!(edge.lost(), [""; 0]);
    let running = edge.run(&tools);
    assert!(call(&running, "localhost", "/mcp", "test_simple_text").contains("\"content\""));
    let home = ask(&running, "localhost", Ask::get("/anything"));
    assert_eq!(String::from_utf8_lossy(&home.body), "home");
}

#[test]
fn a_server_below_its_own_path_keeps_that_path_and_its_lock() {
    let tools = Tools::from_environment();
    let edge = Edge::import(
        &tools,
        &format!(
            "events {{}}\nhttp {{ {TEMPORARY}
map $http_x_team $team {{ default ''; blue blue; }}
limit_req_zone $team zone=teams:1m rate=50r/s;
upstream tools_backend {{ server @SERVER@; keepalive 8; }}
server {{
    listen 127.0.0.1:@HTTPS@ ssl;
    listen 127.0.0.1:@HTTPS@ quic reuseport;
    server_name localhost;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    add_header Alt-Svc 'h3=\":@HTTPS@\"';
    location = /tools/mcp {{
        proxy_pass http://tools_backend/mcp;
        limit_req zone=teams burst=20;
    }}
    location = /status {{ default_type text/plain; return 200 fine; }}
}}\n}}\n"
        ),
    );
    let running = edge.run(&tools);
    for path in ["/tools/mcp", "/tools/mcp/", "/mcp"] {
        assert!(
            call(&running, "localhost", path, "test_simple_text").contains("\"content\""),
            "{path}"
        );
    }
    let status = ask(&running, "localhost", Ask::get("/status"));
    assert_eq!(String::from_utf8_lossy(&status.body), "fine");
    let rendered =
        std::fs::read_to_string(running.dir.join("nginx/old/snippets/mcp/imported.conf"));
    assert!(
        rendered
            .expect("it was kept")
            .contains("limit_req zone=teams burst=20;")
    );
}

#[test]
fn a_host_for_mcp_alone_with_one_location_for_everything_goes_on() {
    let tools = Tools::from_environment();
    let edge = Edge::import(
        &tools,
        &format!(
            "worker_processes 1;\nevents {{ worker_connections 512; }}\nhttp {{ {TEMPORARY}
gzip on;
server {{
    listen 127.0.0.1:@HTTPS@ ssl default_server;
    server_name mcp.localhost;
    ssl_certificate     cert.pem;
    ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 8m;
    add_header X-Frame-Options DENY always;
    location / {{
        proxy_pass http://@SERVER@/;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
}}\n}}\n"
        ),
    );
    let spec = std::fs::read_to_string(edge.deployment.spec()).expect("a spec");
    assert!(
        spec.contains("max_body_size = \"8MiB\"") && spec.contains("http_port = 0"),
        "{spec}"
    );
    let running = edge.run(&tools);
    assert!(call(&running, "mcp.localhost", "/mcp", "test_simple_text").contains("\"content\""));
    // what is not MCP goes where it went
    let other = ask(&running, "mcp.localhost", Ask::get("/elsewhere"));
    assert_eq!(other.head.status, 404);
}
