//! What the operating system has to bring: installed on Debian and Ubuntu as root, else named.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::cache::Cache;
use crate::failure::Failure;
use crate::{process, talk};

/// A Debian package and how to see that what it brings is there, from whatever source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) brings: Brings,
}

/// What a package brings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Brings {
    Program(&'static str),
    File(&'static str),
    PythonModule(&'static str),
}

impl Brings {
    fn present(self) -> bool {
        match self {
            Self::Program(name) => process::on_path(name).is_some(),
            Self::File(path) => Path::new(path).exists(),
            Self::PythonModule(name) => {
                let mut import = Command::new("python3");
                import.args(["-c", &format!("import {name}")]);
                process::output(&mut import).is_ok_and(|(status, _)| status.success())
            }
        }
    }
}

/// Makes sure that all `packages` are there, and says by which line where it may not install them itself.
pub(crate) fn ensure(cache: &Cache, packages: &[Package]) -> Result<(), Failure> {
    let missing = missing(packages, Brings::present);
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    let lacking = || Failure::new(format!("missing on this machine: {}", missing.join(", ")));
    if !is_debian(&fs::read_to_string("/etc/os-release").unwrap_or_default()) {
        return Err(lacking().or_try(format!(
            "install what Debian gets by `{line}` with this system's own package tool"
        )));
    }
    if !is_root() {
        return Err(lacking().or_try(format!("sudo {line}")));
    }
    talk::progress(format_args!("installing {} by apt", missing.join(", ")));
    let log = cache.log("apt");
    // a foreign source that does not answer must not stop what the others have: the install judges
    let _ = process::logged(apt_get().arg("update"), &log);
    process::logged(
        apt_get()
            .args(["install", "-y", "--no-install-recommends"])
            .args(&missing),
        &log,
    )?;
    match self::missing(packages, Brings::present).as_slice() {
        [] => Ok(()),
        still => Err(
            Failure::new(format!("installed and still missing: {}", still.join(", ")))
                .or_try(format!("read {}", log.display())),
        ),
    }
}

/// Whether this process may install packages and make Debian roots.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// `apt-get`, asking nothing.
pub(crate) fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    // another apt may be at work: wait for it up to five minutes
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn missing(packages: &[Package], present: impl Fn(Brings) -> bool) -> Vec<&'static str> {
    packages
        .iter()
        .filter(|package| !present(package.brings))
        .map(|package| package.name)
        .collect()
}

/// Whether an `/etc/os-release` is Debian's or that of a child of Debian.
fn is_debian(os_release: &str) -> bool {
    os_release.lines().any(|line| match line.split_once('=') {
        Some(("ID" | "ID_LIKE", value)) => value
            .trim_matches('"')
            .split_whitespace()
            .any(|id| id == "debian" || id == "ubuntu"),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_children_are_known() {
        assert!(is_debian("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(is_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\nHOME_URL=https://debian.example\n"));
    }

    #[test]
    fn only_what_is_missing_is_named() {
        let packages = [
            Package {
                name: "make",
                brings: Brings::Program("make"),
            },
            Package {
                name: "zlib1g-dev",
                brings: Brings::File("/usr/include/zlib.h"),
            },
        ];
        let no_files = |brings| !matches!(brings, Brings::File(_));
        assert_eq!(missing(&packages, no_files), ["zlib1g-dev"]);
    }
}
