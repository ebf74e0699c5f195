//! What Debian's packages bring: NGINX configuration that nobody here wrote, as examples and for their own services, and the
//! NGINX of the machine's own release.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;
use crate::cache::Cache;
use crate::failure::Failure;
use crate::{files, process, talk};

/// Small packages whose configuration names no other product's server than NGINX.
const PACKAGES: &[&str] = &[
    "acmetool",
    "bepasty",
    "fcgiwrap",
    "gunicorn-examples",
    "json2file-go",
    "kea-doc",
    "lacme",
    "ldap-account-manager",
    "lemonldap-ng-handler",
    "libdd-opentracing0",
    "liblemonldap-ng-manager-perl",
    "liblemonldap-ng-portal-perl",
    "munin",
    "pcp",
    "phpsysinfo",
    "radicale",
    "redmine",
    "rss-bridge",
    "sisu",
    "sugarplum",
    "thin",
    "tryton-server-nginx",
    "unicorn",
    "zabbix-frontend-php",
];

/// A folder with the NGINX files of each package below the package's name. The packages are unpacked, not installed.
pub(crate) fn ensure(cache: &Cache) -> Result<PathBuf, Failure> {
    let key = format!("confs/{}", files::fingerprint(PACKAGES.iter().copied()));
    cache.provide(&key, |staged| make(cache, staged))
}

/// The NGINX that this machine's own Debian packages, unpacked and not installed: on Debian 12 it is 1.22.
pub(crate) fn own_nginx(cache: &Cache) -> Result<PathBuf, Failure> {
    let folder = cache.provide("nginx-own", |staged| {
        files::create_folder(staged)?;
        let log = cache.log("nginx-own");
        unpack("nginx", staged, &log)?
            .ok_or_else(|| Failure::new("the apt sources of this machine have no package `nginx`"))
    })?;
    Ok(folder.join("usr/sbin/nginx"))
}

fn make(cache: &Cache, staged: &Path) -> Result<(), Failure> {
    files::create_folder(staged)?;
    let log = cache.log("confs");
    for package in PACKAGES {
        let folder = staged.join("tmp").join(package);
        files::create_folder(&folder)?;
        if unpack(package, &folder, &log)?.is_some() {
            keep(&folder, &staged.join(package))?;
        } else {
            talk::progress(format_args!(
                "{package} is not in the sources of this machine"
            ));
        }
    }
    files::remove_tree(&staged.join("tmp"))
}

/// Fetches a package and unpacks it into a folder; nothing where no source has it. Lists of packages that are too old to
/// find it are brought up to date.
fn unpack(package: &str, folder: &Path, log: &Path) -> Result<Option<()>, Failure> {
    let download = || {
        let mut command = Command::new("apt-get");
        command
            .args(["download", "-q", package])
            .current_dir(folder);
        process::logged(&mut command, log)
    };
    if download().is_err() {
        let _ = process::logged(apt::apt_get().arg("update"), log);
        let _ = download();
    }
    let Some(archive) = files::entries(folder)?.into_iter().next() else {
        return Ok(None);
    };
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("-x").arg(&archive).arg(folder);
    process::logged(&mut unpack, log)?;
    Ok(Some(()))
}

/// Copies the files that are NGINX's by their name.
fn keep(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut folders = vec![from.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in files::entries(&folder)? {
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
                continue;
            }
            let below = path
                .strip_prefix(from)
                .unwrap_or(&path)
                .display()
                .to_string();
            if path.is_file() && !path.is_symlink() && is_ours(&below) {
                files::create_folder(to)?;
                let target = to.join(below.replace('/', "_"));
                std::fs::copy(&path, &target).map_err(|error| Failure::at("copy", &path, error))?;
            }
        }
    }
    Ok(())
}

/// A configuration of NGINX by its place; munin's is one of another program in spite of its folder.
fn is_ours(below: &str) -> bool {
    let name = below.rsplit('/').next().unwrap_or_default();
    let is_conf = name
        .rsplit_once('.')
        .is_some_and(|(_, kind)| kind == "conf")
        || below.contains("/sites-available/")
        || name == "nginx-radicale";
    let is_foreign = name == "munin-cgi.conf" || below.contains("pmlogconf");
    below.contains("nginx") && is_conf && !is_foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_nginxs_by_its_place_and_its_name() {
        for path in [
            "etc/nginx/snippets/acmetool.conf",
            "usr/share/doc/unicorn/examples/nginx.conf",
            "usr/share/sisu/conf/nginx/sites-available/sisu_search",
        ] {
            assert!(is_ours(path), "{path}");
        }
        for path in [
            "usr/share/doc/munin/examples/nginx/munin-cgi.conf",
            "etc/apache2/a.conf",
            "usr/share/nginx/README",
        ] {
            assert!(!is_ours(path), "{path}");
        }
    }
}
