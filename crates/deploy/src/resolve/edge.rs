//! The edge's defaults.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use findings::{Finding, Report};
use origin_config::Exposed;

use crate::deployment::{Edge, Site};
use crate::generation;
use crate::layout::Paths;
use crate::spec::Spec;
use crate::words::{Port, WordError};

/// Settles `[edge]`.
pub(super) fn resolve(
    spec: &Spec,
    paths: &Paths,
    sites: &[Site],
    report: &mut Report,
) -> Option<Edge> {
    match settle(spec, paths, sites) {
        Ok(edge) => Some(edge),
        Err(error) => {
            report.push(Finding::error(
                "layout.path",
                format!("a path of the layout {error}"),
            ));
            None
        }
    }
}

fn settle(spec: &Spec, paths: &Paths, sites: &[Site]) -> Result<Edge, WordError> {
    let name = &spec.name.value;
    let edge = &spec.edge;
    let listen: Vec<IpAddr> = match &edge.listen {
        Some(addresses) => addresses.iter().map(|address| address.value.0).collect(),
        None => EVERY_ADDRESS.to_vec(),
    };
    let https_port = match &edge.https_port {
        Some(port) => port.value,
        None => HTTPS_PORT.try_into()?,
    };
    let http_port: Option<Port> = match &edge.http_port {
        Some(port) => port.value,
        None => Some(HTTP_PORT.try_into()?),
    };
    let at = |port: Port| {
        listen
            .iter()
            .map(move |address| SocketAddr::new(*address, port.number()))
    };
    Ok(Edge {
        generation: generation::placeholder(),
        https: at(https_port).collect(),
        passthrough: None,
        http: http_port.into_iter().flat_map(at).collect(),
        public_https_port: edge.public_https_port.unwrap_or(https_port),
        worker_shutdown_timeout: edge
            .worker_shutdown_timeout
            .unwrap_or(WORKER_SHUTDOWN_TIMEOUT),
        max_concurrent_streams: edge
            .max_concurrent_streams
            .unwrap_or(MAX_CONCURRENT_STREAMS),
        keepalive_timeout: keepalive_timeout(sites),
        header_buffer: header_buffer(sites),
        expose: exposed(edge.expose.clone()),
        h3check: edge.h3check.unwrap_or(false),
        limits: edge.limits.clone(),
        routes: edge.routes.clone(),
        socket: paths.run.join("edge.sock")?,
        access_log: paths.access_log.clone(),
        error_log: paths.log.join(&format!("{name}.error.log"))?,
    })
}

/// At least NGINX's own 75 s, and four of the slowest origin's keep-alives: an HTTP/3 connection that is silent for
/// this long is closed, streams and all (measured), and one lost packet must not be enough.
fn keepalive_timeout(sites: &[Site]) -> Duration {
    sites
        .iter()
        .map(|site| site.origin.stream_keep_alive.saturating_mul(4))
        .fold(KEEPALIVE_TIMEOUT, Duration::max)
}

/// A quarter of the smallest head that an origin takes, since NGINX passes four such buffers, within NGINX's 8 KiB
/// default and 32 KiB.
fn header_buffer(sites: &[Site]) -> u64 {
    let smallest = sites
        .iter()
        .map(|site| site.origin.h11_max_incomplete_size)
        .min()
        .unwrap_or(u64::MAX);
    ((smallest / 4) & !1023).clamp(8 << 10, 32 << 10)
}

/// `/healthz` unless the spec says otherwise; sorted, each once.
fn exposed(chosen: Option<Vec<Exposed>>) -> Vec<Exposed> {
    let mut exposed = chosen.unwrap_or_else(|| vec![Exposed::Healthz]);
    exposed.sort_unstable();
    exposed.dedup();
    exposed
}

const EVERY_ADDRESS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
];
/// RFC 9110 section 4.2.2.
const HTTPS_PORT: u16 = 443;
/// RFC 9110 section 4.2.1.
const HTTP_PORT: u16 = 80;
/// Long enough for any stream that people notice; without it old workers live as long as their longest stream.
const WORKER_SHUTDOWN_TIMEOUT: Duration = Duration::from_hours(1);
/// NGINX's default is 128, and the 129th stream of a connection waits without an error (measured with event streams).
const MAX_CONCURRENT_STREAMS: u32 = 512;
/// NGINX's default.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(75);
