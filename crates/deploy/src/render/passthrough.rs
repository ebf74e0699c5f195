//! What the templates of an edge that passes connections on are filled with.

use super::context::Fields;
use crate::deployment::Deployment;
use crate::target::Feature;
use crate::words::NginxTime;

/// Adds it; of an edge that ends TLS itself only that it is none.
pub(super) fn add(fields: Fields, deployment: &Deployment) -> Fields {
    let Some(passthrough) = &deployment.edge.passthrough else {
        return fields.flag("passes", false).flag("load_module", false);
    };
    let to = deployment.sites.first().map(|site| &site.upstream.address);
    let udp = passthrough.udp.as_ref();
    fields
        .flag("passes", true)
        .optional("load_module", passthrough.load_module.as_ref())
        .flag(
            "binary_header",
            deployment.target.has(Feature::BinaryProxyHeader),
        )
        .optional("tcp_to", to)
        .word("tcp_timeout", &NginxTime(passthrough.tcp_timeout))
        .optional("udp_to", udp.map(|udp| &udp.to))
        .optional(
            "udp_timeout",
            udp.map(|udp| NginxTime(udp.timeout)).as_ref(),
        )
}
