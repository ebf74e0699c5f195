//! A command that sees files where they will be before they are there: in a mount namespace of its own, in which `/etc`
//! has them, and `/run` and `/var/log` are copies without contents. What it writes goes with it.

use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;

use crate::error::HostError;

/// A machine as it will be.
#[derive(Debug)]
pub(crate) struct Rehearsal {
    folder: TempDir,
}

/// What is put over the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Props<'a> {
    /// Files: path, bytes, mode.
    pub(crate) files: Vec<(&'a str, &'a [u8], u32)>,
    /// Folders that will be there.
    pub(crate) folders: Vec<&'a str>,
    /// Files that will be gone.
    pub(crate) gone: Vec<&'a str>,
}

impl Rehearsal {
    /// Writes the files into a folder that nobody else can enter; the machine itself stays as it is.
    pub(crate) fn of(props: &Props<'_>) -> Result<Self, HostError> {
        let made = || -> io::Result<TempDir> {
            let folder = tempfile::Builder::new()
                .prefix("opsctl-rehearsal-")
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir()?;
            for name in ["tree", "machine"] {
                std::fs::create_dir(folder.path().join(name))?;
            }
            let tree = folder.path().join("tree");
            for path in &props.folders {
                std::fs::create_dir_all(below(&tree, path))?;
            }
            for (path, bytes, mode) in &props.files {
                let path = below(&tree, path);
                if let Some(above) = path.parent() {
                    std::fs::create_dir_all(above)?;
                }
                let mut file = std::fs::OpenOptions::new()
                    .create_new(true)
                    .write(true)
                    .mode(*mode)
                    .open(path)?;
                io::Write::write_all(&mut file, bytes)?;
            }
            let mut gone = props.gone.join("\n");
            gone.push('\n');
            let mut list = std::fs::File::create(folder.path().join("gone"))?;
            io::Write::write_all(&mut list, gone.as_bytes())?;
            Ok(folder)
        };
        let folder = made().map_err(HostError::on("write", "a rehearsal"))?;
        Ok(Self { folder })
    }

    /// Runs a program on the machine as it will be.
    ///
    /// # Errors
    /// When the namespace cannot be made, as in a container without the right to mount: [`is_unavailable`] tells.
    pub(crate) async fn run(&self, program: &Path, words: &[&str]) -> Result<Output, HostError> {
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                SCRIPT,
                "sh",
            ])
            .arg(self.folder.path())
            .arg(program)
            .args(words)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
            .and_then(|output| output)
            .map_err(HostError::on("run", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !said.contains(READY) {
            let cause = format!("no namespace of our own: {}", said.trim());
            return Err(HostError::on("rehearse", program.display())(
                io::Error::new(io::ErrorKind::Unsupported, cause),
            ));
        }
        Ok(output)
    }
}

/// Whether nothing can be rehearsed here.
pub(crate) fn is_unavailable(error: &HostError) -> bool {
    error.source.kind() == io::ErrorKind::Unsupported
        || error.source.kind() == io::ErrorKind::NotFound
}

/// What a command wrote to standard error, without our own line.
pub(crate) fn complaints(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.replacen(READY, "", 1).trim().to_owned()
}

fn below(tree: &Path, path: &str) -> PathBuf {
    super::files::below(tree, path)
}

/// Copies of `/etc` with the files in it, of `/var/log` without its texts, and of `/run` with its folders as they are but
/// for those that will be made, so that a socket is bound in none that is in use. All of it is in memory and private.
const SCRIPT: &str = r#"
set -e
folder=$1; shift
machine=$folder/machine
mount -t tmpfs -o mode=0755 opsctl "$machine"
cp -a /etc "$machine/etc"
mkdir "$machine/run" "$machine/log"
[ ! -d "$folder/tree/etc" ] || cp -a "$folder/tree/etc/." "$machine/etc/"
while IFS= read -r path; do [ -z "$path" ] || rm -f -- "$machine$path"; done < "$folder/gone"
cp -a --attributes-only /var/log/. "$machine/log/"
for entry in /run/* /run/.[!.]*; do
    name=${entry#/run/}
    if [ -L "$entry" ] || [ ! -d "$entry" ]; then
        cp -a "$entry" "$machine/run/" 2>/dev/null || :
    elif [ ! -d "$folder/tree/run/$name" ]; then
        mkdir "$machine/run/$name"
        mount --rbind "$entry" "$machine/run/$name"
    fi
done
[ ! -d "$folder/tree/run" ] || cp -a "$folder/tree/run/." "$machine/run/"
mount --bind "$machine/etc" /etc
mount --bind "$machine/log" /var/log
mount --rbind "$machine/run" /run
echo 'opsctl: the namespace is ready' >&2
exec "$@"
"#;
const READY: &str = "opsctl: the namespace is ready\n";
/// `nginx -t` waits for DNS; 30 s is longer than its resolver's retries, and the copies take a moment.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_sees_what_will_be_and_leaves_no_trace() {
        let props = Props {
            files: vec![("/etc/opsctl-test/a", b"new\n", 0o644)],
            folders: vec!["/run/opsctl-test"],
            gone: vec!["/etc/passwd"],
        };
        let rehearsal = Rehearsal::of(&props).expect("written");
        let script = "cat /etc/opsctl-test/a; ls /etc/passwd; touch /run/opsctl-test/x /var/log/opsctl-test; exit 3";
        let ran = rehearsal.run(Path::new("/bin/sh"), &["-c", script]).await;
        let output = match ran {
            // a desk without the right to mount; CI has it
            Err(error) if is_unavailable(&error) && !crate::host::is_root() => return,
            ran => ran.expect("it runs"),
        };
        assert_eq!(output.status.code(), Some(3), "{}", complaints(&output));
        assert_eq!(output.stdout, b"new\n");
        assert!(complaints(&output).contains("/etc/passwd"));
        for path in [
            "/etc/opsctl-test",
            "/run/opsctl-test",
            "/var/log/opsctl-test",
        ] {
            assert!(!Path::new(path).exists(), "{path}");
        }
        assert!(Path::new("/etc/passwd").exists());
    }
}
