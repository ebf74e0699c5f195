//! The servers, each started as its own documentation says, on one core and without a log of requests.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use probe::{Ask, Connect, Scheme, Target};
use serde_json::Value;
use tempfile::TempDir;

use super::configs::{self, Files};
use super::deployments::{Edge, Home};
use super::load::{self, Goal, Trust, Version};
use super::place::Places;
use crate::Fault;
use crate::gateway::contender::Running;
use crate::gateway::peers::free;
use crate::gateway::tree::Tree;
use crate::origin::write;

/// Where a server listens: without TLS, and with it over TCP and UDP.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
    /// That of the server behind it, where it passes something on.
    pub(crate) behind: u16,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// A short text.
    Text,
    /// A stream that ends after some events.
    Events,
    /// A stream that says one thing and is silent.
    Silence,
}

/// One kind of server that can be started any number of times.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    pub(crate) name: String,
    kind: Kind,
    command: Vec<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Origin,
    Bare,
    Nginx,
    Caddy,
    Granian,
    Uvicorn,
    Hypercorn,
    /// `opsctl`, and NGINX and the origin below it.
    Deployment(Edge),
}

impl Contender {
    /// By its name in `peers`.
    pub(crate) fn new(name: &str, version: &str, command: &Value) -> Result<Self, Fault> {
        let kind = match name {
            "origin" => Kind::Origin,
            "bare hyper" => Kind::Bare,
            "NGINX" => Kind::Nginx,
            "Caddy" => Kind::Caddy,
            "granian" => Kind::Granian,
            "uvicorn" => Kind::Uvicorn,
            "Hypercorn" => Kind::Hypercorn,
            other => return Err(format!("no way is known to start `{other}`").into()),
        };
        let words = command.as_array().into_iter().flatten();
        Ok(Self {
            name: format!("{name} {version}").trim_end().to_owned(),
            kind,
            command: words.filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }

    /// The whole deployment; `command` is `opsctl up` with the programs it is to run.
    pub(crate) fn deployment(edge: Edge, command: Vec<String>) -> Self {
        Self {
            name: edge.name().to_owned(),
            kind: Kind::Deployment(edge),
            command,
        }
    }

    pub(crate) fn is_origin(&self) -> bool {
        self.kind == Kind::Origin
    }

    /// Whether it can answer this over this version.
    pub(crate) fn can(&self, version: Version, asked: Asked) -> bool {
        let tls = version == Version::Http1Tls;
        let speaks = match self.kind {
            Kind::Uvicorn => matches!(version, Version::Http1 | Version::Http1Tls),
            Kind::Granian | Kind::Bare => version != Version::Http3,
            Kind::Deployment(Edge::Kernel) => version == Version::Http3,
            Kind::Deployment(_) => version != Version::Http1,
            _ => true,
        };
        // HTTP/1.1 with TLS is for whole deployments, and for the memory of silent streams
        let whole = matches!(self.kind, Kind::Deployment(_));
        let answers = match (self.kind, asked) {
            (Kind::Nginx | Kind::Caddy, Asked::Events) => false,
            (_, Asked::Text | Asked::Events) => whole || !tls,
            (_, Asked::Silence) => !whole,
        };
        speaks && answers
    }

    /// Whether other servers should be measured before it.
    pub(crate) fn is_slow(&self) -> bool {
        self.kind == Kind::Hypercorn
    }

    fn path(&self, asked: Asked) -> &'static str {
        match (self.kind, asked) {
            (Kind::Origin | Kind::Deployment(_), Asked::Text) => "/tools",
            (Kind::Origin | Kind::Deployment(_), Asked::Events) => "/mcp/stream-demo?interval_ms=0",
            (Kind::Origin | Kind::Deployment(_), Asked::Silence) => {
                "/mcp/sse?interval_ms=60000&count=3600"
            }
            (_, Asked::Text) => "/text",
            (_, Asked::Events) => "/events",
            (_, Asked::Silence) => "/silence",
        }
    }
}

/// What every server is given.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) places: Places,
    pub(crate) trust: Trust,
    /// The program that the proxies pass on to.
    pub(crate) bare: String,
    /// What is answered; what the origin answers, once that is known.
    pub(crate) text: String,
}

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server and waits until it answers over every version that it speaks.
    pub(crate) async fn start(&self, contender: &Contender) -> Result<Serving, Fault> {
        let ports = Ports {
            plain: free()?,
            tls: free()?,
            behind: free()?,
        };
        let mut serving = match contender.kind {
            Kind::Deployment(edge) => self.deploy(contender, edge, ports).await?,
            _ => self.spawn(contender, ports)?,
        };
        let end = Instant::now() + START;
        for version in Version::ALL {
            let asked = if contender.can(version, Asked::Text) {
                Asked::Text
            } else {
                Asked::Silence
            };
            while contender.can(version, asked) {
                let goal = serving.goal(version, asked);
                let answered =
                    tokio::time::timeout(Duration::from_secs(2), load::once(&goal, asked));
                match answered.await.unwrap_or_else(|late| Err(late.into())) {
                    Ok(()) => break,
                    Err(fault) if Instant::now() > end || serving.has_ended()? => {
                        let (name, word) = (&contender.name, version.word());
                        return Err(format!("{name} does not serve over {word}: {fault}").into());
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
        Ok(serving)
    }

    fn spawn(&self, contender: &Contender, ports: Ports) -> Result<Serving, Fault> {
        let mut processes = Vec::new();
        for command in self.commands(contender, ports)? {
            processes.push(self.places.on_server_core(|| Running::start(command))?);
        }
        let trees = processes.iter();
        let trees = trees.map(|one| Tree::new(vec![one.id()], Path::new("")));
        let trees = trees.collect();
        if matches!(contender.kind, Kind::Nginx | Kind::Caddy) {
            let behind = self.bare(&self.bare, (ports.behind, free()?));
            processes.push(self.places.on_server_core(|| Running::start(behind))?);
        }
        Ok(Serving {
            contender: contender.clone(),
            trees,
            edge: None,
            processes,
            ports,
            trust: self.trust.clone(),
        })
    }

    /// What `opsctl up` starts.
    async fn deploy(
        &self,
        contender: &Contender,
        edge: Edge,
        ports: Ports,
    ) -> Result<Serving, Fault> {
        let home = Home::make(self.folder.path())?;
        let spec = home.path("deploy.toml");
        write(&spec, &edge.spec(ports, &self.path("one_tool.py"))?)?;
        let (program, more) = contender.command.split_first().ok_or("no command")?;
        let mut command = Command::new(program);
        command.args(more).arg("--dir").arg(home.path("up"));
        command.arg("--spec").arg(&spec).args(["--format", "json"]);
        let said = fs::File::create(home.said())?;
        let start = || Running::start_into(command, said);
        let mut opsctl = self.places.on_server_core(start)?;
        let trust = home.trust(&mut opsctl).await?;
        Ok(Serving {
            contender: contender.clone(),
            trees: vec![Tree::new(vec![opsctl.id()], Path::new(""))],
            edge: Some(Tree::new(vec![opsctl.id()], Path::new("origin"))),
            processes: vec![opsctl],
            ports,
            trust,
        })
    }

    /// The least that hyper can be, on two ports.
    fn bare(&self, program: &str, (plain, tls): (u16, u16)) -> Command {
        let mut command = Command::new(program);
        command.args([plain.to_string(), tls.to_string()]);
        command.args(["cert.pem", "key.pem", "text"].map(|name| self.path(name)));
        command.arg(EVENTS.to_string());
        command
    }

    fn commands(&self, contender: &Contender, ports: Ports) -> Result<Vec<Command>, Fault> {
        let (certificate, key) = (self.path("cert.pem"), self.path("key.pem"));
        let files = Files {
            certificate: &certificate,
            key: &key,
            text: &self.text,
        };
        let (program, first) = contender.command.split_first().ok_or("no command")?;
        let new = || {
            let mut command = Command::new(program);
            command.args(first).current_dir(self.folder.path());
            command
                .env("BENCH_TEXT", self.path("text"))
                .env("BENCH_EVENTS", EVENTS.to_string());
            command
        };
        let (address, plain) = (format!("127.0.0.1:{}", ports.tls), ports.plain.to_string());
        let tls = ports.tls.to_string();
        let mut command = new();
        match contender.kind {
            Kind::Origin => {
                let config = self.path("origin.toml");
                write(
                    &config,
                    &configs::origin(ports, &files, &self.path("one_tool.py")),
                )?;
                command.arg("--config").arg(config);
            }
            Kind::Bare => command = self.bare(program, (ports.plain, ports.tls)),
            Kind::Nginx => {
                let (config, folder) = (self.path("nginx.conf"), self.folder.path());
                write(&config, &configs::nginx(ports, &files, folder))?;
                command.arg("-c").arg(&config).arg("-p").arg(folder);
                command.arg("-e").arg(self.path("error.log"));
            }
            Kind::Caddy => {
                let config = self.path("caddy.json");
                write(&config, &configs::caddy(ports, &files).to_string())?;
                command.args(["run", "--config"]).arg(&config);
            }
            Kind::Granian => {
                let mut secure = new();
                for (command, port) in [(&mut command, &plain), (&mut secure, &tls)] {
                    command.args(["--interface", "asgi", "--host", "127.0.0.1", "--port", port]);
                    command.args(["--workers", "1", "--loop", "uvloop", "app:app"]);
                }
                secure.arg("--ssl-certificate").arg(&certificate);
                secure.arg("--ssl-keyfile").arg(&key);
                return Ok(vec![command, secure]);
            }
            Kind::Uvicorn => {
                let mut secure = new();
                for (command, port) in [(&mut command, &plain), (&mut secure, &tls)] {
                    command.args(["--host", "127.0.0.1", "--port", port, "--no-access-log"]);
                    command.args(["--loop", "uvloop", "--http", "httptools", "app:app"]);
                }
                secure.arg("--ssl-certfile").arg(&certificate);
                secure.arg("--ssl-keyfile").arg(&key);
                return Ok(vec![command, secure]);
            }
            Kind::Hypercorn => {
                command.args(["--bind", &address, "--quic-bind", &address]);
                command.args(["--insecure-bind", &format!("127.0.0.1:{plain}")]);
                command.args(["--worker-class", "uvloop", "--workers", "1"]);
                command
                    .arg("--certfile")
                    .arg(&certificate)
                    .arg("--keyfile")
                    .arg(&key)
                    .arg("app:app");
            }
            Kind::Deployment(_) => return Err("`opsctl up` starts a deployment".into()),
        }
        Ok(vec![command])
    }
}

/// A server that runs; it ends with this value.
pub(crate) struct Serving {
    pub(crate) contender: Contender,
    processes: Vec<Running>,
    trees: Vec<Tree>,
    /// All but the origin, where there is more.
    edge: Option<Tree>,
    ports: Ports,
    trust: Trust,
}

impl Serving {
    pub(crate) fn goal(&self, version: Version, asked: Asked) -> Goal {
        Goal {
            version,
            port: match version {
                Version::Http1 => self.ports.plain,
                _ => self.ports.tls,
            },
            path: self.contender.path(asked).to_owned(),
            trust: self.trust.clone(),
        }
    }

    /// What it answers.
    pub(crate) async fn text(&self) -> Result<String, Fault> {
        let port = self.ports.plain;
        let target = Target::new(Scheme::Http, "127.0.0.1", port)
            .with_connect(Connect::Address((Ipv4Addr::LOCALHOST, port).into()));
        let path = self.contender.path(Asked::Text);
        let answer = probe::fetch(&target, probe::Version::Http1, Ask::get(path)).await?;
        Ok(String::from_utf8(answer.body.to_vec())?)
    }

    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        self.trees.iter().map(Tree::cpu).sum()
    }

    /// What of that is not the origin's, where there is more than one program.
    pub(crate) fn edge_cpu(&self) -> Result<Option<Duration>, Fault> {
        self.edge.as_ref().map(Tree::cpu).transpose()
    }

    /// Bytes.
    pub(crate) fn memory(&self) -> Result<f64, Fault> {
        self.trees.iter().map(Tree::memory).sum()
    }

    fn has_ended(&mut self) -> Result<bool, Fault> {
        for process in &mut self.processes {
            if process.has_ended()? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Puts what the servers read into the folder: the certificate, the text, and what Python runs.
pub(crate) fn furnish(folder: &Path, certificate: &str, key: &str) -> Result<(), Fault> {
    write(&folder.join("cert.pem"), certificate)?;
    write(&folder.join("key.pem"), key)?;
    write(&folder.join("app.py"), include_str!("../../servers/app.py"))?;
    write(
        &folder.join("one_tool.py"),
        include_str!("../../servers/one_tool.py"),
    )?;
    Ok(fs::create_dir_all(folder.join("t1"))?)
}

/// As many as the origin's token stream has.
const EVENTS: usize = 69;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(30);
