//! NGINX with HTTP/3, built from the source that the crate `nginx-src` carries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{self, Brings, Package};
use crate::cache::Cache;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::{files, process};

/// The NGINX that the crate pinned in `xtask/nginx/Cargo.toml` carries.
const VERSION: &str = "1.28.3";
const MANIFEST: &str = "xtask/nginx/Cargo.toml";

/// What the two topologies use, and what a Debian NGINX has of it.
const MODULES: &[&str] = &[
    "--with-http_ssl_module",
    "--with-http_v2_module",
    "--with-http_v3_module",
    "--with-http_realip_module",
    "--with-http_stub_status_module",
    "--with-stream",
    "--with-stream_ssl_module",
    "--with-stream_ssl_preread_module",
    "--with-stream_realip_module",
    "--with-threads",
];

const PACKAGES: &[Package] = &[
    Package {
        name: "gcc",
        brings: Brings::Program("cc"),
    },
    Package {
        name: "libc6-dev",
        brings: Brings::File("/usr/include/stdio.h"),
    },
    Package {
        name: "make",
        brings: Brings::Program("make"),
    },
    Package {
        name: "libpcre2-dev",
        brings: Brings::File("/usr/include/pcre2.h"),
    },
    Package {
        name: "zlib1g-dev",
        brings: Brings::File("/usr/include/zlib.h"),
    },
    Package {
        name: "libssl-dev",
        brings: Brings::File("/usr/include/openssl/ssl.h"),
    },
];

/// The built NGINX, `CACHE/nginx/VERSION-FLAGS/sbin/nginx`; `opsctl` looks for it there too.
pub(crate) fn ensure(repository: &Repository, cache: &Cache) -> Result<PathBuf, Failure> {
    let print = files::fingerprint(MODULES.iter().copied());
    let key = format!("nginx/{VERSION}-{print}");
    let prefix = cache.folder().join(&key);
    let folder = cache.provide(&key, |staged| {
        build(
            repository,
            cache,
            &Places {
                log: cache.log(&key),
                prefix,
                staged: staged.to_owned(),
            },
        )
    })?;
    let program = folder.join("sbin/nginx");
    let shows = process::output(Command::new(&program).arg("-V"));
    if shows.is_ok_and(|(status, text)| status.success() && has_what_we_need(&text)) {
        return Ok(program);
    }
    // built against libraries that have since gone, for one
    Err(
        Failure::new(format!("`{}` does not run any more", program.display()))
            .or_try(format!("rm -r {} and run this again", folder.display())),
    )
}

/// An NGINX on PATH that has HTTP/3 and stream, as `opsctl` would take it.
pub(crate) fn on_path() -> Option<PathBuf> {
    // Debian keeps NGINX in /usr/sbin, which is not on every user's PATH; only PATH counts, as in opsctl
    let program = process::on_path("nginx")?;
    let (status, text) = process::output(Command::new(&program).arg("-V")).ok()?;
    (status.success() && has_what_we_need(&text)).then_some(program)
}

struct Places {
    log: PathBuf,
    prefix: PathBuf,
    staged: PathBuf,
}

fn build(repository: &Repository, cache: &Cache, places: &Places) -> Result<(), Failure> {
    apt::ensure(cache, PACKAGES)?;
    // below the entry to be, so that a build that fails is swept away with it
    let work = places.staged.join("build");
    files::copy_tree(&source(repository)?, &work)?;

    let mut configure = Command::new("sh");
    configure
        .arg("auto/configure")
        .args(MODULES)
        .current_dir(&work);
    configure.arg(format!("--prefix={}", places.prefix.display()));
    process::logged(&mut configure, &places.log)?;
    // two jobs: the smallest machine that this has to build on has two cores
    let mut make = Command::new("make");
    make.arg("-j2").current_dir(&work);
    process::logged(&mut make, &places.log)?;

    // `make install` writes below the prefix: a staging root in front of it keeps the cache entry whole
    let root = work.join("root");
    let mut install = Command::new("make");
    install
        .arg("install")
        .arg(format!("DESTDIR={}", root.display()))
        .current_dir(&work);
    process::logged(&mut install, &places.log)?;
    let made = root.join(places.prefix.strip_prefix("/").unwrap_or(&places.prefix));
    for part in files::entries(&made)? {
        let kept = places.staged.join(part.file_name().unwrap_or_default());
        fs::rename(&part, kept).map_err(|error| Failure::at("rename", &part, error))?;
    }
    files::remove_tree(&work)
}

/// The folder with NGINX's source, fetched by cargo when it is not yet there.
fn source(repository: &Repository) -> Result<PathBuf, Failure> {
    let version = process::stdout(Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Failure::new("rustc names no host"))?;
    let manifest = ["--locked", "--manifest-path", MANIFEST];
    // for this platform alone: the crate's own dependencies have many for Windows
    process::stdout(
        repository
            .cargo()
            .arg("fetch")
            .args(manifest)
            .args(["--target", host]),
    )?;
    let metadata = process::stdout(
        repository
            .cargo()
            .args(["metadata", "--format-version=1", "--filter-platform", host])
            .args(manifest),
    )?;
    manifest_of("nginx-src", &metadata)
        .and_then(|path| path.parent().map(|folder| folder.join("nginx")))
        .filter(|folder| folder.join("auto/configure").is_file())
        .ok_or_else(|| {
            Failure::new("cargo fetched no NGINX source")
                .or_try(format!("cargo fetch --manifest-path {MANIFEST}"))
        })
}

fn manifest_of(package: &str, metadata: &str) -> Option<PathBuf> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let packages = metadata["packages"].as_array()?;
    let found = packages.iter().find(|found| found["name"] == package)?;
    found["manifest_path"]
        .as_str()
        .map(|path| Path::new(path).to_owned())
}

/// Whether the text of `nginx -V` shows HTTP/3 and a stream module, linked in or loadable.
fn has_what_we_need(text: &str) -> bool {
    text.contains("--with-http_v3_module") && text.contains("--with-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_nginx_without_http3_is_passed_over() {
        let debian12 = "nginx version: nginx/1.22.1\nconfigure arguments: --with-http_v2_module --with-stream=dynamic";
        let debian13 = "configure arguments: --with-http_v3_module --with-stream=dynamic";
        assert!(!has_what_we_need(debian12));
        assert!(has_what_we_need(debian13));
    }

    #[test]
    fn the_source_is_found_in_cargos_metadata() {
        let metadata = r#"{"packages":[{"name":"tar","manifest_path":"/r/tar/Cargo.toml"},
            {"name":"nginx-src","manifest_path":"/r/nginx-src-1/Cargo.toml"}]}"#;
        let found = manifest_of("nginx-src", metadata);
        assert_eq!(
            found.as_deref(),
            Some(Path::new("/r/nginx-src-1/Cargo.toml"))
        );
        assert_eq!(manifest_of("absent", metadata), None);
    }

    #[test]
    fn the_version_is_the_one_that_the_manifest_pins() {
        let pinned = include_str!("../../nginx/Cargo.toml");
        assert!(pinned.contains(&format!("+{VERSION}\"")), "{pinned}");
    }
}
