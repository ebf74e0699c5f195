//! NGINX configuration that nobody here wrote: what Debian's packages bring as examples and for their own services.

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

fn make(cache: &Cache, staged: &Path) -> Result<(), Failure> {
    files::create_folder(staged)?;
    let log = cache.log("confs");
    let mut is_updated = false;
    for package in PACKAGES {
        let folder = staged.join("tmp").join(package);
        files::create_folder(&folder)?;
        let download = || {
            let mut command = Command::new("apt-get");
            command
                .args(["download", "-q", package])
                .current_dir(&folder);
            process::logged(&mut command, &log)
        };
        if download().is_err() && !is_updated {
            is_updated = true;
            let _ = process::logged(apt::apt_get().arg("update"), &log);
            let _ = download();
        }
        let Some(archive) = files::entries(&folder)?.into_iter().next() else {
            talk::progress(format_args!(
                "{package} is not in the sources of this machine"
            ));
            continue;
        };
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(&archive).arg(&folder);
        process::logged(&mut unpack, &log)?;
        keep(&folder, &staged.join(package))?;
    }
    files::remove_tree(&staged.join("tmp"))
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
