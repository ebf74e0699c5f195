//! The origin with the fixtures behind it, by itself or below `opsctl up`.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::failure::Failure;
use crate::files;
use crate::repository::Repository;

/// How long a program may take until it serves: opsctl's verification takes most of it.
const START: Duration = Duration::from_mins(1);
/// How often a program that starts is asked.
const PAUSE: Duration = Duration::from_millis(50);
/// What the origin prints, in the folder.
const LOG: &str = "origin.log";

/// A folder that is removed with this value.
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Below the system's temporary folder: NGINX's workers have to reach the sockets in it.
pub(crate) fn scratch() -> Result<Scratch, Failure> {
    let path = env::temp_dir().join(format!("mcp-conformance-{}", std::process::id()));
    files::remove_tree(&path)?;
    files::create_folder(&path)?;
    Ok(Scratch { path })
}

/// A program; asked to end, and waited for, with this value.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let started = command.spawn();
        started.map(Self).map_err(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            Failure::new(format!("cannot start `{program}`")).because(error)
        })
    }

    fn has_ended(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // a plain kill would leave opsctl's children behind
        signal("-TERM", &self.0.id().to_string());
        let _ = self.0.wait();
    }
}

/// What the suite is sent to.
pub(crate) struct Served {
    url: String,
    _processes: Vec<Process>,
}

impl Served {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The origin on a free port.
pub(crate) fn direct(repository: &Repository, folder: &Path) -> Result<Served, Failure> {
    let programs = repository.programs()?;
    let port = free_port()?;
    let bind = format!("bind = [\"127.0.0.1:{port}\"]\n");
    let mut origin = origin(&programs, folder, &bind)?;
    ready(&mut origin, port, folder)?;
    Ok(Served {
        url: format!("http://127.0.0.1:{port}/mcp"),
        _processes: vec![origin],
    })
}

/// The origin, and before it a program of the tests that speaks HTTP/1.1 with the suite and nothing but HTTP/3 with the origin.
pub(crate) fn over_http3(repository: &Repository, folder: &Path) -> Result<Served, Failure> {
    let programs = repository.programs()?;
    let quic = free_port()?;
    let mut command = Command::new(programs.join("over-http3"));
    command.arg(folder).arg(quic.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut before = Process::start(&mut command)?;
    // it has made the certificate when it says where it is
    let mut url = String::new();
    if let Some(stdout) = before.0.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut url);
    }
    let url = url.trim();
    let port = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port = port.ok_or_else(|| Failure::new("`over-http3` does not say where it is"))?;
    let folder_name = folder.display();
    let listeners = format!(
        "bind = [\"127.0.0.1:{quic}\"]\nquic_bind = [\"127.0.0.1:{quic}\"]\ncertfile = \"{folder_name}/cert.pem\"\n\
         keyfile = \"{folder_name}/key.pem\"\nquic = {{ key_file = \"{folder_name}/quic.key\" }}\n"
    );
    let mut origin = origin(&programs, folder, &listeners)?;
    ready(&mut origin, port, folder)?;
    Ok(Served {
        url: format!("{url}/mcp"),
        _processes: vec![before, origin],
    })
}

/// An origin with these listeners and the fixtures behind it.
fn origin(programs: &Path, folder: &Path, listeners: &str) -> Result<Process, Failure> {
    let config = folder.join("origin.toml");
    let head = format!("name = \"conformance\"\n{listeners}tool_names = \"plain\"\n");
    files::replace(&config, &format!("{head}{}", server(programs)))?;
    let mut command = Command::new(programs.join("origin"));
    command.arg("--config").arg(&config);
    let log = folder.join(LOG);
    let out = fs::File::create(&log).map_err(|error| Failure::at("create", &log, error))?;
    command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::inherit());
    Process::start(&mut command)
}

/// Waits until it answers there.
fn ready(origin: &mut Process, port: u16, folder: &Path) -> Result<(), Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let end = Instant::now() + START;
    while !answers(address, "/readyz") {
        if origin.has_ended() || Instant::now() > end {
            let log = files::read(&folder.join(LOG)).unwrap_or_default();
            return Err(Failure::new(format!("the origin does not serve:\n{log}")));
        }
        pause();
    }
    Ok(())
}

/// `opsctl up`: NGINX before the origin, with one listener more.
///
/// Two scenarios of the suite speak no TLS, whatever the URL says, and a third sends a foreign name as SNI. So the server
/// of the deployment gets a listener in clear on loopback, the way an operator would add one: by a snippet and a reload.
pub(crate) fn through_nginx(
    repository: &Repository,
    folder: &Path,
    nginx: &Path,
) -> Result<Served, Failure> {
    let programs = repository.programs()?;
    let (https, http, plain) = (free_port()?, free_port()?, free_port()?);
    let spec = folder.join("deploy.toml");
    let head = format!(
        "name = \"conformance\"\nserver_names = [\"localhost\"]\n\
         [edge]\nlisten = [\"127.0.0.1\"]\nhttps_port = {https}\nhttp_port = {http}\n\
         [tls]\nself_signed = true\n[origin]\ntool_names = \"plain\"\n"
    );
    files::replace(&spec, &format!("{head}{}", server(&programs)))?;
    let dir = folder.join("up");
    let mut command = Command::new(programs.join("opsctl"));
    command.arg("--spec").arg(&spec).args(["--format", "json"]);
    command
        .arg("up")
        .arg("--dir")
        .arg(&dir)
        .arg("--nginx")
        .arg(nginx);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut opsctl = Process::start(&mut command)?;
    // the verification is printed when all of it is up; what fails in it may be what the suite is about to name
    let mut said = String::new();
    if let Some(stdout) = opsctl.0.stdout.take() {
        let mut lines = BufReader::new(stdout);
        while serde_json::from_str::<serde_json::Value>(&said).is_err() {
            let read = lines.read_line(&mut said).unwrap_or(0);
            if read == 0 {
                return Err(
                    Failure::new(format!("`opsctl up` ended:\n{said}")).or_try("cargo xtask demo")
                );
            }
        }
    }
    let snippet = dir.join("nginx/conformance/snippets/server/plain.conf");
    files::replace(&snippet, &format!("listen 127.0.0.1:{plain};\n"))?;
    let master = files::read(&dir.join("run/nginx.pid"))?;
    signal("-HUP", master.trim());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, plain));
    let end = Instant::now() + START;
    while !answers(address, "/healthz") {
        if Instant::now() > end {
            let log = files::read(&dir.join("log/nginx.error.log")).unwrap_or_default();
            return Err(Failure::new(format!(
                "NGINX has no listener in clear:\n{log}"
            )));
        }
        pause();
    }
    Ok(Served {
        url: format!("http://localhost:{plain}/mcp"),
        _processes: vec![opsctl],
    })
}

/// The fixtures, in a process of its own for each session: they ask their client back.
fn server(programs: &Path) -> String {
    let fixtures = programs.join("mcp-fixtures");
    let fixtures = toml::Value::from(fixtures.to_string_lossy().into_owned());
    format!("[[servers]]\nname = \"fixtures\"\ncommand = [{fixtures}]\nprocess = \"per-session\"\n")
}

fn signal(name: &str, process: &str) {
    let _ = Command::new("kill").args([name, process]).status();
}

/// A GET over HTTP/1.1 says 200.
fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, PAUSE)?;
        stream.set_read_timeout(Some(START))?;
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer.starts_with(b"HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

/// Free over TCP and over UDP: HTTP/3 needs the same number there.
fn free_port() -> Result<u16, Failure> {
    for _ in 0..100 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| Failure::new("loopback has no free port").because(error))?
            .port();
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Failure::new("no port is free for both TCP and UDP"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program is no server and has no runtime: a pause between two looks"
)]
fn pause() {
    thread::sleep(PAUSE);
}
