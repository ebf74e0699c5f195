//! A deployment with every choice made: what is rendered, verified and run.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use origin_config::{Exposed, OriginConfig};

use crate::acme::Acme;
use crate::layout::{Layout, Paths};
use crate::passthrough::Passthrough;
use crate::policy::{Limit, Route};
use crate::target::Target;
use crate::tcp_sites::TcpRouting;
use crate::unit::ServerUnit;
use crate::words::{AbsolutePath, GenerationId, Name, Port, ServerName, SpecFile};

/// One deployment: an edge and the sites behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// `name`: unit, file and variable names start with it.
    pub name: Name,
    /// The base name of the spec that this came from, for the heads of the rendered files; no part of the generation.
    pub spec_file: SpecFile,
    /// The digest of everything else here: 16 hex digits of a SHA-256. The running parts name their own: see
    /// [`Edge::generation`].
    pub generation: GenerationId,
    /// `topology`.
    pub topology: Topology,
    /// How many generations `opsctl` keeps on the machine, at least one; no part of the generation.
    pub keep_generations: usize,
    /// The NGINX side.
    pub edge: Edge,
    /// The origins, in the order of the spec; never empty.
    pub sites: Vec<Site>,
    /// The NGINX that the edge is rendered for.
    pub target: Target,
    /// Where files go.
    pub layout: Layout,
    /// The paths that follow from the layout and the name.
    pub paths: Paths,
}

/// How requests travel from the client to the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// `h3-termination`: NGINX ends TLS and QUIC and speaks HTTP/1.1 to the origin.
    H3Termination,
    /// `stream-passthrough`: NGINX passes TCP and UDP on and the origin ends TLS and QUIC.
    StreamPassthrough,
}

/// The NGINX side of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The digest of everything that NGINX reads, which it answers at `/generation`: 16 hex digits of a SHA-256. The
    /// origins have theirs in their configuration.
    pub generation: GenerationId,
    /// Where clients of TLS (TCP) and QUIC (UDP) come: `edge.listen` × `edge.https_port`.
    pub https: Vec<SocketAddr>,
    /// How NGINX passes them on unread; none where it ends TLS and QUIC itself.
    pub passthrough: Option<Passthrough>,
    /// Where plain HTTP answers with a redirect: `edge.listen` × `edge.http_port`; empty when that is 0.
    pub http: Vec<SocketAddr>,
    /// The port that clients see (`edge.public_https_port`): it goes into `Alt-Svc`, `Host` and redirects.
    pub public_https_port: Port,
    /// How long old workers may keep their streams after a reload.
    pub worker_shutdown_timeout: Duration,
    /// Streams that one HTTP/2 or HTTP/3 connection may have open.
    pub max_concurrent_streams: u32,
    /// How long an idle client connection lives; over HTTP/3 it is also the QUIC idle timeout.
    pub keepalive_timeout: Duration,
    /// The largest request header field, in bytes: NGINX takes four buffers of this size, and the origin at least as
    /// much in all.
    pub header_buffer: u64,
    /// The origin's own endpoints that the edge passes.
    pub expose: Vec<Exposed>,
    /// Whether there is a page at `/h3check`, at the edge and at every origin.
    pub h3check: bool,
    /// What clients may do how often, by MCP method and tool.
    pub limits: Vec<Limit>,
    /// What other origins answer, by MCP method and tool.
    pub routes: Vec<Route>,
    /// The Unix socket on which the edge names its generation (`/generation`) and answers `/healthz`.
    pub socket: AbsolutePath,
    /// The access log, JSON lines.
    pub access_log: AbsolutePath,
    /// The error log.
    pub error_log: AbsolutePath,
}

/// One origin and the names under which the edge serves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// `name`: unit, user and file names of this origin.
    pub name: Name,
    /// `server_names`; never empty.
    pub server_names: Vec<ServerName>,
    /// What the edge shows to clients.
    pub certificate: Certificate,
    /// The whole configuration of the origin.
    pub origin: OriginConfig,
    /// Where that configuration is rendered to.
    pub origin_toml_path: AbsolutePath,
    /// The program of the origin.
    pub origin_executable: AbsolutePath,
    /// How the edge reaches the origin.
    pub upstream: Upstream,
    /// The tool calls that a verification makes, one for each server whose spec names one, in the order of the spec.
    pub checks: Vec<ServerCheck>,
    /// The servers that are units of their own, in the order of the spec; the origin has their sockets.
    pub units: Vec<ServerUnit>,
}

/// How the edge reaches an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The first Unix socket of `origin.bind`, or its first address.
    pub address: UpstreamAddress,
    /// How long the edge keeps an idle connection: shorter than the origin does, since NGINX fails a POST whose
    /// connection the origin has just closed (measured: each such POST is a 502).
    pub keepalive_timeout: Duration,
    /// How long the edge waits for the origin's next byte: longer than the origin itself waits for a tool, so that the
    /// origin's own answer comes first.
    pub read_timeout: Duration,
}

/// Where an origin listens, as the edge sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// A Unix socket.
    Unix(AbsolutePath),
    /// An address; loopback where the origin listens on every address.
    Tcp(SocketAddr),
}

/// A certificate chain and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// PEM, the leaf first.
    pub chain_path: AbsolutePath,
    /// PEM.
    pub key_path: AbsolutePath,
    /// Who provides the two files.
    pub kind: CertificateKind,
    /// Who shows it to clients.
    pub shown_by: ShownBy,
}

/// Who ends TLS, and so reads a certificate and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShownBy {
    /// NGINX, whose master process reads the files as root, and again at a reload.
    Edge,
    /// The origin, which reads them as its own user, and again when they change.
    Origin,
}

/// Who provides a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateKind {
    /// The operator: `tls.certificate` and `tls.private_key`. The files have to exist.
    Given,
    /// The operator, as well; but it is the origin that reads, and its user cannot read these: opsctl puts copies at the paths of
    /// the certificate.
    Copied {
        /// `tls.certificate`.
        chain: AbsolutePath,
        /// `tls.private_key`.
        key: AbsolutePath,
    },
    /// `tls.self_signed = true`: opsctl makes the files at these paths, and a CA beside them.
    SelfSigned,
    /// `[tls.acme]`: certbot gets it, and opsctl puts a copy at these paths.
    Acme(Acme),
}

impl CertificateKind {
    /// How certbot gets it, where that is the way.
    pub fn acme(&self) -> Option<&Acme> {
        match self {
            Self::Acme(acme) => Some(acme),
            Self::Given | Self::Copied { .. } | Self::SelfSigned => None,
        }
    }
}

impl Edge {
    /// Whether NGINX has the UDP sockets of [`Edge::https`]; else the origin has them.
    pub fn has_udp(&self) -> bool {
        let passthrough = self.passthrough.as_ref();
        passthrough.is_none_or(|passthrough| passthrough.udp.is_some())
    }

    /// Where TCP goes by the name that a client asks for; none where NGINX reads no name.
    pub fn routing(&self) -> Option<&TcpRouting> {
        self.passthrough.as_ref()?.routing.as_ref()
    }

    /// The Unix sockets on which NGINX listens: one that was killed leaves them behind, and then cannot bind them.
    pub fn sockets(&self) -> impl Iterator<Item = &AbsolutePath> {
        let plain = self.routing().filter(|routing| routing.has_plain());
        let plain = plain.map(|routing| &routing.plain_socket);
        std::iter::once(&self.socket).chain(plain)
    }
}

impl Certificate {
    /// The operator's files, chain and key, where there are some.
    pub fn given(&self) -> Option<(&AbsolutePath, &AbsolutePath)> {
        match &self.kind {
            CertificateKind::Given => Some((&self.chain_path, &self.key_path)),
            CertificateKind::Copied { chain, key } => Some((chain, key)),
            CertificateKind::SelfSigned | CertificateKind::Acme(_) => None,
        }
    }

    /// The folder of the files, where opsctl puts them there.
    pub fn folder(&self) -> Option<AbsolutePath> {
        if self.kind == CertificateKind::Given {
            return None;
        }
        let (folder, _) = self.chain_path.as_str().rsplit_once('/')?;
        folder.parse().ok()
    }
}

/// A tool call that proves one MCP server.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerCheck {
    /// The server's name.
    pub server: String,
    /// `check_tool`: the server's own name of the tool, without the prefix.
    pub tool: String,
    /// `check_arguments`; an empty object when the spec has none.
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(address) => write!(f, "{address}"),
        }
    }
}

impl crate::words::sealed::Sealed for UpstreamAddress {}
impl crate::words::Word for UpstreamAddress {}

impl FromStr for Topology {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "h3-termination" => Ok(Self::H3Termination),
            "stream-passthrough" => Ok(Self::StreamPassthrough),
            _ => Err("is not `h3-termination` or `stream-passthrough`".to_owned()),
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H3Termination => "h3-termination",
            Self::StreamPassthrough => "stream-passthrough",
        })
    }
}
