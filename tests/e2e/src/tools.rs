//! The programs that the tests run; `cargo xtask tools` provides them and names them in the environment.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths of all tools.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The built `opsctl`.
    pub opsctl: PathBuf,
    /// The built `origin`.
    pub origin: PathBuf,
    /// NGINX 1.28, built from its source.
    pub nginx_1_28: PathBuf,
    /// The NGINX that the machine's own Debian packages: 1.22 on Debian 12.
    pub nginx_own: PathBuf,
    /// A Debian 13 root with NGINX 1.26, curl with HTTP/3 and systemd.
    pub root_trixie: PathBuf,
    /// A Debian testing root with NGINX 1.30 or later and curl with HTTP/3.
    pub root_forky: PathBuf,
    /// The folder of `mcp-server-git` and `mcp-server-time`.
    pub servers_bin: PathBuf,
    /// A Python with the `mcp` client package.
    pub clients_python: PathBuf,
    /// A Python with the `fastmcp` client package.
    pub fastmcp_python: PathBuf,
    /// A Python with the `mcp` package of the revisions up to 2025-11-25.
    pub mcp1_python: PathBuf,
    /// A Python with the `aioquic` package, a client of HTTP/3.
    pub aioquic_python: PathBuf,
    /// The folder of FalkorDB's server and module.
    pub falkordb: PathBuf,
    /// Node.
    pub node: PathBuf,
    /// MCP Inspector, for Node to run.
    pub inspector: PathBuf,
    /// The reference server of MCP, for Node to run.
    pub everything: PathBuf,
    /// The program that tours an endpoint with rmcp's client.
    pub rmcp: PathBuf,
    /// The MCP server with every fixture of the conformance suite.
    pub fixtures: PathBuf,
    /// NGINX configuration of Debian's packages, a folder each.
    pub confs: PathBuf,
    /// The folder of `mypy`, `ruff` and `shellcheck`.
    pub checkers_bin: PathBuf,
    /// Chromium.
    pub chromium: PathBuf,
    /// A Python with Hypercorn.
    pub hypercorn_python: PathBuf,
}

/// One of the NGINX builds that every rendering must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NginxBuild {
    /// Debian 13's own.
    Debian13,
    /// Built from the source that the crate registry carries.
    Source,
    /// Debian testing's own.
    DebianTesting,
}

impl NginxBuild {
    /// All builds.
    pub const ALL: [Self; 3] = [Self::Debian13, Self::Source, Self::DebianTesting];
}

impl Tools {
    /// Reads the environment.
    ///
    /// # Panics
    /// When a variable is missing: the message names the command that sets it.
    pub fn from_environment() -> Self {
        Self {
            opsctl: path("E2E_OPSCTL"),
            origin: path("E2E_ORIGIN"),
            nginx_1_28: path("E2E_NGINX_1_28"),
            nginx_own: path("E2E_NGINX_OWN"),
            root_trixie: path("E2E_ROOT_TRIXIE"),
            root_forky: path("E2E_ROOT_FORKY"),
            servers_bin: path("E2E_SERVERS_BIN"),
            clients_python: path("E2E_CLIENTS_PYTHON"),
            fastmcp_python: path("E2E_FASTMCP_PYTHON"),
            mcp1_python: path("E2E_MCP1_PYTHON"),
            aioquic_python: path("E2E_AIOQUIC_PYTHON"),
            falkordb: path("E2E_FALKORDB"),
            node: path("E2E_NODE"),
            inspector: path("E2E_INSPECTOR"),
            everything: path("E2E_EVERYTHING"),
            rmcp: path("E2E_RMCP"),
            fixtures: path("E2E_FIXTURES"),
            confs: path("E2E_CONFS"),
            checkers_bin: path("E2E_CHECKERS_BIN"),
            chromium: path("E2E_CHROMIUM"),
            hypercorn_python: path("E2E_HYPERCORN_PYTHON"),
        }
    }

    /// A server program of the private Python environment.
    pub fn server(&self, name: &str) -> String {
        self.servers_bin.join(name).display().to_string()
    }

    /// A script of this folder's `servers`.
    pub fn script(name: &str) -> String {
        format!("{}/servers/{name}", env!("CARGO_MANIFEST_DIR"))
    }

    /// An executable that runs this build on the test machine itself. The builds inside Debian roots are started by
    /// their own loader with their own libraries, from a small script put into `folder`.
    pub fn nginx(&self, build: NginxBuild, folder: &Path) -> PathBuf {
        let root = match build {
            NginxBuild::Source => return self.nginx_1_28.clone(),
            NginxBuild::Debian13 => &self.root_trixie,
            NginxBuild::DebianTesting => &self.root_forky,
        };
        let script = folder.join(format!("nginx-{build:?}"));
        let root = root.display();
        // what `-V` says of modules is said of the root as if it were `/`
        let run = format!(
            "{root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu \
             {root}/usr/sbin/nginx"
        );
        let text = format!(
            "#!/bin/sh\nif [ \"$*\" = -V ]; then\n\
             {run} -V 2>&1 | sed 's#--modules-path=/#--modules-path={root}/#' >&2\nelse\nexec {run} \"$@\"\nfi\n"
        );
        write_executable(&script, &text);
        script
    }

    /// `curl` with HTTP/3, run inside the Debian 13 root; `ca` is copied where it can be read there.
    pub fn curl_with_http3(&self, ca: &Path) -> Command {
        let name = format!(
            "tmp/e2e-{}-{}",
            std::process::id(),
            ca.to_string_lossy().replace('/', "-")
        );
        std::fs::copy(ca, self.root_trixie.join(&name)).expect("the root is writable");
        let mut command = Command::new("chroot");
        command.arg(&self.root_trixie).arg("curl").args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
        ]);
        command.arg("--cacert").arg(format!("/{name}"));
        command
    }
}

fn path(variable: &str) -> PathBuf {
    let value = env::var_os(variable).unwrap_or_else(|| {
        panic!("`{variable}` is not set; run `cargo xtask test e2e`, or `eval \"$(cargo xtask tools --env)\"` first")
    });
    let path = PathBuf::from(value);
    assert!(
        path.exists(),
        "`{variable}` names `{}`, which does not exist",
        path.display()
    );
    path
}

#[expect(
    clippy::disallowed_methods,
    reason = "a script of the test's own folder"
)]
fn write_executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("the test's folder is writable");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
}
