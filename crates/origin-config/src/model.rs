//! The values of an origin TOML after reading: nothing is optional that has a default.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::allow::{AllowedHost, AllowedOrigin};
use crate::dependency::Dependency;
use crate::expose::Exposed;
use crate::filter::Filter;
use crate::launch::Launch;
use crate::limits::ClientLimits;
use crate::quic::Quic;
use crate::remote::Remote;
use crate::tls::Tls;

/// Everything that an origin needs to know before it binds its first socket.
///
/// Keys that Hypercorn has keep Hypercorn's name; `defaults.toml` beside this file gives every default its reason.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
pub struct OriginConfig {
    /// `name`: what the service calls itself in logs, `/capz` and to MCP clients.
    pub name: String,
    /// `generation`: the digest of the deployment that this file was rendered from; empty in a file written by hand.
    pub generation: String,
    /// `bind` (Hypercorn): where MCP clients, or the edge, connect; with TLS where there is a certificate.
    pub bind: Vec<Bind>,
    /// `admin_bind`: where health, readiness and the list of streams are served beside the public routes; none by default.
    pub admin_bind: Vec<Bind>,
    /// `certfile`, `keyfile` and the other keys of TLS.
    pub tls: Tls,
    /// `quic_bind`, `alt_svc_headers` and `[quic]`: HTTP/3.
    pub quic: Quic,
    /// `umask` (Hypercorn): the file mode creation mask of Unix sockets that the origin binds itself.
    pub umask: u32,
    /// `backlog` (Hypercorn): the length of the listen queue.
    pub backlog: u32,
    /// `trusted_peers`: who may speak for a client with `Forwarded` or `X-Forwarded-*`.
    pub trusted_peers: Vec<TrustedPeer>,
    /// `trusted_hops`: how many proxies stand before the origin, counted from the origin.
    pub trusted_hops: u32,
    /// `proxy_protocol`: who begins each connection to `bind` and `insecure_bind` with a PROXY protocol header.
    pub proxy_protocol: Vec<TrustedPeer>,
    /// `allowed_hosts`: the hosts that requests may be for, beside loopback and the addresses of `bind`.
    pub allowed_hosts: Vec<AllowedHost>,
    /// `allowed_origins`: the web pages that may send requests, beside those of this machine.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// `expose`: the endpoints beside MCP that are public; the others are on `admin_bind` alone, or nowhere.
    pub expose: Vec<Exposed>,
    /// `api_keys_file`: the keys that clients need; `None`: none are asked for.
    pub api_keys_file: Option<PathBuf>,
    /// `state_key_file`: where the key is kept that `requestState` is sealed with; `None`: each start makes one.
    pub state_key_file: Option<PathBuf>,
    /// `tool_names`: how tools are named to clients.
    pub tool_names: ToolNames,
    /// `include_server_header` (Hypercorn): whether responses carry `Server`.
    pub include_server_header: bool,
    /// `accesslog` (Hypercorn): whether one line per request is written; `"-"` or absent, as Hypercorn has it.
    pub accesslog: bool,
    /// `loglevel` (Hypercorn).
    pub loglevel: LogLevel,
    /// `graceful_timeout` (Hypercorn): how long calls in flight may take after SIGTERM.
    pub graceful_timeout: Duration,
    /// `keep_alive_timeout` (Hypercorn): how long an idle connection is kept.
    pub keep_alive_timeout: Duration,
    /// `read_timeout` (Hypercorn): how long a client may take to send its request head, or pause in its request body.
    pub read_timeout: Duration,
    /// `h11_max_incomplete_size` (Hypercorn): the largest HTTP/1.1 request head, in bytes.
    pub h11_max_incomplete_size: u64,
    /// `h2_max_concurrent_streams` (Hypercorn).
    pub h2_max_concurrent_streams: u32,
    /// `h2_max_header_list_size` (Hypercorn): in bytes, as RFC 9113 section 6.5.2 counts them.
    pub h2_max_header_list_size: u32,
    /// `max_body_size`: the largest request body, in bytes.
    pub max_body_size: u64,
    /// `stream_keep_alive`: a stream that sent nothing for this long sends a comment.
    pub stream_keep_alive: Duration,
    /// `[timeouts]`.
    pub timeouts: Timeouts,
    /// `[sessions]`: clients of the MCP revisions that open with a handshake.
    pub sessions: Sessions,
    /// `[limits]`: what one client may take.
    pub limits: ClientLimits,
    /// `h3check`: whether there is a page at `/h3check` that says which HTTP version its browser used.
    pub h3check: bool,
    /// `metrics`: whether there is a page of figures at `/metrics` on the admin listener.
    pub metrics: bool,
    /// `health_check_interval`: the pause between two checks of a dependency.
    pub health_check_interval: Duration,
    /// `[[servers]]`: the MCP servers behind this origin.
    pub servers: Vec<Server>,
    /// `[[dependencies]]`: what `/health` depends on beside the servers.
    pub dependencies: Vec<Dependency>,
}

/// What the sessions of all clients together may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// `sessions.max`: how many there may be.
    pub max: u32,
    /// `sessions.idle_timeout`: one that nobody used and nobody listens to for this long is ended.
    pub idle_timeout: Duration,
    /// `sessions.max_bytes`: what may be kept of their streams for clients that come back, in bytes.
    pub max_bytes: u64,
    /// `sessions.answer_wait`: how long a POST waits for its answer as JSON before it becomes a stream; for requests of every
    /// MCP revision.
    pub answer_wait: Duration,
}

/// How long a client may wait, by route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// `timeouts.request`: every route that is not named here.
    pub request: Duration,
    /// `timeouts.mcp`: a POST to `/mcp`, `/servers/{name}/mcp` or `/call-tool`; above every `call_timeout`, so that the call ends first.
    pub mcp: Duration,
    /// `timeouts.smoke`: the response head of `/mcp/sse` and `/mcp/stream-demo`.
    pub smoke: Duration,
    /// `timeouts.write_stall`: a client that stopped reading is cut off after this long.
    pub write_stall: Duration,
}

/// One MCP server behind the origin: a command that speaks MCP over its standard input and output, a socket that leads to such
/// a command, or one that runs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `name`: `[a-z0-9-]` with single underscores inside, at most 32 characters.
    pub name: String,
    /// `command`: the program and its arguments; empty only for a server with `url` or `socket`.
    pub command: Vec<String>,
    /// `url` and its keys: the server runs elsewhere.
    pub remote: Option<Remote>,
    /// `socket`: the Unix socket behind which somebody else starts its processes, one for each connection.
    pub socket: Option<PathBuf>,
    /// `working_directory`: where the command starts; the origin's own when absent.
    pub working_directory: Option<PathBuf>,
    /// `environment`: variables set for the command. Its environment is otherwise empty but for a short list.
    pub environment: BTreeMap<String, String>,
    /// `environment_pass`: names of the origin's own variables that the command gets too.
    pub environment_pass: Vec<String>,
    /// How its processes are made.
    pub launch: Launch,
    /// `start_timeout`: how long it may take until its tools are listed.
    pub start_timeout: Duration,
    /// `call_timeout`: how long one call may take.
    pub call_timeout: Duration,
    /// `process`: who shares a process of it.
    pub process: ProcessMode,
    /// `include` and `exclude`: which of its tools, prompts and resources clients see.
    pub filter: Filter,
    /// `max_processes`: how many processes sessions may have of it beside the shared one.
    pub max_processes: u32,
}

/// Who shares a process of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProcessMode {
    /// `shared`: all clients. The server is told of no client capabilities, so it asks no client anything.
    #[default]
    Shared,
    /// `per-session`: each session that uses the server has one of its own, and speaks with it as if they were alone.
    PerSession,
}

/// An address to listen on: `host:port` or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bind {
    /// An IP address and port; port 0 asks the system for a free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// A peer that may speak for its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedPeer {
    /// `unix:`: whoever can connect to the Unix socket.
    Unix,
    /// A network such as `10.0.0.0/8`, or one address.
    Network(ipnet::IpNet),
}

/// How tools are named to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolNames {
    /// `prefixed`: `{server}__{tool}`.
    Prefixed,
    /// `plain`: the tool's own name; for one server.
    Plain,
}

/// Hypercorn's log levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// `DEBUG`
    Debug,
    /// `INFO`
    Info,
    /// `WARNING`
    Warning,
    /// `ERROR` and `CRITICAL`
    Error,
}

impl Bind {
    /// The path of a Unix socket.
    pub fn unix_path(&self) -> Option<&Path> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(path) => Some(path),
        }
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for TrustedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix:"),
            Self::Network(network) => write!(f, "{network}"),
        }
    }
}

impl fmt::Display for ToolNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefixed => "prefixed",
            Self::Plain => "plain",
        })
    }
}

impl fmt::Display for ProcessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::PerSession => "per-session",
        })
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        })
    }
}
