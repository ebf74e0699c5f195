//! Other sites on the HTTPS port: what of them would lead nowhere or back to the edge.

use std::net::SocketAddr;

use findings::{Finding, Located, Report};
use origin_config::Bind;

use super::conflicts;
use crate::deployment::Deployment;
use crate::spec::{Spec, TcpSiteSpec};
use crate::tcp_sites::{TcpRouting, TcpUpstream};

/// Settles where TCP goes by name; none where all of it is the origin's.
pub(super) fn settle(
    deployment: &Deployment,
    spec: &Spec,
    report: &mut Report,
) -> Option<TcpRouting> {
    let written = &spec.edge.tcp_sites;
    let first = written.first()?;
    if !deployment.target.has_ssl_preread {
        let message = format!(
            "NGINX {} was built without `ngx_stream_ssl_preread_module`: it cannot read what name a client asks for",
            deployment.target.version
        );
        report.push(first.name.error("target.ssl-preread", message).hint(
            "it needs `--with-stream_ssl_preread_module` in `nginx -V`; Debian's own package has it",
        ));
    }
    let routing = TcpRouting {
        sites: written.iter().map(TcpSiteSpec::site).collect(),
        default: written
            .iter()
            .find(|site| site.default)
            .map(|site| site.name.value.clone()),
        plain_socket: deployment.paths.run.below(PLAIN_SOCKET),
    };
    for site in written {
        check_upstream(site, deployment, &routing, report);
    }
    if routing.has_plain() {
        conflicts::check_socket(&routing.plain_socket, &spec.name, report);
    }
    Some(routing)
}

fn check_upstream(
    site: &TcpSiteSpec,
    deployment: &Deployment,
    routing: &TcpRouting,
    report: &mut Report,
) {
    let to = &site.to;
    let edge = &deployment.edge;
    let listens = || edge.https.iter().chain(&edge.http);
    match &to.value {
        TcpUpstream::Unix(path) => {
            if *path == edge.socket || *path == routing.plain_socket {
                report.push(own_listener(to));
            }
            if let Some(excess) = conflicts::excess(path) {
                let message = format!("the socket path `{path}` {excess}");
                let finding = to.error("edge.socket-path", message);
                report.push(finding.hint("have the site listen on a shorter path, or on TCP"));
            }
        }
        TcpUpstream::Address(address) => {
            if listens().any(|listen| reaches(*address, *listen)) {
                report.push(own_listener(to));
            }
        }
        TcpUpstream::Host(host, port) if host.as_str() == "localhost" => {
            if listens().any(|listen| listen.port() == port.number() && is_local(*listen)) {
                report.push(own_listener(to));
            }
        }
        TcpUpstream::Host(host, port) => {
            let names = deployment.sites.iter().flat_map(|site| &site.server_names);
            let mut names = names.chain(routing.sites.iter().flat_map(|site| &site.server_names));
            let is_public = *port == edge.public_https_port
                || edge
                    .https
                    .iter()
                    .any(|listen| listen.port() == port.number());
            if is_public && names.any(|name| name.covers(host.as_str())) {
                let message = format!(
                    "`{}` is a name by which clients find this edge: where it means the same here, NGINX passes to itself",
                    to.value
                );
                let finding = to.warn("edge.loop", message);
                report.push(finding.hint("write the address at which the site itself listens"));
            }
        }
    }
    if is_origins(&to.value, deployment) {
        let message = format!("`{}` is the origin's own", to.value);
        let finding = to.error("edge.tcp-site", message);
        report.push(finding.hint(
            "for another name of the origin write it in `server_names`; its other listeners are not for the public",
        ));
    }
}

/// NGINX that passes to its own listener passes on and on, until it has no connection left (measured: 256 of one client), and
/// `nginx -t` says nothing.
fn own_listener(to: &Located<TcpUpstream>) -> Finding {
    let message = format!(
        "the edge listens on `{}` itself, and would pass to itself",
        to.value
    );
    to.error("edge.loop", message)
        .hint("give the site an address or a port of its own, and name that here")
}

/// Whether who connects to an address reaches this listener for sure: that a wildcard has an address of this machine, only the
/// machine knows.
fn reaches(address: SocketAddr, listen: SocketAddr) -> bool {
    let wildcard = listen.ip().is_unspecified() && listen.is_ipv4() == address.is_ipv4();
    address.port() == listen.port()
        && (address.ip() == listen.ip() || (wildcard && address.ip().is_loopback()))
}

fn is_local(listen: SocketAddr) -> bool {
    listen.ip().is_unspecified() || listen.ip().is_loopback()
}

fn is_origins(to: &TcpUpstream, deployment: &Deployment) -> bool {
    let origins = deployment.sites.iter().map(|site| &site.origin);
    let mut binds = origins.flat_map(|origin| {
        let lists = [&origin.bind, &origin.tls.insecure_bind, &origin.admin_bind];
        lists.into_iter().flatten()
    });
    binds.any(|bind| match (bind, to) {
        (Bind::Unix(bind), TcpUpstream::Unix(to)) => bind == to.as_path(),
        (Bind::Tcp(bind), TcpUpstream::Address(to)) => reaches(*to, *bind),
        (Bind::Tcp(bind), TcpUpstream::Host(host, port)) => {
            host.as_str() == "localhost" && bind.port() == port.number() && is_local(*bind)
        }
        _ => false,
    })
}

/// Beside the socket on which the edge names its generation.
const PLAIN_SOCKET: &str = "plain.sock";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use crate::resolve::{Facts, resolve};
    use crate::target::Target;
    use crate::{Topology, parse};

    fn resolved(more: &str, nginx: &str) -> (Option<Deployment>, Report) {
        let text = format!(
            "name = \"demo\"\ntopology = \"stream-passthrough\"\nserver_names = [\"mcp.example\"]\n\
             tls = {{ self_signed = true }}\nservers = [{{ name = \"a\", command = [\"a\"] }}]\n{more}"
        );
        let (spec, report) = parse(&text, "x");
        let Some(spec) = spec else {
            return (None, report);
        };
        let nginx = Target::named(nginx).expect("a version");
        let layout = Layout::Debian;
        resolve(&spec, &Facts { nginx, layout })
    }

    /// The first finding of a spec with one site, whose table this is.
    fn told(site: &str) -> (String, String, bool) {
        let text = format!("[[edge.tcp_sites]]\nname = \"blog\"\n{site}\n");
        let (deployment, report) = resolved(&text, "1.30.7");
        let finding = report
            .findings()
            .first()
            .unwrap_or_else(|| panic!("{site}"));
        let has_cure = finding.hint.is_some() || finding.id == "spec.server-name";
        assert!(has_cure && finding.line.is_some(), "{report}");
        let path = finding.path.clone().unwrap_or_default();
        (finding.id.clone(), path, deployment.is_none())
    }

    fn told_of_upstream(to: &str) -> (String, bool) {
        let (id, path, refused) =
            told(&format!("server_names = [\"blog.example\"]\nto = \"{to}\""));
        assert_eq!(path, "edge.tcp_sites[0].to", "{to}");
        (id, refused)
    }

    #[test]
    fn sites_are_passed_on_in_their_order_and_the_rest_is_the_origins() {
        let text = "[[edge.tcp_sites]]\nname = \"blog\"\nserver_names = [\"blog.example\", \"*.blog.example\"]\n\
            to = \"127.0.0.1:8443\"\n[[edge.tcp_sites]]\nname = \"shop\"\nserver_names = [\"*.example\"]\n\
            to = \"203.0.113.7:443\"\nproxy_protocol = true\n";
        let (deployment, report) = resolved(text, "1.30.7");
        assert!(report.is_empty(), "{report}");
        let passthrough = deployment.expect("good").edge.passthrough;
        let routing = passthrough.expect("it passes on").routing.expect("by name");
        assert_eq!(routing.default, None);
        let proxied: Vec<_> = routing
            .sites
            .iter()
            .map(|site| site.proxy_protocol)
            .collect();
        assert_eq!(proxied, [false, true]);
        assert_eq!(routing.plain_socket.as_str(), "/run/demo/plain.sock");
    }

    #[test]
    fn an_upstream_that_is_a_listener_of_the_edge_is_a_loop() {
        for to in [
            "127.0.0.1:443",
            "127.0.0.2:443",
            "[::1]:443",
            "127.0.0.1:80",
            "localhost:443",
            "unix:/run/demo/edge.sock",
            "unix:/run/demo/plain.sock",
        ] {
            let told = told_of_upstream(to);
            assert_eq!(told, ("edge.loop".to_owned(), true), "{to}");
        }
        // another machine may have the same port, and the same name behind another resolver
        let name = told_of_upstream("blog.example:443");
        assert_eq!(name, ("edge.loop".to_owned(), false));
        let elsewhere = "[[edge.tcp_sites]]\nname = \"blog\"\nserver_names = [\"blog.example\"]\nto = \"192.0.2.1:443\"\n";
        assert!(resolved(elsewhere, "1.30.7").1.is_empty());
    }

    #[test]
    fn an_upstream_that_is_the_origins_or_none_is_refused() {
        for (to, id) in [
            ("unix:/run/demo/origin.sock", "edge.tcp-site"),
            ("unix:/run/demo/admin.sock", "edge.tcp-site"),
            ("8443", "spec.address"),
            ("unix:run/x", "spec.address"),
        ] {
            assert_eq!(told_of_upstream(to), (id.to_owned(), true), "{to}");
        }
        let long = format!("unix:/run/{}.sock", "x".repeat(100));
        assert_eq!(told_of_upstream(&long).0, "edge.socket-path");
    }

    #[test]
    fn a_name_has_one_owner_and_is_one() {
        let to = "to = \"127.0.0.1:8443\"";
        for (names, id, path) in [
            (
                "server_names = [\"mcp.example\"]",
                "spec.duplicate",
                "server_names[0]",
            ),
            (
                "server_names = [\"192.0.2.1\"]",
                "spec.server-name",
                "server_names[0]",
            ),
            (
                "server_names = [\"~^a\"]",
                "spec.server-name",
                "server_names[0]",
            ),
            ("server_names = []", "spec.missing", "server_names"),
            ("", "spec.missing", "server_names"),
        ] {
            let (told_id, told_path, refused) = told(&format!("{to}\n{names}"));
            assert_eq!((told_id.as_str(), refused), (id, true), "{names}");
            assert_eq!(told_path, format!("edge.tcp_sites[0].{path}"));
        }
        let second = format!(
            "{to}\nserver_names = [\"a.example\"]\ndefault = true\n[[edge.tcp_sites]]\nname = \"shop\"\n{to}\n\
             server_names = [\"a.example\"]\ndefault = true\n"
        );
        let (_, report) = resolved(
            &format!("[[edge.tcp_sites]]\nname = \"blog\"\n{second}"),
            "1.30.7",
        );
        let found: Vec<_> = report
            .findings()
            .iter()
            .map(|finding| finding.path.as_deref())
            .collect();
        assert!(
            found.contains(&Some("edge.tcp_sites[1].server_names[0]")),
            "{report}"
        );
        assert!(
            found.contains(&Some("edge.tcp_sites[1].default")),
            "{report}"
        );
    }

    #[test]
    fn an_nginx_that_reads_no_names_is_refused_where_one_is_needed() {
        let site = "[[edge.tcp_sites]]\nname = \"blog\"\nserver_names = [\"blog.example\"]\nto = \"127.0.0.1:8443\"\n";
        let (deployment, report) = resolved(site, "1.30.7,ssl_preread=no");
        assert!(deployment.is_none());
        assert_eq!(report.findings()[0].id, "target.ssl-preread");
        assert!(resolved("", "1.30.7,ssl_preread=no").0.is_some());
    }

    #[test]
    fn an_edge_that_ends_tls_has_no_such_sites() {
        let text = "name = \"demo\"\nserver_names = [\"mcp.example\"]\ntls = { self_signed = true }\n\
            [[edge.tcp_sites]]\nname = \"blog\"\nserver_names = [\"blog.example\"]\nto = \"127.0.0.1:8443\"\n";
        let spec = parse(text, "x").0.expect("a spec");
        assert_eq!(spec.topology, Topology::H3Termination);
        let nginx = Target::named("1.30.7").expect("a version");
        let layout = Layout::Debian;
        let (deployment, report) = resolve(&spec, &Facts { nginx, layout });
        assert!(deployment.is_none());
        assert_eq!(report.findings()[0].id, "topology.edge");
    }
}
