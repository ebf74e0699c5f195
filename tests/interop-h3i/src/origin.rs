//! An origin with nothing behind it.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Fault;
use super::said::{Outcome, sound};

/// It ends with this value.
pub(crate) struct Origin {
    pub(crate) port: u16,
    child: Child,
    _folder: TempDir,
}

impl Origin {
    /// Starts one with a certificate of its own on a free port, and waits until it serves.
    pub(crate) fn start(program: &Path) -> Result<Self, Fault> {
        let folder = TempDir::with_prefix("interop-h3i-")?;
        let made = rcgen::generate_simple_self_signed(["origin.test".to_owned()])?;
        fs::write(folder.path().join("cert.pem"), made.cert.pem())?;
        fs::write(
            folder.path().join("key.pem"),
            made.signing_key.serialize_pem(),
        )?;
        let port = free_port()?;
        let path = folder.path().display();
        let config = folder.path().join("origin.toml");
        fs::write(
            &config,
            format!(
                "bind = [\"127.0.0.1:{port}\"]\nquic_bind = [\"127.0.0.1:{port}\"]\n\
                 certfile = \"{path}/cert.pem\"\nkeyfile = \"{path}/key.pem\"\naccesslog = \"\"\n\
                 allowed_hosts = [\"origin.test\"]\n\
                 quic = {{ key_file = \"{path}/quic.key\" }}\n"
            ),
        )?;
        let mut command = Command::new(program);
        command.arg("--config").arg(&config);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut origin = Self {
            port,
            child: command.spawn()?,
            _folder: folder,
        };
        let end = Instant::now() + START;
        while sound(port) != Outcome::Answer(200) {
            if Instant::now() > end || !origin.runs()? {
                return Err("the origin does not serve".into());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(origin)
    }

    pub(crate) fn runs(&mut self) -> Result<bool, Fault> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // it has nothing behind it that a plain kill would leave
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Free over TCP and over UDP.
fn free_port() -> Result<u16, Fault> {
    for _ in 0..100 {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no port is free for both TCP and UDP".into())
}

/// How long it may take until it serves.
const START: Duration = Duration::from_secs(30);
