//! An edge that passes connections on: what it cannot do, and what its origin does in its place.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use findings::{Finding, Report};
use origin_config::{KeyPair, TrustedPeer};

use super::{site, tcp_sites};
use crate::deployment::{Certificate, CertificateKind, Deployment, ShownBy, Site};
use crate::layout::Layout;
use crate::passthrough::{Passthrough, Udp, UdpPass};
use crate::spec::{SiteSpec, Spec};
use crate::target::Stream;
use crate::words::{AbsolutePath, Port};

/// Finds what only an edge that reads requests can do.
pub(super) fn refuse(spec: &Spec, report: &mut Report) {
    for key in &spec.edge.keys {
        let Some((_, lack, hint)) = LACKING.iter().find(|(name, ..)| *name == key.value) else {
            continue;
        };
        let message = format!("an edge that passes connections on {lack}");
        report.push(key.error("topology.edge", message).hint(*hint));
    }
    if let Some(second) = spec.sites.get(1) {
        let message =
            "an edge that passes connections on has one site: no server name is read from UDP";
        let finding = second.name.error("topology.sites", message);
        report.push(finding.hint(
            "give each site a deployment and an address of its own (`edge.listen`), or write `topology = \"h3-termination\"`",
        ));
    }
    for site in &spec.sites {
        for key in site.origin_keys.iter().filter(|key| is_settled(&key.value)) {
            let message = format!("`{}` is not set here", key.value);
            let finding = key.error("topology.origin-key", message);
            report.push(finding.hint("`[tls]` names the certificate of a site in every topology"));
        }
    }
}

fn is_settled(key: &str) -> bool {
    matches!(key, "certfile" | "keyfile")
}

/// Has the origin end TLS and QUIC, and the edge pass both on.
pub(super) fn settle(deployment: &mut Deployment, spec: &Spec, report: &mut Report) {
    let public = Public {
        addresses: deployment.edge.https.clone(),
        port: deployment.edge.public_https_port,
        udp: spec.edge.udp.as_ref().map_or(Udp::Stream, |udp| udp.value),
    };
    let has_own_user = deployment.layout == Layout::Debian;
    let loads =
        deployment.layout.private().is_some() && deployment.target.stream == Stream::Dynamic;
    let load_module = loads.then(|| deployment.target.modules.below("ngx_stream_module.so"));
    let mut passthrough = None;
    for (site, spec) in deployment.sites.iter_mut().zip(&spec.sites) {
        show(&mut site.certificate, &site.origin_toml_path, has_own_user);
        let origin = &mut site.origin;
        origin.tls.certificates = vec![KeyPair {
            certificate: site.certificate.chain_path.as_path().to_owned(),
            key: site.certificate.key_path.as_path().to_owned(),
        }];
        origin.expose.clone_from(&deployment.edge.expose);
        origin.proxy_protocol = vec![site::edge_peer(&site.upstream.address)];
        settle_peers(spec, site, report);
        let to = settle_quic(spec, site, &public, report);
        if site::key(spec, "quic.key_file").is_none() {
            site.origin.quic.key_file = key_file(site);
        }
        let idle = site.origin.quic.idle_timeout;
        passthrough = passthrough.or(Some(Passthrough {
            tcp_timeout: TCP_TIMEOUT.max(site.origin.stream_keep_alive.saturating_mul(4)),
            udp: to.map(|to| UdpPass {
                to,
                timeout: UDP_TIMEOUT.max(idle.saturating_mul(2)),
            }),
            load_module: load_module.clone(),
            routing: None,
        }));
    }
    if let Some(passthrough) = &mut passthrough {
        passthrough.routing = tcp_sites::settle(deployment, spec, report);
    }
    deployment.edge.passthrough = passthrough;
}

/// Has the origin show a certificate. What only root can read, as certbot's folder, is copied where the origin has a user of
/// its own; elsewhere it runs as whoever named the files.
fn show(certificate: &mut Certificate, origin_toml: &AbsolutePath, has_own_user: bool) {
    certificate.shown_by = ShownBy::Origin;
    if certificate.kind != CertificateKind::Given || !has_own_user {
        return;
    }
    let folder = origin_toml.as_str().rsplit_once('/');
    let folder = folder.map_or_else(
        || origin_toml.clone(),
        |(folder, _)| AbsolutePath::constant(folder),
    );
    let own = |file: &str| folder.below("tls").below(file);
    let chain = std::mem::replace(&mut certificate.chain_path, own("chain.pem"));
    let key = std::mem::replace(&mut certificate.key_path, own("key.pem"));
    certificate.kind = CertificateKind::Copied { chain, key };
}

/// What clients see.
struct Public {
    addresses: Vec<SocketAddr>,
    port: Port,
    udp: Udp,
}

/// Settles where the origin has QUIC; the address that the edge passes datagrams on to, where it does.
fn settle_quic(
    spec: &SiteSpec,
    site: &mut Site,
    public: &Public,
    report: &mut Report,
) -> Option<SocketAddr> {
    let quic = &mut site.origin.quic;
    if quic.alt_svc.is_empty() {
        quic.alt_svc = vec![format!("h3=\":{}\"; ma={ALT_SVC_AGE}", public.port)];
    }
    let given = site::key(spec, "quic_bind");
    if public.udp == Udp::Kernel {
        if let Some(given) = given {
            let message = "the origin has the public addresses itself with `udp = \"kernel\"`";
            let finding = given.error("topology.origin-key", message);
            report.push(finding.hint("`listen` and `https_port` of `[edge]` say which"));
        }
        quic.bind.clone_from(&public.addresses);
        return None;
    }
    if quic.bind.is_empty() {
        let port = public.addresses.first().map_or(0, SocketAddr::port);
        quic.bind = vec![own_address(port)];
    }
    let to = reached(quic.bind[0]);
    if to.port() == 0 {
        let message = format!("`{to}` lets the system choose a port that the edge cannot know");
        let finding =
            Finding::error("origin.bind", message).hint("name a port, or leave `quic_bind` out");
        report.push(site::placed(finding, given, spec));
    }
    check_limits(spec, site, report);
    Some(to)
}

/// Nobody before the origin reads requests, so nobody speaks for a client unless the spec names somebody.
fn settle_peers(spec: &SiteSpec, site: &mut Site, report: &mut Report) {
    let Some(key) = site::key(spec, "trusted_peers") else {
        site.origin.trusted_peers = Vec::new();
        return;
    };
    if site.origin.trusted_peers.contains(&TrustedPeer::Unix) {
        let message = "every client comes by the socket of the edge, and each would be believed";
        report.push(key.error("origin.trusted-peers", message).hint(
            "leave `trusted_peers` out, or name the addresses of a proxy before the edge that sets `Forwarded`",
        ));
    }
}

/// The origin sees the edge behind every datagram.
fn check_limits(spec: &SiteSpec, site: &Site, report: &mut Report) {
    let client = &site.origin.limits.client;
    if client.rate.is_none() && client.calls == 0 && client.streams == 0 {
        return;
    }
    let finding = Finding::warn(
        "origin.limits",
        "all clients of HTTP/3 are counted as one: over UDP the origin sees the edge alone",
    );
    let finding = finding
        .hint("write `udp = \"kernel\"` below `[edge]`: the origin then sees their addresses");
    report.push(site::placed(
        finding,
        site::key(spec, "limits.client"),
        spec,
    ));
}

/// The secret of QUIC, beside the one of the states.
fn key_file(site: &Site) -> Option<std::path::PathBuf> {
    let state = site.origin.state_key_file.as_deref()?;
    let state: AbsolutePath = state.to_string_lossy().parse().ok()?;
    Some(state.as_path().with_file_name("quic.key"))
}

/// Where the edge reaches an address: loopback for every address.
fn reached(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The origin's own UDP address: as many ports above the public one, so that deployments with different public ports differ
/// here too.
fn own_address(https_port: u16) -> SocketAddr {
    let port = https_port
        .checked_add(ABOVE)
        .unwrap_or_else(|| https_port - ABOVE);
    (Ipv4Addr::LOCALHOST, port).into()
}

/// What only an edge that reads requests can do: the key, what the other cannot, and the way out.
const LACKING: [(&str, &str, &str); 3] = [
    (
        "limits",
        "reads no `Mcp-Method`",
        "`[origin.limits]` counts requests by client and by key; limits by tool need `topology = \"h3-termination\"`",
    ),
    (
        "routes",
        "reads no `Mcp-Name`",
        "routes by tool need `topology = \"h3-termination\"`",
    ),
    (
        "max_concurrent_streams",
        "sees no streams",
        "write `h2_max_concurrent_streams` below `[origin]` and `max_concurrent_streams` below `[origin.quic]`",
    ),
];
/// NGINX's default of 10 minutes ends every stream that is silent for longer (measured); the origin's keep-alives are far
/// below, and a client that vanished is found by those of TCP.
const TCP_TIMEOUT: Duration = Duration::from_hours(2);
/// Above twice QUIC's idle timeout of 30 s, and four times the 15 s of a keep-alive: the ends of a connection give up before
/// NGINX forgets it.
const UDP_TIMEOUT: Duration = Duration::from_mins(2);
/// A day, as the other topology says: the longer a browser knows, the fewer of its visits begin over TCP.
const ALT_SVC_AGE: u32 = 86_400;
/// Any number does that a person remembers.
const ABOVE: u16 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Facts, resolve};
    use crate::target::Target;
    use crate::{PrivateLayout, Templates, parse, render};

    const GOOD: &str = "name = \"demo\"\ntopology = \"stream-passthrough\"\nserver_names = [\"localhost\"]\n\
        tls = { self_signed = true }\nservers = [{ name = \"a\", command = [\"a\"] }]\n";

    fn resolved(more: &str, nginx: &str, layout: Layout) -> (Option<Deployment>, Report) {
        let (spec, report) = parse(&format!("{GOOD}{more}"), "x");
        let spec = spec.unwrap_or_else(|| panic!("{report}"));
        let nginx = Target::named(nginx).expect("a version");
        resolve(&spec, &Facts { nginx, layout })
    }

    fn deployment(more: &str) -> Deployment {
        let (deployment, report) = resolved(more, "1.30.7", Layout::Debian);
        deployment.unwrap_or_else(|| panic!("{report}"))
    }

    fn refused(more: &str) -> (String, String) {
        let (deployment, report) = resolved(more, "1.30.7", Layout::Debian);
        assert!(deployment.is_none(), "{more}");
        let finding = &report.findings()[0];
        assert!(finding.hint.is_some() && finding.line.is_some(), "{report}");
        (finding.id.clone(), finding.path.clone().unwrap_or_default())
    }

    fn main_conf(more: &str, nginx: &str, layout: Layout) -> String {
        let (deployment, report) = resolved(more, nginx, layout);
        let deployment = deployment.unwrap_or_else(|| panic!("{report}"));
        let rendered = render(&deployment, &Templates::embedded()).expect("good templates");
        let path = deployment.paths.main_conf.as_str();
        let mut files = rendered.files.into_iter();
        let file = files.find(|file| file.path == path);
        file.expect("the stream block").contents
    }

    fn private() -> Layout {
        Layout::Private(PrivateLayout {
            root: "/tmp/d".parse().expect("a path"),
            worker_user: None,
            origin_executable: "/opt/origin".parse().expect("a path"),
        })
    }

    #[test]
    fn the_origin_ends_tls_and_quic_and_the_edge_reaches_it_on_its_own_sockets() {
        let deployment = deployment("[edge]\npublic_https_port = 8443\n");
        let site = &deployment.sites[0];
        let toml = origin_config::write(&site.origin, "");
        for line in [
            "bind = [\"unix:/run/demo/origin.sock\"]",
            "quic_bind = [\"127.0.0.1:10443\"]",
            "alt_svc_headers = ['h3=\":8443\"; ma=86400']",
            "certfile = [\"/etc/demo/tls/chain.pem\"]",
            "keyfile = [\"/etc/demo/tls/key.pem\"]",
            "key_file = \"/var/lib/demo/quic.key\"",
            "proxy_protocol = [\"unix:\"]",
            "trusted_peers = []",
            "expose = [\"healthz\"]",
        ] {
            assert!(toml.lines().any(|own| own == line), "{line}\n{toml}");
        }
        assert_eq!(site.certificate.shown_by, ShownBy::Origin);
    }

    #[test]
    fn the_operators_certificate_is_copied_to_where_the_origins_user_can_read_it() {
        let text = GOOD.replace(
            "self_signed = true",
            "certificate = \"/etc/letsencrypt/c.pem\", private_key = \"/etc/letsencrypt/k.pem\"",
        );
        let certificate = |layout: Layout| {
            let (spec, _) = parse(&text, "x");
            let nginx = Target::named("1.30.7").expect("a version");
            let (deployment, _) = resolve(&spec.expect("good"), &Facts { nginx, layout });
            deployment.expect("good").sites.remove(0).certificate
        };
        let own = certificate(Layout::Debian);
        assert_eq!(own.key_path.as_str(), "/etc/demo/tls/key.pem");
        let (chain, key) = own.given().expect("the operator's");
        assert_eq!(chain.as_str(), "/etc/letsencrypt/c.pem");
        assert_eq!(key.as_str(), "/etc/letsencrypt/k.pem");
        assert_eq!(certificate(private()).kind, CertificateKind::Given);
    }

    #[test]
    fn what_only_an_edge_that_reads_requests_can_do_is_refused_with_the_way_out() {
        let edge = |text: &str| refused(&format!("[edge]\n{text}\n"));
        let limit = "limits = [{ name = \"a\", tools = [\"b\"], rate = \"5r/s\" }]";
        let route = "routes = [{ name = \"a\", tools = [\"b\"], to = \"127.0.0.1:1\" }]";
        for (text, path) in [
            (limit, "edge.limits"),
            (route, "edge.routes"),
            ("max_concurrent_streams = 9", "edge.max_concurrent_streams"),
        ] {
            assert_eq!(edge(text), ("topology.edge".to_owned(), path.to_owned()));
        }
        let certificate = refused("[origin]\ncertfile = \"/c\"\nkeyfile = \"/k\"\n");
        assert_eq!(certificate.1, "origin.certfile");
        let believed = refused("[origin]\ntrusted_peers = [\"unix:\"]\n");
        assert_eq!(believed.1, "origin.trusted_peers");
    }

    #[test]
    fn an_origin_on_a_socket_of_the_edge_is_refused_for_nginx_would_pass_to_itself() {
        for line in [
            "quic_bind = [\"127.0.0.1:443\"]",
            "quic_bind = [\"0.0.0.0:443\"]",
            "quic_bind = [\"[::1]:443\"]",
            "bind = [\"127.0.0.1:443\"]",
            "bind = [\"127.0.0.1:80\"]",
            "insecure_bind = [\"127.0.0.1:443\"]",
        ] {
            let (id, _) = refused(&format!("[origin]\n{line}\n"));
            assert_eq!(id, "origin.bind", "{line}");
        }
        // the same number, another socket
        let udp = "[edge]\nlisten = [\"192.0.2.1\"]\n[origin]\nquic_bind = [\"127.0.0.1:443\"]\n";
        let udp = deployment(udp);
        let passthrough = udp.edge.passthrough.expect("it passes on");
        let to = |passthrough: &Passthrough| {
            passthrough
                .udp
                .as_ref()
                .map(|udp| udp.to.to_string())
                .expect("UDP too")
        };
        assert_eq!(to(&passthrough), "127.0.0.1:443");
        assert_eq!(
            refused("[origin]\nquic_bind = [\"127.0.0.1:0\"]\n").0,
            "origin.bind"
        );
    }

    #[test]
    fn with_udp_by_the_kernel_the_origin_has_the_public_addresses_and_nginx_no_udp() {
        let kernel = "[edge]\nudp = \"kernel\"\n[origin.limits.client]\nrate = \"5r/s\"\n";
        let deployment = deployment(kernel);
        let quic = &deployment.sites[0].origin.quic;
        assert_eq!(quic.bind, deployment.edge.https);
        assert_eq!(quic.alt_svc, ["h3=\":443\"; ma=86400"]);
        let conf = main_conf(kernel, "1.30.7", Layout::Debian);
        assert!(!conf.contains(" udp"), "{conf}");
        let (_, report) = resolved(kernel, "1.30.7", Layout::Debian);
        assert!(report.is_empty(), "{report}");
        let given = refused("[edge]\nudp = \"kernel\"\n[origin]\nquic_bind = [\"[::]:443\"]\n");
        assert_eq!(given.1, "origin.quic_bind");
    }

    #[test]
    fn a_limit_by_client_says_that_http3_has_no_client_addresses() {
        let limit = "[origin.limits.client]\nrate = \"5r/s\"\n";
        let (deployment, report) = resolved(limit, "1.30.7", Layout::Debian);
        assert!(deployment.is_some());
        let finding = &report.findings()[0];
        assert_eq!(finding.id, "origin.limits");
        assert_eq!(finding.path.as_deref(), Some("origin.limits.client"));
    }

    #[test]
    fn the_edge_gives_up_long_after_both_ends() {
        let first = deployment("").edge.passthrough.expect("it passes on");
        assert_eq!(first.tcp_timeout, Duration::from_hours(2));
        assert_eq!(first.udp.expect("UDP too").timeout, Duration::from_mins(2));
        let slow = "[origin]\nstream_keep_alive = \"1h\"\nquic = { idle_timeout = \"10m\" }\n";
        let slow = deployment(slow).edge.passthrough.expect("it passes on");
        assert_eq!(slow.tcp_timeout, Duration::from_hours(4));
        assert_eq!(slow.udp.expect("UDP too").timeout, Duration::from_mins(20));
    }

    #[test]
    fn udp_has_no_proxy_header_no_count_of_datagrams_and_a_socket_for_each_worker() {
        let conf = main_conf("", "1.31.4", Layout::Debian);
        let (tcp, udp) = conf.split_once("# HTTP/3.").expect("two servers");
        assert!(tcp.contains("\n        proxy_protocol v2;\n"), "{tcp}");
        assert!(!tcp.contains("reuseport"), "{tcp}");
        let directives: Vec<_> = udp.lines().map(str::trim).collect();
        let starts = |word: &str| directives.iter().any(|line| line.starts_with(word));
        assert!(
            !starts("proxy_protocol") && !starts("proxy_responses") && !starts("proxy_requests")
        );
        assert!(directives.contains(&"listen [::]:443 udp reuseport rcvbuf=2m sndbuf=2m;"));
        let old = main_conf("", "1.31.3", Layout::Debian);
        assert!(old.contains("\n        proxy_protocol on;\n"), "{old}");
    }

    #[test]
    fn the_module_is_loaded_once_and_by_whoever_has_to() {
        let loads = |nginx: &str, layout: Layout| {
            let (deployment, _) = resolved("", nginx, layout);
            let passthrough = deployment.expect("good").edge.passthrough;
            passthrough.expect("it passes on").load_module
        };
        // on Debian a file of its package does
        assert_eq!(loads("1.30.7,stream=dynamic", Layout::Debian), None);
        assert_eq!(loads("1.30.7,stream=static", private()), None);
        let module = loads("1.30.7,stream=dynamic", private()).expect("nobody else does");
        assert_eq!(
            module.as_str(),
            "/usr/lib/nginx/modules/ngx_stream_module.so"
        );
    }

    #[test]
    fn a_second_site_is_refused_since_udp_names_none() {
        let site = |name: &str| {
            format!(
                "[[sites]]\nname = \"{name}\"\nserver_names = [\"{name}.example\"]\ntls = {{ self_signed = true }}\n"
            )
        };
        let text = format!(
            "name = \"fleet\"\ntopology = \"stream-passthrough\"\n{}{}",
            site("one"),
            site("two")
        );
        let (spec, _) = parse(&text, "x");
        let nginx = Target::named("1.30.7").expect("a version");
        let layout = Layout::Debian;
        let (_, report) = resolve(&spec.expect("a good spec"), &Facts { nginx, layout });
        assert!(report.to_string().contains("topology.sites"), "{report}");
    }
}
