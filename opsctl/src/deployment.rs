//! A deployment that runs in the foreground: its folder, its origins and its NGINX, all of which end with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::checks::ask::fetch;
use deploy::Deployment;
use findings::Finding;
use probe::{Ask, Target, Version};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::checks;
use crate::error::{CommandError, HostError};
use crate::exit::Exit;
use crate::host::files::{make_folder, tail};
use crate::host::process::{Orphans, Service, Start};
use crate::host::{accounts, is_root};
use crate::nginx::Nginx;

/// The folder of a deployment.
#[derive(Debug)]
pub(crate) enum Home {
    /// One that the person named: it stays.
    Kept(PathBuf),
    /// A fresh one: it goes with the deployment.
    Temporary(TempDir),
}

impl Home {
    /// The named folder, which is made only when something is to be put into it, or a fresh one below the system's temporary
    /// folder.
    pub(crate) fn choose(named: Option<&Path>, name: &str) -> Result<Self, CommandError> {
        let Some(folder) = named else {
            let prefix: String = name.chars().take(PREFIX).collect();
            let made = tempfile::Builder::new()
                .prefix(&format!("{prefix}-"))
                .tempdir();
            let made = made.map_err(HostError::on(
                "make a folder in",
                std::env::temp_dir().display(),
            ))?;
            enter_by_group(made.path())?;
            return Ok(Self::Temporary(made));
        };
        let folder =
            std::path::absolute(folder).map_err(HostError::on("find", folder.display()))?;
        Ok(Self::Kept(folder))
    }

    /// Makes the named folder where it is missing.
    fn make(&self) -> Result<(), CommandError> {
        let folder = self.path();
        if !folder.exists() {
            make_folder(folder, 0o700, (None, None))?;
            enter_by_group(folder)?;
        }
        Ok(())
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// NGINX's workers give up root: they get to the sockets through the folder's group, and nobody else does.
fn enter_by_group(folder: &Path) -> Result<(), HostError> {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    let Some((_, group)) = worker_group().filter(|_| is_root()) else {
        return Ok(());
    };
    chown(folder, None, Some(group))
        .and_then(|()| std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o710)))
        .map_err(HostError::on("open to NGINX's workers", folder.display()))
}

/// The group of the user `nobody`: Debian calls it `nogroup`, others `nobody`.
pub(crate) fn worker_group() -> Option<(&'static str, u32)> {
    accounts::first_group(&["nogroup", "nobody"])
}

/// What runs. Fields end in their order: NGINX first, so that nobody meets an edge without an origin; the folder last.
#[derive(Debug)]
pub(crate) struct Running {
    nginx: Option<Service>,
    origins: Vec<Service>,
    stop_timeout: Duration,
    _orphans: Orphans,
    home: Home,
}

impl Running {
    /// Nothing runs yet.
    pub(crate) fn new(home: Home) -> Self {
        Self {
            nginx: None,
            origins: Vec::new(),
            stop_timeout: Duration::ZERO,
            _orphans: Orphans::adopt(),
            home,
        }
    }

    /// Makes the folder where it is missing.
    pub(crate) fn make_home(&self) -> Result<(), CommandError> {
        self.home.make()
    }

    /// Starts the origin of every site and waits until each is ready.
    pub(crate) async fn start_origins(
        &mut self,
        deployment: &Deployment,
    ) -> Result<(), CommandError> {
        for site in &deployment.sites {
            let name = format!("the origin of `{}`", site.name);
            let log = deployment
                .paths
                .log
                .as_path()
                .join(format!("{}-origin.log", site.name));
            self.stop_timeout = self.stop_timeout.max(site.origin.graceful_timeout);
            self.origins.push(Service::start(&Start {
                name: &name,
                program: site.origin_executable.as_path(),
                arguments: vec!["--config".to_owned(), site.origin_toml_path.to_string()],
                log: &log,
            })?);
        }
        for (site, service) in deployment.sites.iter().zip(&mut self.origins) {
            let Some(bind) = site.origin.admin_bind.first().or(site.origin.bind.first()) else {
                continue;
            };
            let longest = site
                .origin
                .servers
                .iter()
                .map(|server| server.start_timeout)
                .max();
            let at_most = longest.unwrap_or_default() + ORIGIN_START;
            let target = checks::admin(bind).with_timeout(ANSWER);
            wait(service, at_most, async || is_ready(&target).await).await?;
        }
        Ok(())
    }

    /// Starts NGINX and waits until it names the generation.
    pub(crate) async fn start_nginx(
        &mut self,
        nginx: &Nginx,
        deployment: &Deployment,
    ) -> Result<(), CommandError> {
        let log = deployment.edge.error_log.as_path();
        let service = Service::start(&Start {
            name: "NGINX",
            program: &nginx.program,
            arguments: nginx_arguments(deployment, &["-g", "daemon off;"]),
            log,
        })?;
        let service = self.nginx.insert(service);
        let edge = checks::edge_aim(deployment, Err(String::new()));
        let expected = deployment.edge.generation.as_str();
        wait(service, NGINX_START, async || {
            checks::generation(&edge)
                .await
                .is_ok_and(|named| named == expected)
        })
        .await
    }

    /// Waits until something that should run does not, and says so.
    pub(crate) async fn watch(&mut self) -> CommandError {
        loop {
            let services = self.nginx.iter_mut().chain(&mut self.origins);
            for service in services {
                if service.ended().is_some() {
                    return died(service);
                }
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Ends everything in order: NGINX may finish what it does, then is told to stop; the origins drain.
    pub(crate) async fn stop(&mut self) {
        if let Some(nginx) = &mut self.nginx {
            nginx.signal(Signal::QUIT);
            if !nginx.wait(NGINX_QUIT).await {
                nginx.signal(Signal::TERM);
                nginx.wait(NGINX_TERM).await;
            }
        }
        self.nginx = None;
        for origin in &self.origins {
            origin.signal(Signal::TERM);
        }
        let deadline = Instant::now() + self.stop_timeout + NGINX_TERM;
        for origin in &mut self.origins {
            origin
                .wait(deadline.saturating_duration_since(Instant::now()))
                .await;
        }
        self.origins.clear();
    }
}

/// The arguments that make NGINX take this deployment's own configuration and error log.
pub(crate) fn nginx_arguments(deployment: &Deployment, more: &[&str]) -> Vec<String> {
    let own = [
        "-e",
        deployment.edge.error_log.as_str(),
        "-c",
        deployment.paths.nginx_conf.as_str(),
    ];
    own.iter().chain(more).map(ToString::to_string).collect()
}

async fn is_ready(target: &Target) -> bool {
    let answer = fetch(target, Version::Http1, Ask::get("/readyz")).await;
    answer.is_ok_and(|answer| answer.head.status == http::StatusCode::OK)
}

/// Waits for a fact about a service that has to go on running meanwhile.
async fn wait(
    service: &mut Service,
    at_most: Duration,
    fact: impl AsyncFn() -> bool,
) -> Result<(), CommandError> {
    let start = Instant::now();
    loop {
        if fact().await {
            return Ok(());
        }
        if service.ended().is_some() {
            return Err(died(service));
        }
        if start.elapsed() > at_most {
            let message = format!(
                "{} was not ready after {} s",
                service.name,
                at_most.as_secs()
            );
            return Err(with_tail(Finding::error("up.not-ready", message), service));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn died(service: &mut Service) -> CommandError {
    let how = service
        .ended()
        .map(|status| status.to_string())
        .unwrap_or_default();
    let message = format!("{} ended: {how}", service.name);
    with_tail(Finding::error("up.died", message), service)
}

/// The finding with the end of the service's log, which says more than we know.
fn with_tail(finding: Finding, service: &Service) -> CommandError {
    let lines = tail(&service.log, TAIL);
    let in_use = lines
        .iter()
        .any(|line| line.contains("Address already in use"));
    let exit = if in_use {
        Exit::Prerequisite
    } else {
        Exit::Verify
    };
    let said = lines.join("\n");
    let hint = if said.is_empty() {
        "it wrote nothing".to_owned()
    } else {
        format!(
            "its last lines were:\n{}",
            crate::ui::printable_lines(&said)
        )
    };
    CommandError::finding(exit, finding).hint(hint)
}

/// 16 characters of the name and 7 more keep Unix socket paths well under their limit.
const PREFIX: usize = 16;
const PAUSE: Duration = Duration::from_millis(30);
/// Soon enough for a person; four wake-ups a second cost nothing.
const WATCH: Duration = Duration::from_millis(250);
/// What an origin needs besides its servers: it reads one file and binds two sockets.
const ORIGIN_START: Duration = Duration::from_secs(10);
/// A local answer; `/readyz` waits for nothing.
const ANSWER: Duration = Duration::from_secs(2);
/// NGINX tries to bind five times, half a second apart, before it gives up.
const NGINX_START: Duration = Duration::from_secs(10);
/// systemd's unit of Debian's NGINX gives it the same 5 s to quit.
const NGINX_QUIT: Duration = Duration::from_secs(5);
const NGINX_TERM: Duration = Duration::from_secs(2);
/// Lines of a log to show: a Python traceback fits.
const TAIL: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_folder_is_private_and_goes_away() {
        use std::os::unix::fs::PermissionsExt as _;

        let home = Home::choose(None, "a-very-long-deployment-name").expect("made");
        let path = home.path().to_owned();
        let mode = path.metadata().expect("there").permissions().mode() & 0o777;
        assert!([0o700, 0o710].contains(&mode), "{mode:o}");
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn a_named_folder_is_made_when_it_is_needed_and_stays() {
        let above = tempfile::tempdir().expect("a folder");
        let path = above.path().join("x");
        let home = Home::choose(Some(&path), "x").expect("chosen");
        assert!(!path.exists());
        home.make().expect("made");
        drop(home);
        assert!(path.is_dir());
    }
}
