//! What two parts of a deployment cannot both have.

use std::net::SocketAddr;

use findings::{Finding, Located, Report};
use origin_config::Bind;

use crate::deployment::{CertificateKind, Deployment};
use crate::spec::{SiteSpec, Spec};
use crate::words::{AbsolutePath, Name, Port};

/// Finds addresses that two listeners claim, and socket paths that are too long.
pub(super) fn find(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    find_edge_ports(deployment, spec, report);
    find_edge_socket(deployment, spec, report);
    find_origin_binds(deployment, spec, report);
    find_challenges(deployment, spec, report);
    find_unmade_certificates(deployment, spec, report);
}

/// The apply makes certificates or has certbot get them, and it knows systemd alone.
fn find_unmade_certificates(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    if deployment.layout.launchd().is_none() {
        return;
    }
    for (site, written) in deployment.sites.iter().zip(&spec.sites) {
        if site.certificate.kind == CertificateKind::Given {
            continue;
        }
        let certificate = &site.certificate;
        let message = format!(
            "nothing on a Mac makes `{}` and `{}`",
            certificate.chain_path, certificate.key_path
        );
        let hint = "put the files there, or name yours with `certificate` and `private_key`";
        report.push(written.name.warn("launchd.certificate", message).hint(hint));
    }
}

fn find_edge_ports(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    let (Some(https), Some(http)) = (deployment.edge.https.first(), deployment.edge.http.first())
    else {
        return;
    };
    if https.port() != http.port() {
        return;
    }
    let message = format!(
        "port `{}` is both the HTTPS and the HTTP port",
        https.port()
    );
    let mut finding = Finding::error("edge.ports", message)
        .hint("give `http_port` another number, or 0 for no plain HTTP");
    let written = spec
        .edge
        .http_port
        .as_ref()
        .map(|port| (&port.path, &port.place));
    let written = written.or(spec
        .edge
        .https_port
        .as_ref()
        .map(|port| (&port.path, &port.place)));
    if let Some((path, place)) = written {
        finding = finding.at(path).placed(place);
    }
    report.push(finding);
}

fn find_edge_socket(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    check_socket(&deployment.edge.socket, &spec.name, report);
}

/// Finds that a path which follows from the deployment's name is too long for a socket.
pub(super) fn check_socket(path: &AbsolutePath, name: &Located<Name>, report: &mut Report) {
    if let Some(excess) = excess(path) {
        let message = format!("the edge's socket path `{path}` {excess}");
        let finding = name.error("edge.socket-path", message);
        report.push(finding.hint("choose a shorter folder or name"));
    }
}

/// Why a path is too long for a socket: `sun_path` has 108 bytes on Linux and 104 on a Mac, the last of them zero.
pub(super) fn excess(path: &AbsolutePath) -> Option<String> {
    let length = path.as_str().len();
    (length > 99).then(|| format!("is {length} bytes long, and the limit is 99"))
}

/// The one challenge that the edge answers is HTTP-01: RFC 8555 section 8.3 asks for port 80, and has no wildcards.
fn find_challenges(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    let sites = deployment.sites.iter().zip(&spec.sites);
    let acme = sites.filter(|(site, _)| site.certificate.kind.acme().is_some());
    for (_, site) in acme {
        for name in &site.server_names {
            if name.value.as_str().starts_with("*.") {
                let message = format!(
                    "an ACME server gives no certificate for `{}` over HTTP",
                    name.value
                );
                let finding = name.error("tls.wildcard", message);
                report.push(finding.hint("name each host, or get the certificate by DNS and name its files with `certificate` and `private_key`"));
            }
        }
        let Some(port) = spec.edge.http_port.as_ref() else {
            continue;
        };
        match port.value.map(Port::number) {
            Some(80) => {}
            None => {
                let finding = port.error(
                    "tls.challenge",
                    "an ACME server asks over plain HTTP, and there is none",
                );
                report.push(finding.hint("leave `http_port` out: it is 80"));
            }
            Some(number) => {
                let message = format!("an ACME server asks on port 80, not on {number}");
                let finding = port.warn("tls.challenge", message);
                report.push(finding.hint("that is right where something in front maps the ports; else leave `http_port` out"));
            }
        }
    }
}

fn find_origin_binds(deployment: &Deployment, spec: &Spec, report: &mut Report) {
    let edge = &deployment.edge;
    let of_edge = |address: &SocketAddr| (Bind::Tcp(*address), "the edge".to_owned());
    let mut taken: Vec<_> = edge.https.iter().chain(&edge.http).map(of_edge).collect();
    let udp = edge.https.iter().filter(|_| edge.has_udp());
    let mut taken_udp: Vec<_> = udp.map(of_edge).collect();
    for (site, site_spec) in deployment.sites.iter().zip(&spec.sites) {
        let lists = [
            ("bind", &site.origin.bind),
            ("insecure_bind", &site.origin.tls.insecure_bind),
            ("admin_bind", &site.origin.admin_bind),
        ];
        let mut claim = |taken: &mut Vec<(Bind, String)>, name, bind: &Bind, hint| {
            if let Some((other, owner)) = taken.iter().find(|(other, _)| overlap(other, bind)) {
                let message = format!("`{bind}` is taken: {owner} listens on `{other}`");
                let finding = Finding::error("origin.bind", message).hint(hint);
                report.push(at_key(finding, name, site_spec));
            }
            taken.push((bind.clone(), format!("the origin of `{}`", site.name)));
        };
        for (name, list) in lists {
            for bind in list {
                claim(&mut taken, name, bind, OWN_ADDRESS);
            }
        }
        for address in &site.origin.quic.bind {
            claim(&mut taken_udp, "quic_bind", &Bind::Tcp(*address), OWN_UDP);
        }
    }
}

/// Whether two listeners cannot both be bound.
fn overlap(one: &Bind, other: &Bind) -> bool {
    match (one, other) {
        (Bind::Unix(one), Bind::Unix(other)) => one == other,
        (Bind::Tcp(one), Bind::Tcp(other)) => addresses_overlap(one, other),
        _ => false,
    }
}

fn addresses_overlap(one: &SocketAddr, other: &SocketAddr) -> bool {
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}

fn at_key(finding: Finding, name: &str, spec: &SiteSpec) -> Finding {
    let key: Option<&Located<String>> = spec.origin_keys.iter().find(|key| key.value == name);
    match key {
        Some(key) => finding.at(&key.path).placed(&key.place),
        None => finding.at(&spec.name.path).placed(&spec.name.place),
    }
}

/// NGINX that passes connections on to an address that it listens on passes them to itself until it has no connection left
/// (measured: 256 of one client); `nginx -t` says nothing of it.
const OWN_ADDRESS: &str =
    "give each listener an address of its own, or leave `bind` out for a Unix socket";
const OWN_UDP: &str = "give `quic_bind` an address and port that nobody else has";
