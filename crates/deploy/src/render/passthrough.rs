//! What the templates of an edge that passes connections on are filled with.

use super::context::Fields;
use super::edge::{bucket_size, variable};
use crate::deployment::Deployment;
use crate::target::Feature;
use crate::tcp_sites::TcpRouting;
use crate::words::{Name, NginxTime, Token};

/// Adds it; of an edge that ends TLS itself only that it is none.
pub(super) fn add(fields: Fields, deployment: &Deployment) -> Fields {
    let Some(passthrough) = &deployment.edge.passthrough else {
        return fields.flag("passes", false).flag("load_module", false);
    };
    let to = deployment.sites.first().map(|site| &site.upstream.address);
    let udp = passthrough.udp.as_ref();
    let fields = fields
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
        );
    match &passthrough.routing {
        None => fields.flag("tcp_sites", false),
        Some(routing) => add_routing(fields, deployment, routing),
    }
}

/// Names have two underscores in a row where a part of them ends, which no deployment's and no site's own name has.
fn add_routing(fields: Fields, deployment: &Deployment, routing: &TcpRouting) -> Fields {
    let prefix = variable(deployment);
    let upstream = |site: &Name| Token::composed(format!("{prefix}__tcp_{}", site.variable()));
    let origin = Token::composed(format!("{prefix}__origin"));
    let sites = routing.sites.iter().map(|site| {
        Fields::default()
            .word("name", &site.name)
            .word("upstream", &upstream(&site.name))
            .words("server_names", &site.server_names)
            .word("to", &site.to)
            .flag("plain", !site.proxy_protocol)
    });
    let sites: Vec<_> = sites.collect();
    let own = deployment.sites.iter().flat_map(|site| &site.server_names);
    let others = routing.sites.iter().flat_map(|site| &site.server_names);
    let longest = own.chain(others).map(|name| name.as_str().len()).max();
    let bucket = longest.and_then(bucket_size);
    let plain = routing.has_plain().then_some(&routing.plain_socket);
    fields
        .list("tcp_sites", &sites)
        .word("origin_upstream", &origin)
        .word(
            "default_upstream",
            &routing.default.as_ref().map_or(origin.clone(), upstream),
        )
        .optional("plain_socket", plain)
        .optional("tcp_bucket_size", bucket.as_ref())
}
