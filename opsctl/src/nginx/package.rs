//! The Debian package that an NGINX came in, and what its changelog says is mended.

use std::path::Path;

use deploy::target::Package;

use super::output;
use crate::host::is_program;

const DPKG: &str = "/usr/bin/dpkg-query";

/// The package that owns a program; none where no dpkg knows it.
pub(super) async fn of(program: &Path) -> Option<Package> {
    let real = program.canonicalize().ok()?;
    if !is_program(Path::new(DPKG)) {
        return None;
    }
    let owner = said(DPKG, &["--search", real.to_str()?]).await?;
    let name = owner_in(&owner, real.to_str()?)?;
    let version = said(DPKG, &["--show", "--showformat=${Version}", name]).await?;
    // a machine without documentation has none: then the version alone speaks
    let changelog = format!("/usr/share/doc/{name}/changelog.Debian.gz");
    let text = said("gzip", &["--decompress", "--stdout", &changelog]).await;
    Some(Package::new(
        name,
        version.trim(),
        text.as_deref().unwrap_or_default(),
    ))
}

/// The package in `nginx: /usr/sbin/nginx`; lines about diversions name no owner.
fn owner_in<'t>(text: &'t str, path: &str) -> Option<&'t str> {
    let owners = text.lines().find_map(|line| {
        let (owners, owned) = line.split_once(": ")?;
        (owned == path && !owners.starts_with("diversion ")).then_some(owners)
    })?;
    let first = owners.split(", ").next()?;
    // with more than one architecture it is `nginx:amd64`
    Some(first.split(':').next().unwrap_or(first))
}

/// What a program says on standard output when it succeeds.
async fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let output = output(Path::new(program), &arguments).await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_as_dpkg_says_it() {
        let path = "/usr/sbin/nginx";
        for (text, expected) in [
            ("nginx: /usr/sbin/nginx\n", Some("nginx")),
            ("nginx:amd64: /usr/sbin/nginx\n", Some("nginx")),
            ("nginx-core, nginx-x: /usr/sbin/nginx\n", Some("nginx-core")),
            (
                "diversion by x from: /usr/sbin/nginx\nnginx: /usr/sbin/nginx\n",
                Some("nginx"),
            ),
            ("nginx: /usr/sbin/nginx-debug\n", None),
            ("", None),
        ] {
            assert_eq!(owner_in(text, path), expected, "{text}");
        }
    }
}
