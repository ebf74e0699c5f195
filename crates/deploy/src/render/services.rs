//! systemd's files: units, accounts, run-time folders.

use origin_config::Bind;

use super::context::Fields;
use super::templates::Filler;
use super::units;
use super::{Component, Owner, RenderError, Rendered, RenderedFile};
use crate::deployment::{Deployment, Site};
use crate::words::{Name, NginxTime, Token};

/// Adds everything that the service manager reads.
pub(super) fn render(
    deployment: &Deployment,
    filler: &Filler,
    rendered: &mut Rendered,
) -> Result<(), RenderError> {
    let name = &deployment.name;
    let sites: Vec<_> = deployment.sites.iter().map(site_fields).collect();
    let shared = |what: &str| {
        head(deployment, what)
            .list("sites", &sites)
            .word("run", &deployment.paths.run)
            .word("socket", &deployment.edge.socket)
            .flag(
                "own_run",
                !deployment.sites.iter().any(|site| site.name == *name),
            )
    };
    let mut add = |path: String, contents: String| {
        rendered.files.push(RenderedFile {
            path,
            contents,
            mode: 0o644,
            owner: Some(Owner::root()),
            component: Component::Services,
        });
    };
    add(
        format!("/etc/systemd/system/nginx.service.d/50-{name}.conf"),
        filler.fill(
            "systemd/nginx-drop-in.conf.tera",
            shared("What NGINX needs from this deployment."),
        )?,
    );
    add(
        format!("/etc/sysusers.d/{name}.conf"),
        filler.fill(
            "systemd/sysusers.conf.tera",
            shared("The accounts of the origins."),
        )?,
    );
    add(
        format!("/etc/tmpfiles.d/{name}.conf"),
        filler.fill(
            "systemd/tmpfiles.conf.tera",
            shared("The folders of the sockets, and who may read what."),
        )?,
    );
    for (site, fields) in deployment.sites.iter().zip(&sites) {
        let unit = format!("/etc/systemd/system/{}-origin", site.name);
        let service = head(deployment, "The unit of an origin.").below("site", fields);
        add(
            format!("{unit}.service"),
            filler.fill("systemd/origin.service.tera", service)?,
        );
        for server in &site.units {
            for (path, text) in units::render(deployment, filler, (site, fields), server)? {
                add(path, text);
            }
        }
        let public = socket(deployment, fields, &SocketUnit::public(site));
        add(
            format!("{unit}.socket"),
            filler.fill("systemd/origin.socket.tera", public)?,
        );
        if !site.origin.admin_bind.is_empty() {
            let admin = socket(deployment, fields, &SocketUnit::admin(site));
            add(
                format!("{unit}-admin.socket"),
                filler.fill("systemd/origin.socket.tera", admin)?,
            );
        }
    }
    Ok(())
}

/// The sockets of one configuration key.
struct SocketUnit<'s> {
    key: &'static str,
    binds: &'s [Bind],
    group: Token,
}

impl<'s> SocketUnit<'s> {
    fn public(site: &'s Site) -> Self {
        Self {
            key: "bind",
            binds: &site.origin.bind,
            group: Token::composed("www-data"),
        }
    }

    /// The operator's: the edge has no business there.
    fn admin(site: &'s Site) -> Self {
        Self {
            key: "admin_bind",
            binds: &site.origin.admin_bind,
            group: Token::composed(site.name.as_str()),
        }
    }
}

fn socket(deployment: &Deployment, site: &Fields, unit: &SocketUnit<'_>) -> Fields {
    let addresses: Vec<_> = unit
        .binds
        .iter()
        .map(|bind| Token::composed(bind.to_string().trim_start_matches("unix:")))
        .collect();
    head(deployment, "The sockets of an origin.")
        .below("site", site)
        .word("key", &Token::composed(unit.key))
        .word("group", &unit.group)
        .words("addresses", &addresses)
}

fn site_fields(site: &Site) -> Fields {
    let stop = site.origin.graceful_timeout + std::time::Duration::from_secs(10);
    let homes = if uses_homes(site) { "read-only" } else { "yes" };
    let servers = site.units.iter();
    let servers: Vec<_> = servers
        .map(|unit| units::fields(unit, &site.name))
        .collect();
    Fields::default()
        .list("units", &servers)
        .word("name", &site.name)
        .word("executable", &site.origin_executable)
        .word("origin_toml", &site.origin_toml_path)
        .word("stop_timeout", &NginxTime(stop))
        .word("protect_home", &Token::composed(homes))
        .word("backlog", &site.origin.backlog)
        .flag("admin_socket", !site.origin.admin_bind.is_empty())
}

/// Whether a server's program, arguments, folder or files lie in a home directory, which the unit then has to leave readable.
fn uses_homes(site: &Site) -> bool {
    site.origin.servers.iter().any(|server| {
        server.command.iter().any(|word| in_home(word))
            || server
                .working_directory
                .as_ref()
                .is_some_and(|path| in_home(&format!("{}/", path.display())))
            || server.remote.as_ref().is_some_and(|remote| {
                let mut files = remote.files();
                files.any(|path| in_home(&path.display().to_string()))
            })
    })
}

/// Whether a path lies in a home directory.
pub(super) fn in_home(path: &str) -> bool {
    let homes = ["/home/", "/root/", "/run/user/"];
    homes.iter().any(|home| path.contains(home))
}

/// What every unit begins with.
pub(super) fn head(deployment: &Deployment, what: &str) -> Fields {
    let name: &Name = &deployment.name;
    Fields::default()
        .word("what", &Token::composed(what))
        .word("deployment", name)
        .word("spec_file", &deployment.spec_file)
        .word("generation", &deployment.generation)
}
