//! An edge that ends TLS and QUIC: who it is to its origins.

use findings::{Finding, Report};
use origin_config::TrustedPeer;

use super::site;
use crate::deployment::{Deployment, Site};
use crate::passthrough::Udp;
use crate::spec::{SiteSpec, Spec};

/// Has the origins believe the edge.
pub(super) fn settle(deployment: &mut Deployment, spec: &Spec, report: &mut Report) {
    find_idle_keys(spec, report);
    for (site, spec) in deployment.sites.iter_mut().zip(&spec.sites) {
        settle_peers(spec, site, report);
        if !site.origin.quic.bind.is_empty() && site.origin.tls.certificates.is_empty() {
            let finding = Finding::error("origin.quic", "HTTP/3 needs a certificate");
            let finding = finding.hint("leave `quic_bind` out: the edge speaks HTTP/3");
            report.push(site::placed(finding, site::key(spec, "quic_bind"), spec));
        }
    }
}

/// `udp` and `tcp_sites` are about what is passed on.
fn find_idle_keys(spec: &Spec, report: &mut Report) {
    if let Some(first) = spec.edge.tcp_sites.first() {
        let message = "NGINX ends TLS here, and passes no connection on to another site";
        let finding = first.name.error("topology.edge", message);
        report.push(finding.hint(
            "give the other site a `server` of its own in a file of conf.d, or write `topology = \"stream-passthrough\"`",
        ));
    }
    let Some(udp) = spec
        .edge
        .udp
        .as_ref()
        .filter(|udp| udp.value == Udp::Kernel)
    else {
        return;
    };
    let finding = udp.warn(
        "topology.edge",
        "NGINX ends QUIC, so the datagrams are its own",
    );
    report.push(finding.hint("take `udp` out, or write `topology = \"stream-passthrough\"`"));
}

/// Believed by default, and a spec that names others has to name the edge as well.
fn settle_peers(spec: &SiteSpec, site: &mut Site, report: &mut Report) {
    let edge = site::edge_peer(&site.upstream.address);
    let origin = &mut site.origin;
    let Some(place) = site::key(spec, "trusted_peers") else {
        origin.trusted_peers = vec![edge];
        return;
    };
    let believed = origin.trusted_peers.iter().any(|peer| match (peer, &edge) {
        (TrustedPeer::Network(network), TrustedPeer::Network(edge)) => network.contains(edge),
        (peer, edge) => peer == edge,
    });
    if !believed {
        let message = format!(
            "the edge reaches the origin as `{edge}`, which is not trusted: client addresses are lost"
        );
        report.push(
            Finding::warn("origin.trusted-peers", message)
                .at(&place.path)
                .placed(&place.place)
                .hint(format!("add `\"{edge}\"`")),
        );
    }
}
