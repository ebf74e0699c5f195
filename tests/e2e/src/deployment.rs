//! A deployment spec in a folder of its own, on ports that were free a moment ago.

use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::tools::Tools;

/// A spec file, its folder and its ports.
#[derive(Debug)]
pub struct Deployment {
    /// The folder; removed with this value.
    pub folder: TempDir,
    /// The HTTPS port, for TCP and UDP.
    pub https_port: u16,
    /// The HTTP port.
    pub http_port: u16,
}

impl Deployment {
    /// A spec on loopback with a self-signed certificate and the text of `servers` after it.
    pub fn with_servers(servers: &str) -> Self {
        Self::from_text(|https, http| format!("{}{servers}", head(https, http)))
    }

    /// The deployment of the demo: git over this repository, and time.
    pub fn with_git_and_time(tools: &Tools) -> Self {
        let repository = repository();
        let (git, time) = (
            tools.server("mcp-server-git"),
            tools.server("mcp-server-time"),
        );
        Self::with_servers(&format!(
            "[[servers]]\nname = \"git\"\ncommand = [\"{git}\", \"--repository\", \"{repository}\"]\n\
             check_tool = \"git_log\"\ncheck_arguments = {{ repo_path = \"{repository}\", max_count = 1 }}\n\
             [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
             check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n"
        ))
    }

    /// The four servers of the demo, the last at `words`: processes in Python and in Node, and one reached by URL.
    pub fn with_all_four(tools: &Tools, words: &str) -> Self {
        let repository = repository();
        let (git, time) = (
            tools.server("mcp-server-git"),
            tools.server("mcp-server-time"),
        );
        let (node, everything) = (tools.node.display(), tools.everything.display());
        Self::with_servers(&format!(
            "[[servers]]\nname = \"git\"\ncommand = [\"{git}\", \"--repository\", \"{repository}\"]\n\
             check_tool = \"git_log\"\ncheck_arguments = {{ repo_path = \"{repository}\", max_count = 1 }}\n\
             [[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
             check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n\
             [[servers]]\nname = \"everything\"\ncommand = [\"{node}\", \"{everything}\", \"stdio\"]\n\
             check_tool = \"echo\"\ncheck_arguments = {{ message = \"hello\" }}\n\
             [[servers]]\nname = \"words\"\nurl = \"{words}\"\n\
             check_tool = \"count_words\"\ncheck_arguments = {{ text = \"one two three\" }}\n"
        ))
    }

    /// One quick server: for tests about the edge.
    pub fn with_time(tools: &Tools) -> Self {
        let time = tools.server("mcp-server-time");
        Self::with_servers(&format!(
            "[[servers]]\nname = \"time\"\ncommand = [\"{time}\"]\n\
             check_tool = \"get_current_time\"\ncheck_arguments = {{ timezone = \"UTC\" }}\n"
        ))
    }

    /// The same in the topology in which NGINX passes connections on, with a UDP port of the origin's own.
    #[must_use]
    pub fn passed_on(self) -> Self {
        let (quic, _) = free_port_pair();
        let own = format!("[origin]\nquic_bind = [\"127.0.0.1:{quic}\"]\n");
        self.changed(&[
            ("h3-termination", "stream-passthrough"),
            ("[origin]\n", &own),
        ])
    }

    /// The same in that topology, with the public UDP sockets left to the origin.
    #[must_use]
    pub fn passed_on_by_the_kernel(self) -> Self {
        let kernel = "[edge]\nudp = \"kernel\"\n";
        self.changed(&[
            ("h3-termination", "stream-passthrough"),
            ("[edge]\n", kernel),
        ])
    }

    fn changed(self, changes: &[(&str, &str)]) -> Self {
        let mut spec = std::fs::read_to_string(self.spec()).expect("our own file");
        for (find, replace) in changes {
            spec = spec.replace(find, replace);
        }
        self.write("deploy.toml", &spec);
        self
    }

    /// Everything that the protocol has, under the server's own names.
    pub fn with_fixtures(tools: &Tools) -> Self {
        Self::with_servers(&format!(
            "tool_names = \"plain\"\n{}",
            fixtures(&tools.fixtures)
        ))
    }

    /// The same with an origin that waits two seconds for a client that does not read.
    pub fn with_impatient_fixtures(tools: &Tools) -> Self {
        Self::with_servers(&format!(
            "tool_names = \"plain\"\n[origin.timeouts]\nwrite_stall = \"2s\"\n{}",
            fixtures(&tools.fixtures)
        ))
    }

    /// A spec with any text, made from the two ports.
    pub fn from_text(text: impl FnOnce(u16, u16) -> String) -> Self {
        let folder = TempDir::with_prefix("e2e-").expect("a temporary folder");
        let (https_port, http_port) = free_port_pair();
        let deployment = Self {
            folder,
            https_port,
            http_port,
        };
        deployment.write("deploy.toml", &text(https_port, http_port));
        deployment
    }

    /// The spec file.
    pub fn spec(&self) -> PathBuf {
        self.folder.path().join("deploy.toml")
    }

    /// Writes a file into the folder and returns its path.
    #[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the test's folder is writable");
        path
    }

    /// A copy of the NGINX templates in which `find` is replaced by `replace` in every file; at least one must change.
    pub fn broken_templates(&self, find: &str, replace: &str) -> PathBuf {
        let copy = self.folder.path().join("templates");
        std::fs::create_dir_all(&copy).expect("the test's folder is writable");
        let mut changed = 0;
        for entry in std::fs::read_dir(Path::new(&repository()).join("nginx/templates"))
            .expect("the templates")
        {
            let entry = entry.expect("a template");
            let text = std::fs::read_to_string(entry.path()).expect("a text");
            changed += text.matches(find).count();
            let name = format!("templates/{}", entry.file_name().to_string_lossy());
            self.write(&name, &text.replace(find, replace));
        }
        assert!(changed > 0, "no template has `{find}`");
        copy
    }
}

/// The fixtures, in a process of its own for each session: they ask their client back.
pub(crate) fn fixtures(program: &Path) -> String {
    format!(
        "[[servers]]\nname = \"fixtures\"\ncommand = [\"{}\"]\n\
         process = \"per-session\"\ncheck_tool = \"test_simple_text\"\n",
        program.display()
    )
}

/// The root of this repository.
pub(crate) fn repository() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .parent()
        .and_then(Path::parent)
        .expect("tests/e2e is two below the root");
    root.display().to_string()
}

/// Two ports that are free for TCP and UDP on loopback.
pub fn free_port_pair() -> (u16, u16) {
    let (first, tcp, udp) = free_port();
    let (second, _, _) = free_port();
    drop((tcp, udp));
    (first, second)
}

fn free_port() -> (u16, TcpListener, UdpSocket) {
    for _ in 0..100 {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let port = tcp.local_addr().expect("it is bound").port();
        if let Ok(udp) = UdpSocket::bind(("127.0.0.1", port)) {
            return (port, tcp, udp);
        }
    }
    panic!("no port is free for both TCP and UDP");
}

fn head(https: u16, http: u16) -> String {
    format!(
        "name = \"demo\"\ntopology = \"h3-termination\"\nserver_names = [\"localhost\"]\n\
         [edge]\nlisten = [\"127.0.0.1\"]\nhttps_port = {https}\nhttp_port = {http}\n\
         [tls]\nself_signed = true\n[origin]\nstream_keep_alive = \"2s\"\n"
    )
}
