//! Debian 13 and Debian testing as folders to chroot into or to boot: their own NGINX, and a curl with HTTP/3.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::{files, process};

/// Names the mirror where the machine's own apt sources name none of Debian's.
const MIRROR_VARIABLE: &str = "DEBIAN_MIRROR";
const MMDEBSTRAP: &[Package] = &[Package {
    name: "mmdebstrap",
    brings: Brings::Program("mmdebstrap"),
}];

/// A Debian to have as a folder.
#[derive(Debug)]
pub(crate) struct Root {
    suite: &'static str,
    packages: &'static [&'static str],
}

/// Debian 13: NGINX 1.26, systemd to judge the units and to boot, an ACME server with its client, a judge of packages, a
/// clock that can be set for one program, and a client of HTTP/3.
pub(crate) const TRIXIE: Root = Root {
    suite: "trixie",
    packages: &[
        "nginx",
        "libnginx-mod-stream",
        "curl",
        "ca-certificates",
        "openssl",
        "systemd",
        "systemd-sysv",
        "dbus",
        "iproute2",
        "procps",
        "certbot",
        "pebble",
        "lintian",
        "faketime",
        "ngtcp2-client",
    ],
};

/// Debian testing: NGINX 1.30 or later; the version that came is in `versions`.
pub(crate) const FORKY: Root = Root {
    suite: "forky",
    packages: &[
        "nginx",
        "libnginx-mod-stream",
        "curl",
        "ca-certificates",
        "openssl",
        "systemd",
        "systemd-sysv",
        "dbus",
        "iproute2",
        "procps",
    ],
};

/// The folder to chroot into; `versions` beside it names each package's version.
pub(crate) fn ensure(cache: &Cache, root: &Root) -> Result<PathBuf, Failure> {
    let print = files::fingerprint(root.packages.iter().copied());
    let key = format!("roots/{}-{print}", root.suite);
    let folder = cache.provide(&key, |staged| make(cache, root, staged, &cache.log(&key)))?;
    Ok(folder.join("root"))
}

/// The version of one of its packages.
pub(crate) fn version(root: &Path, package: &str) -> Result<String, Failure> {
    let versions = files::read(&root.with_file_name("versions"))?;
    let found = versions
        .lines()
        .find_map(|line| line.strip_prefix(package)?.strip_prefix(' '));
    Ok(found.unwrap_or_default().to_owned())
}

fn make(cache: &Cache, root: &Root, staged: &Path, log: &Path) -> Result<(), Failure> {
    if !apt::is_root() {
        return Err(Failure::new(format!(
            "a Debian root of {} can only be made as root",
            root.suite
        ))
        .or_try(
            "sudo -E cargo xtask tools, or run the suites that need none: cargo xtask test unit",
        ));
    }
    apt::ensure(cache, MMDEBSTRAP)?;
    let mirror = mirror()?;
    files::create_folder(staged)?;
    let tree = staged.join("root");
    let mut make = Command::new("mmdebstrap");
    make.args(["--variant=minbase", "--format=directory"]);
    make.arg(format!("--include={}", root.packages.join(",")));
    // a mirror that is kept at a date serves lists that call themselves out of date
    make.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
    make.args([root.suite.as_ref(), tree.as_os_str(), mirror.as_ref()]);
    process::logged(&mut make, log)?;
    let mut versions = Command::new("dpkg-query");
    versions.arg(format!(
        "--admindir={}",
        tree.join("var/lib/dpkg").display()
    ));
    versions
        .args(["-W", "-f", "${Package} ${Version}\\n"])
        .args(root.packages);
    files::replace(&staged.join("versions"), &process::stdout(&mut versions)?)
}

/// The mirror that the environment names, else the first of Debian's in the machine's own apt sources.
fn mirror() -> Result<String, Failure> {
    if let Ok(named) = env::var(MIRROR_VARIABLE) {
        return Ok(named);
    }
    let mut sources = vec![PathBuf::from("/etc/apt/sources.list")];
    sources.extend(files::entries(Path::new("/etc/apt/sources.list.d")).unwrap_or_default());
    sources
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|text| debian_mirror(&text))
        .ok_or_else(|| {
            Failure::new("the machine's apt sources name no mirror of Debian").or_try(format!(
                "export {MIRROR_VARIABLE}=URL of a mirror's `debian` folder"
            ))
        })
}

/// The first mirror of Debian itself in an apt source of either form; a mirror's folder is `debian`.
fn debian_mirror(text: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| {
            line.strip_prefix("URIs:")
                .or_else(|| line.strip_prefix("deb "))
        })
        .flat_map(str::split_whitespace)
        .find(|word| {
            let path = word.trim_end_matches('/');
            word.contains("://") && path.ends_with("/debian")
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_both_forms_of_apt_sources() {
        let deb822 = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n";
        let line = "# deb http://no.example/debian x\ndeb [signed-by=/k] http://mirror.example/debian/ bookworm main\n";
        assert_eq!(
            debian_mirror(deb822).as_deref(),
            Some("http://mirror.example/debian")
        );
        assert_eq!(
            debian_mirror(line).as_deref(),
            Some("http://mirror.example/debian/")
        );
    }

    #[test]
    fn sources_of_others_and_of_security_updates_are_no_mirror() {
        assert_eq!(
            debian_mirror("deb https://packages.example/apt tool main\n"),
            None
        );
        assert_eq!(
            debian_mirror("URIs: http://mirror.example/debian-security\n"),
            None
        );
    }
}
