//! `opsctl up`: the whole deployment in the foreground on this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ::probe::Trust;
use deploy::words::{AbsolutePath, ServerName};
use deploy::{Deployment, Layout, PrivateLayout, Rendered, WorkerUser, render};
use findings::{Finding, Report};

use super::verify::{exit_of, of_deployment, show};
use super::{origin_program, output, read_roots, templates};
use crate::checks::{self, Access, Verification};
use crate::cli::{Format, Up};
use crate::deployment::{Home, Running, nginx_arguments, worker_group};
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::signals::Signals;
use crate::host::{self, tree};
use crate::nginx::{self, Nginx, Places};
use crate::prerequisites::{self, Ports};
use crate::spec::{SpecFile, resolve};
use crate::ui::Ui;
use crate::{certificate, ui};

/// Brings everything up, verifies, and holds it until told to end. Whatever way this ends, nothing goes on running.
pub(crate) async fn run(arguments: Up, spec: &Path, ui: &mut Ui) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen()?;
    let prepared = tokio::select! {
        prepared = prepare(&arguments, spec, ui) => prepared?,
        name = signals.next() => return Err(interrupted(name)),
    };
    let (mut plan, home) = prepared;
    let mut running = Running::new(home);
    let ended = tokio::select! {
        verification = bring_up(&mut plan, &mut running, ui) => match verification {
            Ok(verification) => Ok(verification),
            Err(error) => Err(error),
        },
        name = signals.next() => Err(interrupted(name)),
    };
    let result = match ended {
        Err(error) => Err(error),
        Ok(verification) if arguments.once => Ok(exit_of(&verification)),
        Ok(verification) => {
            ui.say("up; Ctrl-C ends it");
            tokio::select! {
                error = running.watch() => Err(error),
                _ = signals.next() => Ok(exit_of(&verification)),
            }
        }
    };
    ui.step("stopping");
    running.stop().await;
    result
}

/// Everything that was decided before anything runs.
struct Plan {
    deployment: Deployment,
    rendered: Rendered,
    nginx: Nginx,
    authority: PathBuf,
    /// Nobody else begins to listen there while this one prepares.
    ports: Ports,
}

/// Finds all that can be found wrong before the first file is written, then chooses the folder.
async fn prepare(arguments: &Up, spec: &Path, ui: &mut Ui) -> Result<(Plan, Home), CommandError> {
    ui.step("reading the spec");
    let file = SpecFile::read(spec)?;
    let parsed = file.parse()?;
    let templates = templates(arguments.templates.as_deref())?;
    ui.step("looking for NGINX");
    let nginx = nginx::discover(&Places::of_environment(arguments.nginx.clone())).await?;
    let origin = origin_program(arguments.origin.as_deref())?;
    let home = Home::choose(arguments.dir.as_deref(), parsed.0.name.value.as_str())?;
    let worker_user = worker_user();
    let root = word(home.path())?;
    let worker = worker_user
        .as_ref()
        .map(|worker| (worker.user.as_str(), worker.group.as_str()));
    if let Some(fault) = prerequisites::fault_of_folder(home.path(), worker) {
        return Err(fault.into());
    }
    let layout = Layout::Private(PrivateLayout {
        root,
        worker_user,
        origin_executable: word(&origin)?,
    });
    let deployment = resolve(&file, parsed, nginx.target.clone(), layout, ui)?;
    let faults = certificate::check_given(&deployment, &file);
    if faults.has_errors() {
        return Err(CommandError::found(Exit::Spec, faults));
    }
    let mut missing = prerequisites::check_commands(&deployment, &file);
    let (ports, taken) = prerequisites::hold_ports(&deployment, &file);
    missing.append(taken);
    if missing.has_errors() {
        return Err(CommandError::found(Exit::Prerequisite, missing));
    }
    let rendered = render(&deployment, &templates)
        .map_err(|error| CommandError::new(Exit::Rejected, error))?;
    let plan = Plan {
        authority: home.path().join("tls/ca.pem"),
        deployment,
        rendered,
        nginx,
        ports,
    };
    Ok((plan, home))
}

async fn bring_up(
    plan: &mut Plan,
    running: &mut Running,
    ui: &mut Ui,
) -> Result<Verification, CommandError> {
    let mut ports = std::mem::take(&mut plan.ports);
    let plan = &*plan;
    let deployment = &plan.deployment;
    running.make_home()?;
    clear_socket(deployment).await?;
    ui.step("writing the files");
    tree::write(&plan.rendered, Path::new("/"))?;
    certificate::make(deployment, &plan.authority, host::now())
        .map_err(|error| CommandError::new(Exit::Unexpected, error))?;
    ui.step("testing the configuration");
    let test = (
        plan.nginx.program.clone(),
        nginx_arguments(deployment, &["-t"]),
    );
    let tested = nginx::test(&test.0, &test.1).await?;
    if !tested.ok {
        let mut report = Report::new();
        for message in &tested.messages {
            report.push(with_line(nginx::finding(message), &plan.rendered));
        }
        return Err(CommandError::found(Exit::Rejected, report));
    }
    ui.step("starting the origin and its servers");
    ports.origins.clear();
    running.start_origins(deployment).await?;
    ui.step("starting NGINX");
    ports.edge.clear();
    running.start_nginx(&plan.nginx, deployment).await?;
    ui.step("verifying");
    let access = Access {
        connect: None,
        trust: trust(plan)?,
        handshakes: HANDSHAKES,
        settling: false,
        key: None,
    };
    let verification = of_deployment(deployment, &access, Ok(test)).await;
    show(&verification, ui)?;
    if ui.format() == Format::Human {
        let text = directions(plan, ui.paint_out());
        output(ui.data(text))?;
    }
    Ok(verification)
}

/// The finding with the rendered line that it is about: the file itself may be gone when a person reads it.
fn with_line(finding: Finding, rendered: &Rendered) -> Finding {
    let file = rendered
        .files
        .iter()
        .find(|file| Some(&file.path) == finding.file.as_ref());
    let line = file
        .zip(finding.line)
        .and_then(|(file, line)| file.contents.lines().nth(line.checked_sub(1)?));
    match line {
        Some(line) => finding.hint(format!("the line is `{}`", line.trim())),
        None => finding,
    }
}

/// The authority that was made, beside the system's for certificates that were given.
fn trust(plan: &Plan) -> Result<Trust, CommandError> {
    if plan.authority.exists() {
        return read_roots(&plan.authority).map(Trust::Roots);
    }
    Ok(Trust::System)
}

fn word(path: &Path) -> Result<AbsolutePath, CommandError> {
    let text = path.display().to_string();
    text.parse().map_err(|error| {
        let finding = Finding::error("host.path", format!("`{text}` {error}"));
        CommandError::from(finding.hint("`--dir DIR` names another folder"))
    })
}

/// As root NGINX's workers become `nobody`; without root they are who we are.
fn worker_user() -> Option<WorkerUser> {
    let (group, _) = worker_group().filter(|_| host::is_root())?;
    Some(WorkerUser {
        user: "nobody".parse().ok()?,
        group: group.parse().ok()?,
    })
}

/// A deployment that is up in the same folder is left alone; the sockets of one that was killed are taken away, because NGINX
/// would take them for somebody else's.
async fn clear_socket(deployment: &Deployment) -> Result<(), CommandError> {
    let socket = deployment.edge.socket.as_path();
    if socket.exists()
        && checks::generation(&checks::edge_aim(deployment, Err(String::new())))
            .await
            .is_ok()
    {
        let message = format!("a deployment is up already behind `{}`", socket.display());
        return Err(Finding::error("host.in-use", message)
            .hint("end it, or name another `--dir`")
            .into());
    }
    for socket in deployment.edge.sockets().map(AbsolutePath::as_path) {
        if socket.exists() {
            std::fs::remove_file(socket).map_err(HostError::on("remove", socket.display()))?;
        }
    }
    Ok(())
}

/// What a person does next: the URLs, one line to try, whom to trust, what an MCP client wants to be told.
fn directions(plan: &Plan, paint: ui::Paint) -> String {
    let deployment = &plan.deployment;
    let port = deployment.edge.public_https_port.number();
    let mut text = String::from("\n");
    let mut servers = serde_json::Map::new();
    for site in &deployment.sites {
        for name in &site.server_names {
            let _ = writeln!(
                text,
                "{} https://{}:{port}/mcp",
                paint.bold("URL"),
                name.example()
            );
        }
        if let Some(name) = site.server_names.first() {
            let url = format!("https://{}:{port}/mcp", name.example());
            servers.insert(
                site.name.to_string(),
                serde_json::json!({"type": "http", "url": url}),
            );
        }
    }
    let ca = plan
        .authority
        .exists()
        .then(|| plan.authority.display().to_string());
    if let (Some(name), Some(address)) = (
        deployment
            .sites
            .first()
            .and_then(|site| site.server_names.first())
            .map(ServerName::example),
        deployment.edge.https.first(),
    ) {
        let trusted = ca
            .as_ref()
            .map(|ca| format!(" --cacert {ca}"))
            .unwrap_or_default();
        // resolvers may know `localhost` by IPv4 alone, and curl takes no address that means all of them
        let address = checks::reachable(*address);
        let way = if name == "localhost" && address.is_ipv4() && address.port() == port {
            String::new()
        } else {
            format!(" --connect-to {name}:{port}:{address}")
        };
        let _ = write!(
            text,
            "\n{}\n  curl -N{trusted}{way} 'https://{name}:{port}/mcp/sse?count=5'\n",
            paint.bold("events, one a second")
        );
    }
    if let Some(ca) = ca {
        let _ = write!(
            text,
            "\n{}\n  export SSL_CERT_FILE={ca} NODE_EXTRA_CA_CERTS={ca}\n",
            paint.bold("for clients that have to trust the certificate")
        );
    }
    let configuration = serde_json::json!({"mcpServers": servers});
    let _ = write!(
        text,
        "\n{}\n  {configuration}\n\n",
        paint.bold("for the configuration of an MCP client")
    );
    text
}

fn interrupted(signal: &str) -> CommandError {
    CommandError::new(
        Exit::Unexpected,
        format!("ended by {signal} before it was up"),
    )
}

/// As `verify` makes them by default.
const HANDSHAKES: usize = 20;
