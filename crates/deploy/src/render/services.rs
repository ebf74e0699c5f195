//! systemd's files: units, accounts, run-time folders.

use origin_config::Bind;

use super::context::Fields;
use super::templates::Filler;
use super::units;
use super::{Component, Owner, RenderError, Rendered, RenderedFile};
use crate::deployment::{Deployment, ShownBy, Site};
use crate::words::{AbsolutePath, Name, NginxTime, Token};

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
            .words("sockets", deployment.edge.sockets())
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
        let service = head(deployment, "The unit of an origin.").below("site", fields);
        add(
            format!("/etc/systemd/system/{}-origin.service", site.name),
            filler.fill("systemd/origin.service.tera", service)?,
        );
        for server in &site.units {
            for (path, text) in units::render(deployment, filler, (site, fields), server)? {
                add(path, text);
            }
        }
        for unit in sockets(site) {
            let path = format!("/etc/systemd/system/{}", unit.name);
            let fields = socket(deployment, fields, &unit);
            add(path, filler.fill("systemd/origin.socket.tera", fields)?);
        }
    }
    Ok(())
}

/// The sockets of one configuration key.
struct SocketUnit {
    name: Token,
    key: &'static str,
    addresses: Vec<Token>,
    group: Token,
    datagrams: bool,
}

/// The socket units of an origin: one for each key that has addresses.
fn sockets(site: &Site) -> Vec<SocketUnit> {
    let (name, origin) = (&site.name, &site.origin);
    let streams = |binds: &[Bind]| -> Vec<_> {
        let binds = binds.iter().map(ToString::to_string);
        binds
            .map(|bind| Token::composed(bind.trim_start_matches("unix:")))
            .collect()
    };
    let datagrams = origin.quic.bind.iter();
    let datagrams = datagrams.map(|address| Token::composed(address.to_string()));
    let own = name.as_str();
    let units = [
        ("", "bind", streams(&origin.bind), "www-data"),
        (
            "-insecure",
            "insecure_bind",
            streams(&origin.tls.insecure_bind),
            "www-data",
        ),
        // the operator's: the edge has no business there
        ("-admin", "admin_bind", streams(&origin.admin_bind), own),
        ("-quic", "quic_bind", datagrams.collect(), own),
    ];
    let units = units
        .into_iter()
        .map(|(part, key, addresses, group)| SocketUnit {
            name: Token::composed(format!("{name}-origin{part}.socket")),
            key,
            addresses,
            group: Token::composed(group),
            datagrams: key == "quic_bind",
        });
    units.filter(|unit| !unit.addresses.is_empty()).collect()
}

fn socket(deployment: &Deployment, site: &Fields, unit: &SocketUnit) -> Fields {
    head(deployment, "The sockets of an origin.")
        .below("site", site)
        .word("key", &Token::composed(unit.key))
        .word("group", &unit.group)
        .words("addresses", &unit.addresses)
        .flag("datagrams", unit.datagrams)
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
        .words("sockets", sockets(site).iter().map(|unit| &unit.name))
        .optional("tls", own_tls(site).as_ref())
        .word("chain", &site.certificate.chain_path)
        .word("key", &site.certificate.key_path)
}

/// The folder of the certificate that opsctl puts there and the origin reads.
fn own_tls(site: &Site) -> Option<AbsolutePath> {
    let certificate = &site.certificate;
    let is_read = certificate.shown_by == ShownBy::Origin;
    certificate.folder().filter(|_| is_read)
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
