//! A desk to work at: a folder of its own, in which the real program runs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A spec without findings. Its ports are not used by the tests that do not bring it up.
pub(crate) const VALID: &str = "name = \"demo\"\n\
    topology = \"h3-termination\"\n\
    server_names = [\"localhost\"]\n\
    [edge]\n\
    listen = [\"127.0.0.1\"]\n\
    https_port = 28443\n\
    http_port = 0\n\
    [tls]\n\
    self_signed = true\n\
    [[servers]]\n\
    name = \"cat\"\n\
    command = [\"cat\"]\n";

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) talk: String,
}

impl Said {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The folder, and one for temporary files, so that what is left in it is seen.
pub(crate) struct Desk {
    folder: TempDir,
    temporary: TempDir,
    /// What it remembers of the programs that it asked.
    cache: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let made = || TempDir::with_prefix("it-").expect("a temporary folder");
        Self {
            folder: made(),
            temporary: made(),
            cache: made(),
        }
    }

    pub(crate) fn with_valid_spec() -> Self {
        let desk = Self::new();
        desk.write("deploy.toml", VALID);
        desk
    }

    /// Runs the program to its end.
    pub(crate) fn opsctl(&self, arguments: &[&str]) -> Said {
        self.opsctl_with(arguments, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn opsctl_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opsctl"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .env("TMPDIR", self.temporary.path())
            .env("XDG_CACHE_HOME", self.cache.path())
            .env_remove("OPSCTL_NGINX")
            .envs(environment.iter().copied());
        let output = command.output().expect("the program starts");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            talk: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own folder")]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("writable");
        std::fs::write(path, text).expect("writable");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a text file")
    }

    pub(crate) fn make_executable(&self, name: &str) {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.path(name), mode).expect("our own file");
    }

    /// The names in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// The names of what the program left among its temporary files.
    pub(crate) fn temporary(&self) -> Vec<String> {
        names(self.temporary.path())
    }

    /// A script that says it is an NGINX with HTTP/3, and is content with every configuration.
    pub(crate) fn fake_nginx(&self) -> String {
        self.nginx(":")
    }

    /// The same, that rejects every configuration with these words.
    pub(crate) fn nginx_that_says(&self, words: &str) -> String {
        self.nginx(&format!("echo '{words}' >&2; exit 1"))
    }

    fn nginx(&self, test: &str) -> String {
        self.write(
            "nginx",
            &format!(
                "#!/bin/sh\nif [ \"$1\" = -V ]; then\n\
                 echo 'nginx version: nginx/1.30.7' >&2\n\
                 echo 'configure arguments: --with-http_v3_module --with-stream' >&2\nelse {test}; fi\n"
            ),
        );
        self.make_executable("nginx");
        self.path("nginx").display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
