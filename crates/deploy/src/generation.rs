//! The name of a rendering: a digest over everything that decides it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::deployment::{CertificateKind, Deployment, Edge, ShownBy, Site};
use crate::words::GenerationId;

/// The generation of a deployment that has none yet.
pub(crate) fn placeholder() -> GenerationId {
    GenerationId::of([0; 8])
}

/// Names a deployment that is settled otherwise: the whole, the edge and each origin. A part's name changes with what that
/// part reads, so that a change of one is no reason to reload the other.
pub(crate) fn name(deployment: &mut Deployment) {
    for site in &mut deployment.sites {
        site.origin.generation = placeholder().to_string();
        site.origin.generation = digest(&origin_text(site)).to_string();
    }
    deployment.edge.generation = digest(&edge_text(deployment));
    deployment.generation = digest(&whole_text(deployment));
}

/// The first 64 bits of the SHA-256.
fn digest(text: &str) -> GenerationId {
    let hash = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    GenerationId::of(first)
}

/// Everything that decides a rendering, one value a line. Taken apart without `..`, here and below, so that a new field
/// cannot be forgotten; left out are the name of the spec's file, and the checks of the verification.
fn whole_text(deployment: &Deployment) -> String {
    let mut text = edge_text(deployment);
    for site in &deployment.sites {
        let Site {
            origin_toml_path,
            origin_executable,
            units,
            ..
        } = site;
        let _ = writeln!(text, "origin {origin_toml_path} {origin_executable}");
        text.push_str(&origin_text(site));
        for unit in units {
            let _ = writeln!(text, "{unit:?}");
        }
        if let Some(acme) = site.certificate.kind.acme() {
            let _ = writeln!(text, "{acme:?}");
        }
        if let CertificateKind::Copied { chain, key } = &site.certificate.kind {
            let _ = writeln!(text, "copied from {chain} {key}");
        }
    }
    text
}

/// Everything that an origin reads.
fn origin_text(site: &Site) -> String {
    let heading = format!("rendered by {}", env!("CARGO_PKG_VERSION"));
    origin_config::write(&site.origin, &heading)
}

/// Everything that decides what NGINX reads.
fn edge_text(deployment: &Deployment) -> String {
    let Deployment {
        name,
        spec_file: _,
        generation: _,
        topology,
        keep_generations: _,
        edge,
        sites,
        target,
        layout,
        // they follow from the layout and the name
        paths: _,
    } = deployment;
    let mut text = String::new();
    let _ = writeln!(text, "rendered by {}", env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "name {name}\ntopology {topology}");
    let _ = writeln!(
        text,
        "target {} http_v3={}",
        target.version, target.has_http_v3
    );
    let _ = writeln!(text, "stream {:?}", target.stream);
    let _ = writeln!(
        text,
        "openssl {:?} {:?}",
        target.openssl_built, target.openssl_running
    );
    for feature in target.added() {
        let _ = writeln!(text, "also {feature:?}");
    }
    let _ = writeln!(text, "layout {layout:?}");
    write_edge(&mut text, edge);
    for site in sites {
        write_site(&mut text, site);
    }
    text
}

fn write_edge(text: &mut String, edge: &Edge) {
    let Edge {
        generation: _,
        https,
        passthrough,
        http,
        public_https_port,
        worker_shutdown_timeout,
        max_concurrent_streams,
        keepalive_timeout,
        header_buffer,
        expose,
        h3check,
        limits,
        routes,
        socket,
        access_log,
        error_log,
    } = edge;
    let _ = writeln!(
        text,
        "https {https:?} http {http:?} public {public_https_port}"
    );
    let _ = writeln!(text, "worker_shutdown_timeout {worker_shutdown_timeout:?}");
    let _ = writeln!(
        text,
        "socket {socket}\naccess_log {access_log}\nerror_log {error_log}"
    );
    if let Some(passthrough) = passthrough {
        // of what it does not read nothing stands in its files
        let _ = writeln!(text, "{passthrough:?}");
        return;
    }
    let _ = writeln!(
        text,
        "streams {max_concurrent_streams} keepalive {keepalive_timeout:?}"
    );
    let _ = writeln!(
        text,
        "header_buffer {header_buffer} expose {expose:?} h3check {h3check}"
    );
    let _ = writeln!(text, "limits {limits:?} routes {routes:?}");
}

/// A site as the edge knows it: of its origin only what the templates of NGINX print.
fn write_site(text: &mut String, site: &Site) {
    let Site {
        name,
        server_names,
        certificate,
        origin,
        origin_toml_path: _,
        origin_executable: _,
        upstream,
        checks: _,
        units: _,
    } = site;
    let _ = writeln!(text, "site {name} {server_names:?}");
    if certificate.shown_by == ShownBy::Origin {
        let _ = writeln!(text, "upstream {}", upstream.address);
        return;
    }
    match &certificate.kind {
        // how it is got is certbot's business, and no reason to reload
        CertificateKind::Acme(_) => {
            let (chain, key) = (&certificate.chain_path, &certificate.key_path);
            let _ = writeln!(text, "certificate {chain} {key} from an ACME server");
        }
        _ => {
            let _ = writeln!(text, "certificate {certificate:?}");
        }
    }
    let _ = writeln!(text, "upstream {upstream:?}");
    let _ = writeln!(
        text,
        "body {} pages {:?} names {:?}",
        origin.max_body_size, origin.allowed_origins, origin.tool_names
    );
}
