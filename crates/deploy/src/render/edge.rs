//! NGINX's files.

use super::context::Fields;
use super::templates::Filler;
use super::{Component, Owner, RenderError, Rendered, RenderedDirectory, RenderedFile};
use super::{passthrough, policy};
use crate::acme::WEBROOT;
use crate::deployment::{CertificateKind, Deployment, Site};
use origin_config::{AllowedOrigin, ToolNames};

use crate::target::Feature;
use crate::words::{AbsolutePath, NginxSize, NginxTime, Token};

/// Adds everything that NGINX reads, and the folders that it needs.
pub(super) fn render(
    deployment: &Deployment,
    filler: &Filler,
    rendered: &mut Rendered,
) -> Result<(), RenderError> {
    let pieces = &deployment.paths.pieces;
    let common = common_fields(deployment);
    let owner = deployment.layout.file_owner();
    let mut add = |path: &AbsolutePath, template, what: &str, fields: &Fields| {
        let fields = fields.clone().word("what", &Token::composed(what));
        rendered.files.push(RenderedFile {
            path: path.to_string(),
            contents: filler.fill(template, fields)?,
            mode: 0o644,
            owner: owner.clone(),
            component: Component::Edge,
        });
        Ok::<_, RenderError>(())
    };
    if deployment.layout.private().is_some() {
        let what = "NGINX in the foreground, everything below one folder.";
        add(
            &deployment.paths.nginx_conf,
            "nginx.conf.tera",
            what,
            &common,
        )?;
    }
    let kind = match &deployment.edge.passthrough {
        None => &TERMINATING,
        Some(_) => &PASSING,
    };
    let (template, what) = kind.main;
    add(&deployment.paths.main_conf, template, what, &common)?;
    let (template, what) = kind.http;
    add(&deployment.paths.http_conf, template, what, &common)?;
    for (file, template, what) in kind.pieces {
        add(&piece(pieces, file), template, what, &common)?;
    }
    // of the sites an edge that passes connections on knows the names alone
    let read = deployment.sites.iter().filter(|_| kind.reads_requests);
    for site in read {
        let fields = common.clone().below("site", &site_fields(deployment, site));
        let what = "Response headers of a site.";
        add(
            &headers_conf(deployment, site),
            "headers.conf.tera",
            what,
            &headers_fields(fields.clone(), site),
        )?;
        let what = "Error bodies of a site.";
        add(
            &errors_conf(deployment, site),
            "errors.conf.tera",
            what,
            &fields.list("errors", &errors()),
        )?;
    }
    add_folders(deployment, kind.snippets, rendered);
    Ok(())
}

/// The files of one kind of edge.
struct Kind {
    /// Template and first line of the file in the main context.
    main: (&'static str, &'static str),
    /// The same of the file within `http`.
    http: (&'static str, &'static str),
    /// File, template and first line of the pieces that all sites share.
    pieces: &'static [(&'static str, &'static str, &'static str)],
    /// The folders of snippets.
    snippets: &'static [&'static str],
    /// Whether it has files for each site.
    reads_requests: bool,
}

/// An edge that ends TLS and QUIC.
static TERMINATING: Kind = Kind {
    main: (
        "main.conf.tera",
        "What belongs into the main context of NGINX.",
    ),
    http: (
        "http.conf.tera",
        "The edge: HTTP/3, HTTP/2 and HTTP/1.1 in front of the MCP origins.",
    ),
    pieces: &PIECES,
    snippets: &["http", "mcp", "server"],
    reads_requests: true,
};

/// An edge that passes connections on.
static PASSING: Kind = Kind {
    main: (
        "stream.conf.tera",
        "The edge: TCP and UDP as they come, to an MCP origin that ends TLS and QUIC itself.",
    ),
    http: (
        "passthrough-http.conf.tera",
        "Plain HTTP, and which rendering is running.",
    ),
    pieces: &SHARED_PIECES,
    snippets: &["http", "stream"],
    reads_requests: false,
};

fn common_fields(deployment: &Deployment) -> Fields {
    let (edge, paths, target) = (&deployment.edge, &deployment.paths, &deployment.target);
    let sites: Vec<_> = deployment
        .sites
        .iter()
        .map(|site| site_fields(deployment, site))
        .collect();
    let worker = deployment
        .layout
        .private()
        .and_then(|private| private.worker_user.as_ref());
    let page = edge.h3check.then(|| route("/h3check", false));
    let api_routes: Vec<_> = std::iter::once(route("/.well-known/oauth-", true))
        .chain(page)
        .chain(edge.expose.iter().flat_map(|exposed| {
            let below = exposed.below().map(|path| route(path, true));
            std::iter::once(route(exposed.path(), false)).chain(below)
        }))
        .collect();
    passthrough::add(Fields::default(), deployment)
        .word("spec_file", &deployment.spec_file)
        .word("generation", &deployment.generation)
        .word("edge_generation", &edge.generation)
        .word("nginx_version", &target.version)
        .word("variable", &variable(deployment))
        .word("host", &public_host(deployment))
        .word("public_https_port", &edge.public_https_port)
        .words("https", &edge.https)
        .words("http", &edge.http)
        .word(
            "worker_shutdown_timeout",
            &NginxTime(edge.worker_shutdown_timeout),
        )
        .word("max_concurrent_streams", &edge.max_concurrent_streams)
        .word("keepalive_timeout", &NginxTime(edge.keepalive_timeout))
        .word("header_buffer", &NginxSize(edge.header_buffer))
        .word("socket", &edge.socket)
        .word("webroot", &Token::composed(WEBROOT))
        .word("access_log", &edge.access_log)
        .word("error_log", &edge.error_log)
        .word("pieces", &paths.pieces)
        .word("http_conf", &paths.http_conf)
        .word("main_conf", &paths.main_conf)
        .word("run", &paths.run)
        .word("log", &paths.log)
        .word("temporary", &paths.temporary)
        .optional("worker_user", worker.map(|worker| &worker.user))
        .optional("worker_group", worker.map(|worker| &worker.group))
        .optional("hash_bucket_size", hash_bucket_size(deployment).as_ref())
        .list(
            "mcp_routes",
            &MCP_ROUTES.map(|(path, prefix)| route(path, prefix)),
        )
        .list("api_routes", &api_routes)
        .flag("many_sites", deployment.sites.len() > 1)
        .flag("merge", target.has(Feature::HeaderInheritance))
        .flag("safe_tickets", target.has(Feature::SafeTickets))
        .flag(
            "hybrid_key_exchange",
            target.has(Feature::HybridKeyExchange),
        )
        .list("sites", &sites)
}

fn site_fields(deployment: &Deployment, site: &Site) -> Fields {
    let upstream = format!("{}__{}", variable(deployment), site.name.variable());
    policy::add(Fields::default(), deployment, &upstream)
        .word("name", &site.name)
        .flag("prefixed", site.origin.tool_names == ToolNames::Prefixed)
        .words("server_names", &site.server_names)
        .word("chain", &site.certificate.chain_path)
        .word("key", &site.certificate.key_path)
        .word("upstream", &Token::composed(&upstream))
        .word("upstream_address", &site.upstream.address)
        .word(
            "upstream_keepalive",
            &NginxTime(site.upstream.keepalive_timeout),
        )
        .word("read_timeout", &NginxTime(site.upstream.read_timeout))
        .word("max_body_size", &NginxSize(site.origin.max_body_size))
        .word("page", &Token::composed(format!("{upstream}_page")))
        .flag(
            "every_page",
            site.origin.allowed_origins.contains(&AllowedOrigin::Any),
        )
        .list("pages", &pages(site))
        .word(
            "snippets",
            &piece(&deployment.paths.pieces, &snippets_of(site)),
        )
        .word("headers_conf", &headers_conf(deployment, site))
        .word("errors_conf", &errors_conf(deployment, site))
}

/// The pages that may read the answers of a site: an origin as it is written, or what NGINX's regular expression for it
/// is made of. Only a dot of a host means something there, and in brackets it means itself.
fn pages(site: &Site) -> Vec<Fields> {
    let page = |pattern, text: String| {
        Fields::default()
            .word("origin", &Token::composed(text))
            .flag("pattern", pattern)
    };
    let entries = site.origin.allowed_origins.iter();
    entries
        .filter_map(|entry| match entry {
            AllowedOrigin::Any => None,
            AllowedOrigin::Exact(origin) => Some(page(false, origin.to_string())),
            AllowedOrigin::Below(origin) => {
                let below = origin.authority().to_string().replace('.', "[.]");
                let fields = page(true, below);
                Some(fields.word("scheme", &Token::composed(origin.scheme())))
            }
        })
        .collect()
}

/// A location: one path, or all below it.
fn route(path: &str, prefix: bool) -> Fields {
    Fields::default()
        .word("path", &Token::composed(path))
        .flag("prefix", prefix)
}

fn headers_fields(fields: Fields, site: &Site) -> Fields {
    // a browser that once got HSTS with a self-signed certificate never lets its user past the warning
    fields.flag("hsts", site.certificate.kind != CertificateKind::SelfSigned)
}

/// The errors that NGINX makes itself; the codes are those of the origin.
fn errors() -> Vec<Fields> {
    ERRORS
        .iter()
        .map(|error| {
            Fields::default()
                .word("status", &Token::composed(error.status))
                .optional("rpc", error.rpc.map(Token::composed).as_ref())
                .word("code", &Token::composed(error.code))
                .word("text", &Token::composed(error.text))
                .flag("retry", error.retry)
        })
        .collect()
}

/// What names in NGINX start with: `mcp_` keeps a deployment called `http` off NGINX's own variables.
pub(super) fn variable(deployment: &Deployment) -> Token {
    Token::composed(format!("mcp_{}", deployment.name.variable()))
}

/// The host as the client wrote it: `$host` has lost its port.
fn public_host(deployment: &Deployment) -> Token {
    match deployment.edge.public_https_port.number() {
        443 => Token::composed("$host"),
        port => Token::composed(format!("$host:{port}")),
    }
}

/// A bucket has to hold a name, or the origin of a page, with NGINX's 18 bytes around it, and the default is a cache line
/// of 64: above that the next power of two.
fn hash_bucket_size(deployment: &Deployment) -> Option<u32> {
    let names = deployment.sites.iter().flat_map(|site| &site.server_names);
    let pages = deployment
        .sites
        .iter()
        .flat_map(|site| &site.origin.allowed_origins);
    let longest = names
        .map(|name| name.as_str().len())
        .chain(pages.map(|page| page.to_string().len()))
        .max()?;
    bucket_size(longest)
}

/// The buckets for names of so many bytes; none where the default does.
pub(super) fn bucket_size(longest: usize) -> Option<u32> {
    let needed = u32::try_from(longest).ok()? + 24;
    (needed > 64).then(|| needed.next_power_of_two())
}

fn headers_conf(deployment: &Deployment, site: &Site) -> AbsolutePath {
    piece(
        &deployment.paths.pieces,
        &format!("headers-{}.conf", site.name),
    )
}

/// Where the snippets of one site are, where there are several.
fn snippets_of(site: &Site) -> String {
    format!("snippets/sites/{}", site.name)
}

fn errors_conf(deployment: &Deployment, site: &Site) -> AbsolutePath {
    piece(
        &deployment.paths.pieces,
        &format!("errors-{}.conf", site.name),
    )
}

fn piece(pieces: &AbsolutePath, file: &str) -> AbsolutePath {
    pieces.below(file)
}

fn add_folders(deployment: &Deployment, snippets: &[&str], rendered: &mut Rendered) {
    let private = deployment.layout.private();
    let mut add = |path: String, mode, owner| {
        let folder = RenderedDirectory { path, mode, owner };
        rendered.directories.push(folder);
    };
    let pieces = &deployment.paths.pieces;
    let shared = ["", "/snippets"].map(str::to_owned).into_iter();
    let shared = shared.chain(snippets.iter().map(|kind| format!("/snippets/{kind}")));
    let own = deployment
        .sites
        .iter()
        .filter(|_| deployment.sites.len() > 1);
    let own = own.flat_map(|site| {
        let of_site = format!("/{}", snippets_of(site));
        ["", "/mcp", "/server"].map(|below| format!("{of_site}{below}"))
    });
    for folder in shared.chain(own) {
        add(
            format!("{pieces}{folder}"),
            0o755,
            deployment.layout.file_owner(),
        );
    }
    let Some(private) = private else {
        return;
    };
    let group = private.worker_user.as_ref().map(|worker| Owner {
        user: Owner::root().user,
        group: worker.group.clone(),
    });
    // the workers go through these to the sockets and to their temporary files
    let mode = if group.is_some() { 0o750 } else { 0o700 };
    for folder in [&deployment.paths.run, &deployment.paths.temporary] {
        add(folder.to_string(), mode, group.clone());
    }
    add(deployment.paths.log.to_string(), 0o700, None);
}

const PIECES: [(&str, &str, &str); 7] = [
    (
        "api-errors.conf",
        "api-errors.conf.tera",
        "Which body an error of the edge has on plain routes.",
    ),
    (
        "connection.conf",
        "connection.conf.tera",
        "Limits and timeouts of client connections.",
    ),
    SHARED_PIECES[0],
    (
        "mcp-errors.conf",
        "mcp-errors.conf.tera",
        "Which body an error of the edge has on MCP routes.",
    ),
    (
        "proxy.conf",
        "proxy.conf.tera",
        "From the edge to an origin.",
    ),
    SHARED_PIECES[1],
    ("tls.conf", "tls.conf.tera", "TLS."),
];

/// The pieces of every edge.
const SHARED_PIECES: [(&str, &str, &str); 2] = [
    (
        "generation.conf",
        "generation.conf.tera",
        "The name of what NGINX reads here: it changes when that does.",
    ),
    (
        "snippets/README",
        "snippets-readme.tera",
        "What is yours here.",
    ),
];

/// An error of the edge: its status, the number of its JSON-RPC form where it has one, and its envelope.
struct EdgeError {
    status: &'static str,
    rpc: Option<&'static str>,
    code: &'static str,
    text: &'static str,
    retry: bool,
}

const fn error(
    status: &'static str,
    rpc: Option<&'static str>,
    code: &'static str,
    text: &'static str,
) -> EdgeError {
    EdgeError {
        status,
        rpc,
        code,
        text,
        retry: false,
    }
}

impl EdgeError {
    const fn worth_a_retry(mut self) -> Self {
        self.retry = true;
        self
    }
}

const ERRORS: [EdgeError; 6] = [
    error("404", None, "NOT_FOUND", "no such path"),
    error(
        "413",
        Some("-32600"),
        "PAYLOAD_TOO_LARGE",
        "the request body is larger than this server takes",
    ),
    error("429", Some("-32000"), "RATE_LIMITED", "too many requests").worth_a_retry(),
    error(
        "502",
        Some("-32603"),
        "SERVICE_UNAVAILABLE",
        "the origin does not answer",
    ),
    error(
        "503",
        Some("-32603"),
        "SERVICE_UNAVAILABLE",
        "the service is not available",
    )
    .worth_a_retry(),
    error("504", Some("-32001"), "TIMEOUT", "the origin took too long"),
];
/// Where MCP is spoken: the two spellings of the one endpoint, and, as a prefix, the servers on their own.
const MCP_ROUTES: [(&str, bool); 3] = [("/mcp", false), ("/mcp/", false), ("/servers/", true)];
