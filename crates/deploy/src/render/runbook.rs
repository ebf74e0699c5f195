//! The runbook of one deployment: what its operator does, with its own names, paths and ports.

use std::net::SocketAddr;

use origin_config::{Bind, Server};

use super::RenderError;
use super::context::Fields;
use super::templates::compile;
use crate::acme::WEBROOT;
use crate::deployment::{Deployment, Site};
use crate::words::{Argument, Name, NginxTime, Port, ServerName, Token};

/// Writes the runbook of a deployment, as Markdown. A command that the tests run is a block `sh`; one that is run on the
/// machine that is brought up by hand is `sh by hand`, and `sh not run: WHY` is one that is not run.
///
/// # Errors
/// [`RenderError::Fill`] when a value of the deployment has a character that no template value may have.
pub fn runbook(deployment: &Deployment) -> Result<String, RenderError> {
    let text = compile(TEMPLATES)?.fill(PAGE, fields(deployment))?;
    Ok(without_gaps(&text))
}

fn fields(deployment: &Deployment) -> Fields {
    let (edge, paths) = (&deployment.edge, &deployment.paths);
    let sites: Vec<_> = deployment.sites.iter().map(site_fields).collect();
    let name = &deployment.name;
    let port = |addresses: &[SocketAddr]| {
        let port = addresses.first().map(SocketAddr::port);
        port.map(|port| Token::composed(port.to_string()))
    };
    let first = sites.first().cloned().unwrap_or_default();
    Fields::default()
        .word("name", name)
        .word("spec_file", &deployment.spec_file)
        .word(
            "spec_folder",
            &Token::composed(format!("/etc/opsctl/{name}")),
        )
        .word("generation", &deployment.generation)
        .word(
            "topology",
            &Token::composed(deployment.topology.to_string()),
        )
        .flag("passthrough", edge.passthrough.is_some())
        // `opsctl init` writes specs of one site
        .flag("init", deployment.sites.len() == 1)
        .optional("https_port", port(&edge.https).as_ref())
        .optional("http_port", port(&edge.http).as_ref())
        .word("public_https_port", &edge.public_https_port)
        .word("suffix", &suffix(edge.public_https_port))
        .word(
            "worker_shutdown_timeout",
            &NginxTime(edge.worker_shutdown_timeout),
        )
        .word("edge_socket", &edge.socket)
        .word("access_log", &edge.access_log)
        .word("error_log", &edge.error_log)
        .word("pieces", &paths.pieces)
        .word("http_conf", &paths.http_conf)
        .word("main_conf", &paths.main_conf)
        .word("run", &paths.run)
        .word("state", &paths.state)
        .word("webroot", &Token::composed(WEBROOT))
        .below("site", &first)
        .list("sites", &sites)
}

fn site_fields(site: &Site) -> Fields {
    let certificate = &site.certificate;
    let shown = (&certificate.chain_path, &certificate.key_path);
    let (chain, key) = certificate.given().unwrap_or(shown);
    let host = site.server_names.first().map(ServerName::example);
    let servers: Vec<_> = site.origin.servers.iter().map(server_fields).collect();
    Fields::default()
        .word("name", &site.name)
        .words("server_names", &site.server_names)
        .word("host", &Token::composed(host.unwrap_or_default()))
        .word("chain", chain)
        .word("key", key)
        .flag("given", certificate.given().is_some())
        .flag("acme", certificate.kind.acme().is_some())
        .word("origin_toml", &site.origin_toml_path)
        .flag("admin_socket", !site.origin.admin_bind.is_empty())
        .word("admin", &admin(&site.name, site.origin.admin_bind.first()))
        .list("servers", &servers)
}

/// A server, with its command where a shell takes each of its words as it is.
fn server_fields(server: &Server) -> Fields {
    let command = server.command.join(" ");
    let is_plain = !server.command.is_empty()
        && server
            .command
            .iter()
            .all(|word| word.parse::<Argument>().is_ok());
    Fields::default()
        .word("name", &Token::composed(&*server.name))
        .optional(
            "command",
            is_plain.then(|| Token::composed(command)).as_ref(),
        )
}

/// The words of curl that ask the admin listener, up to the path.
fn admin(site: &Name, bind: Option<&Bind>) -> Token {
    Token::composed(match bind.map(ToString::to_string) {
        Some(bind) => match bind.strip_prefix("unix:") {
            Some(path) => format!("--unix-socket {path} http://localhost"),
            None => format!("http://{bind}"),
        },
        None => format!("--unix-socket /run/{site}/admin.sock http://localhost"),
    })
}

/// What stands behind the host in a URL.
fn suffix(port: Port) -> Token {
    Token::composed(match port.number() {
        443 => String::new(),
        port => format!(":{port}"),
    })
}

/// One empty line where conditions of the templates leave several.
fn without_gaps(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_end();
        if line.is_empty() && lines.peek().is_some_and(|next| next.trim_end().is_empty()) {
            continue;
        }
        page.push_str(line);
        page.push('\n');
    }
    page
}

const PAGE: &str = "runbook/runbook.md.tera";
/// Name and text of the page and of its sections.
const TEMPLATES: [(&str, &str); 9] = [
    (
        PAGE,
        include_str!("../../../../runbook/templates/runbook.md.tera"),
    ),
    (
        "runbook/bring-up.md.tera",
        include_str!("../../../../runbook/templates/bring-up.md.tera"),
    ),
    (
        "runbook/smoke.md.tera",
        include_str!("../../../../runbook/templates/smoke.md.tera"),
    ),
    (
        "runbook/running.md.tera",
        include_str!("../../../../runbook/templates/running.md.tera"),
    ),
    (
        "runbook/symptoms.md.tera",
        include_str!("../../../../runbook/templates/symptoms.md.tera"),
    ),
    (
        "runbook/changes.md.tera",
        include_str!("../../../../runbook/templates/changes.md.tera"),
    ),
    (
        "runbook/drills.md.tera",
        include_str!("../../../../runbook/templates/drills.md.tera"),
    ),
    (
        "runbook/exit-codes.md.tera",
        include_str!("../../../../runbook/templates/exit-codes.md.tera"),
    ),
    (
        "runbook/removal.md.tera",
        include_str!("../../../../runbook/templates/removal.md.tera"),
    ),
];
