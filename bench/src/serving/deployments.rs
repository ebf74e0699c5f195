//! The whole deployment as `opsctl up` renders and starts it: NGINX and the origin together, with the logs that they write.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use super::contenders::Ports;
use super::load::Trust;
use super::trust;
use crate::Fault;
use crate::gateway::contender::Running;
use crate::gateway::peers::free;
use crate::origin::write;

/// How clients reach the origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Edge {
    /// NGINX ends TLS and QUIC.
    Termination,
    /// NGINX passes TCP and UDP on.
    Stream,
    /// NGINX passes TCP on, and UDP is the origin's.
    Kernel,
}

impl Edge {
    pub(crate) const ALL: [Self; 3] = [Self::Termination, Self::Stream, Self::Kernel];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Termination => "h3-termination",
            Self::Stream => "stream-passthrough",
            Self::Kernel => "stream-passthrough, udp = \"kernel\"",
        }
    }

    /// The spec: every default but the ports, and what is asked for passed on.
    pub(crate) fn spec(self, ports: Ports, server: &Path) -> Result<String, Fault> {
        let Ports { plain, tls, .. } = ports;
        let (topology, udp) = match self {
            Self::Termination => ("h3-termination", ""),
            Self::Stream => ("stream-passthrough", ""),
            Self::Kernel => ("stream-passthrough", "udp = \"kernel\"\n"),
        };
        let mut spec = format!(
            "name = \"bench\"\ntopology = \"{topology}\"\nserver_names = [\"localhost\"]\n\
             [edge]\nlisten = [\"127.0.0.1\"]\nhttps_port = {tls}\nhttp_port = {plain}\n\
             expose = [\"healthz\", \"tools\"]\n{udp}\
             [tls]\nself_signed = true\n"
        );
        if self == Self::Stream {
            write!(spec, "[origin]\nquic_bind = [\"127.0.0.1:{}\"]\n", free()?)?;
        }
        let server = server.display().to_string();
        write!(
            spec,
            "[[servers]]\nname = \"s\"\ncommand = [\"python3\", {server:?}]\n"
        )?;
        Ok(spec)
    }
}

/// A folder below the bench's own in which a deployment comes up.
pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// A new one each time, because `opsctl up` leaves its files there.
    pub(crate) fn make(bench: &Path) -> Result<Self, Fault> {
        let folder = tempfile::Builder::new()
            .prefix("up-")
            .tempdir_in(bench)?
            .keep();
        // NGINX's workers are somebody else, and have to pass
        for path in [bench, &folder] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { folder })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What `opsctl up` prints, which is one document when everything is up and was looked at.
    pub(crate) fn said(&self) -> PathBuf {
        self.path("said.json")
    }

    /// Waits until it is up; whom its clients trust.
    pub(crate) async fn trust(&self, opsctl: &mut Running) -> Result<Trust, Fault> {
        let end = Instant::now() + COMING_UP;
        loop {
            let said = fs::read_to_string(self.said()).unwrap_or_default();
            if serde_json::from_str::<Value>(&said).is_ok() {
                let certificate = CertificateDer::from_pem_file(self.path("up/tls/ca.pem"))?;
                return trust(&certificate);
            }
            if Instant::now() > end || opsctl.has_ended()? {
                return Err(format!("`opsctl up` does not come up: {said}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A program that is NGINX of another Debian, which needs its own loader and libraries, and says where its modules are as if
/// that Debian were `/`.
pub(crate) fn nginx_script(path: &Path, command: &[&str], root: &str) -> Result<(), Fault> {
    let run: Vec<String> = command.iter().map(|word| format!("'{word}'")).collect();
    let run = run.join(" ");
    let modules = format!("s#--modules-path=/#--modules-path={root}/#");
    write(
        path,
        &format!(
            "#!/bin/sh\n[ \"$*\" = -V ] || exec {run} \"$@\"\n{run} -V 2>&1 | sed '{modules}' >&2\n"
        ),
    )?;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// `opsctl up` verifies before it says that it is up, with the waits that some of its checks have.
const COMING_UP: Duration = Duration::from_mins(1);
