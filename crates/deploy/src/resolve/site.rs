//! A site's defaults: what depends on the layout.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use findings::{Finding, Located, Report};
use origin_config::{Bind, OriginConfig, TrustedPeer};

use crate::acme::{Acme, KeyType};
use crate::deployment::{Certificate, CertificateKind, ShownBy, Site, Upstream, UpstreamAddress};
use crate::layout::{Layout, SitePaths};
use crate::spec::{AcmeSpec, CertificateSpec, SiteSpec};
use crate::words::{AbsolutePath, WordError};

/// Settles one site.
pub(super) fn resolve(spec: &SiteSpec, layout: &Layout, report: &mut Report) -> Option<Site> {
    match settle(spec, layout, report) {
        Ok(site) => site,
        Err(error) => {
            let message = format!("a path of site `{}` {error}", spec.name.value);
            report.push(spec.name.error("layout.path", message));
            None
        }
    }
}

fn settle(
    spec: &SiteSpec,
    layout: &Layout,
    report: &mut Report,
) -> Result<Option<Site>, WordError> {
    let paths = layout.site_paths(&spec.name.value)?;
    let mut origin = spec.origin.clone();
    origin.bind = settle_binds(spec, "bind", &spec.origin.bind, &paths.socket, layout);
    origin.admin_bind = settle_binds(
        spec,
        "admin_bind",
        &spec.origin.admin_bind,
        &paths.admin_socket,
        layout,
    );
    if key(spec, "state_key_file").is_none() {
        origin.state_key_file = Some(paths.state_key.as_path().to_owned());
    }
    if layout.private().is_some() && key(spec, "umask").is_none() {
        // the folder keeps others out; NGINX's workers may be another user without a group in common
        origin.umask = 0;
    }
    let faults = report.findings().len();
    let Some(address) = upstream_address(spec, &origin, report) else {
        return Ok(None);
    };
    check_limits(spec, &origin, report);
    let units = super::unit::settle(spec, layout, &mut origin, report);
    if report.findings()[faults..]
        .iter()
        .any(|finding| finding.severity == findings::Severity::Error)
    {
        return Ok(None);
    }
    let upstream = Upstream {
        address,
        keepalive_timeout: upstream_keepalive(origin.keep_alive_timeout),
        read_timeout: origin
            .timeouts
            .mcp
            .max(origin.stream_keep_alive.saturating_mul(4))
            + READ_MARGIN,
    };
    Ok(Some(Site {
        name: spec.name.value.clone(),
        server_names: spec
            .server_names
            .iter()
            .map(|name| name.value.clone())
            .collect(),
        certificate: certificate(&spec.certificate, &paths, layout)?,
        origin,
        origin_toml_path: paths.origin_toml,
        origin_executable: layout.origin_executable()?,
        upstream,
        checks: spec.checks.clone(),
        units,
    }))
}

/// The binds of the spec, or the layout's socket when the spec has none. Other layouts than Debian's keep Unix
/// sockets in their own folder, since those of the spec belong to another machine.
fn settle_binds(
    spec: &SiteSpec,
    name: &str,
    given: &[Bind],
    socket: &AbsolutePath,
    layout: &Layout,
) -> Vec<Bind> {
    let socket = Bind::Unix(socket.as_path().to_owned());
    if key(spec, name).is_none() {
        return vec![socket];
    }
    if layout.has_sockets_of_spec() {
        return given.to_vec();
    }
    let mut binds = Vec::new();
    for bind in given {
        let moved = if bind.unix_path().is_some() {
            &socket
        } else {
            bind
        };
        if !binds.contains(moved) {
            binds.push(moved.clone());
        }
    }
    binds
}

fn upstream_address(
    spec: &SiteSpec,
    origin: &OriginConfig,
    report: &mut Report,
) -> Option<UpstreamAddress> {
    let place = key(spec, "bind");
    let mut refuse = |id: &str, message: String, hint: &str| {
        let finding = Finding::error(id, message).hint(hint.to_owned());
        report.push(placed(finding, place, spec));
    };
    for path in origin
        .bind
        .iter()
        .chain(&origin.admin_bind)
        .filter_map(Bind::unix_path)
    {
        if path.as_os_str().len() > LONGEST_UNIX_PATH {
            let message = format!(
                "the socket path `{}` is {} bytes long, and the limit is {LONGEST_UNIX_PATH}",
                path.display(),
                path.as_os_str().len()
            );
            refuse(
                "origin.socket-path",
                message,
                "choose a shorter folder or name",
            );
            return None;
        }
        if let Err(error) = unix_word(path) {
            let message = format!(
                "the socket path `{}` {error}",
                path.display().to_string().escape_debug()
            );
            refuse("origin.socket-path", message, "sockets belong below /run");
            return None;
        }
    }
    if let Some(path) = origin.bind.iter().find_map(Bind::unix_path) {
        return unix_word(path).ok().map(UpstreamAddress::Unix);
    }
    let Some(Bind::Tcp(address)) = origin.bind.first() else {
        return None;
    };
    if address.port() == 0 {
        let message =
            format!("`{address}` lets the system choose a port that the edge cannot know");
        refuse(
            "origin.bind",
            message,
            "name a port, or leave `bind` out for a Unix socket",
        );
        return None;
    }
    let mut address = *address;
    if address.ip().is_unspecified() {
        let finding = Finding::warn(
            "origin.bind",
            format!("`{address}` is open to every network, past the edge"),
        )
        .hint("bind to 127.0.0.1, or leave `bind` out for a Unix socket");
        report.push(placed(finding, place, spec));
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Some(UpstreamAddress::Tcp(address))
}

/// Who the edge is to the origin.
pub(super) fn edge_peer(address: &UpstreamAddress) -> TrustedPeer {
    match address {
        UpstreamAddress::Unix(_) => TrustedPeer::Unix,
        UpstreamAddress::Tcp(address) => TrustedPeer::Network(address.ip().into()),
    }
}

fn check_limits(spec: &SiteSpec, origin: &OriginConfig, report: &mut Report) {
    let mut refuse = |name: &str, message: &str, hint: &str| {
        let finding = Finding::error("origin.limit", message).hint(hint.to_owned());
        report.push(placed(finding, key(spec, name), spec));
    };
    if origin.max_body_size == 0 {
        // client_max_body_size 0 switches NGINX's check off
        refuse(
            "max_body_size",
            "`0B` lets no request body pass",
            "as `max_body_size = \"16MiB\"`",
        );
    }
    if origin.keep_alive_timeout < SHORTEST_KEEP_ALIVE {
        let message =
            "the edge keeps connections to the origin, and this closes them under its hands";
        refuse(
            "keep_alive_timeout",
            message,
            "at least `\"2s\"`, better `\"75s\"`",
        );
    }
    if origin.stream_keep_alive.is_zero() {
        let message = "`0s` would send keep-alives without a pause";
        refuse(
            "stream_keep_alive",
            message,
            "as `stream_keep_alive = \"15s\"`",
        );
    }
}

/// 5 s before the origin closes, or half of its time where that is short; never above NGINX's default of 60 s.
fn upstream_keepalive(origin: Duration) -> Duration {
    let before = origin
        .saturating_sub(Duration::from_secs(5))
        .max(origin / 2);
    Duration::from_millis(u64::try_from(before.as_millis()).unwrap_or(u64::MAX))
        .min(Duration::from_mins(1))
}

fn certificate(
    spec: &CertificateSpec,
    paths: &SitePaths,
    layout: &Layout,
) -> Result<Certificate, WordError> {
    let kind = match spec {
        CertificateSpec::Files {
            certificate,
            private_key,
        } => {
            return Ok(Certificate {
                chain_path: certificate.clone(),
                key_path: private_key.clone(),
                kind: CertificateKind::Given,
                shown_by: ShownBy::Edge,
            });
        }
        // no server on the internet reaches a deployment in the foreground
        CertificateSpec::Acme(_) if layout.private().is_some() => CertificateKind::SelfSigned,
        CertificateSpec::Acme(spec) => CertificateKind::Acme(acme(spec)?),
        CertificateSpec::SelfSigned => CertificateKind::SelfSigned,
    };
    Ok(Certificate {
        chain_path: paths.tls.join("chain.pem")?,
        key_path: paths.tls.join("key.pem")?,
        kind,
        shown_by: ShownBy::Edge,
    })
}

fn acme(spec: &AcmeSpec) -> Result<Acme, WordError> {
    Ok(Acme {
        email: spec.email.clone(),
        directory_url: match &spec.directory_url {
            Some(url) => url.clone(),
            None => LETS_ENCRYPT.parse()?,
        },
        key_type: spec.key_type.unwrap_or(KeyType::Ecdsa),
    })
}

fn unix_word(path: &Path) -> Result<AbsolutePath, WordError> {
    path.to_string_lossy().parse()
}

/// A key of `[origin]`, as `bind` or `quic.key_file`, when the spec has it.
pub(super) fn key<'s>(spec: &'s SiteSpec, name: &str) -> Option<&'s Located<String>> {
    spec.origin_keys.iter().find(|key| key.value == name)
}

/// A finding at a key of `[origin]`, or at the site where it has none.
pub(super) fn placed(finding: Finding, key: Option<&Located<String>>, spec: &SiteSpec) -> Finding {
    match key {
        Some(key) => finding.at(&key.path).placed(&key.place),
        None => finding.at(&spec.name.path).placed(&spec.name.place),
    }
}

/// The directory of Let's Encrypt for certificates that browsers trust (its documentation, "Getting Started").
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// 108 bytes with the closing NUL is Linux's limit (unix(7)); under 100 leaves room for suffixes.
const LONGEST_UNIX_PATH: usize = 99;
/// What the edge waits longer than the origin: a late timer and a slow write fit into it.
const READ_MARGIN: Duration = Duration::from_secs(30);
/// Half of it is still a second for the edge.
const SHORTEST_KEEP_ALIVE: Duration = Duration::from_secs(2);
