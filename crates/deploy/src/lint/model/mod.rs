//! What a configuration means: servers, their addresses and locations, upstreams, and what is in force where.

mod listen;
mod location;
mod scope;
mod server;
pub(crate) mod value;

use std::collections::HashMap;

use super::known::{Known, Seen};
use crate::nginx_conf::{Config, Document, Statement};
use crate::target::{Target, Version};

pub(crate) use listen::Listen;
pub(crate) use location::{Kind, Location, names_mcp};
pub(crate) use scope::Scope;
pub(crate) use server::{Server, StreamServer};

/// A configuration as the rules see it.
#[derive(Debug)]
pub(crate) struct Model<'c> {
    /// The configuration.
    pub(crate) config: &'c Config,
    /// The NGINX that it is for; none when nobody said.
    pub(crate) target: Option<&'c Target>,
    /// What is known of its certificates.
    pub(crate) certificates: &'c [Seen],
    /// The top level.
    pub(crate) main: Scope<'c>,
    /// The blocks `http`.
    pub(crate) http: Vec<&'c Statement>,
    /// The servers of `http`, in their order.
    pub(crate) servers: Vec<Server<'c>>,
    /// The upstreams of `http`, by name.
    pub(crate) upstreams: HashMap<&'c str, &'c Statement>,
    /// The servers of `stream`.
    pub(crate) stream_servers: Vec<StreamServer<'c>>,
    /// The upstreams of `stream`, by name.
    pub(crate) stream_upstreams: HashMap<&'c str, &'c Statement>,
}

/// What opsctl writes into the head of every file that it renders.
const RENDERED: &[u8] = b"# Rendered by opsctl from ";

/// Whether opsctl rendered a file, whoever edited it since: its head says so.
pub fn is_rendered(document: &Document) -> bool {
    let mut head = document.source().split(|byte| *byte == b'\n').take(4);
    head.any(|line| line.starts_with(RENDERED))
}

impl<'c> Model<'c> {
    pub(crate) fn new(config: &'c Config, known: Known<'c>) -> Self {
        let main = Scope::of(&config.root);
        let mut model = Self {
            config,
            target: known.target,
            certificates: known.certificates,
            http: main.own("http").collect(),
            servers: Vec::new(),
            upstreams: HashMap::new(),
            stream_servers: Vec::new(),
            stream_upstreams: HashMap::new(),
            main,
        };
        for http in model.http.clone() {
            let scope = model.main.inside(http);
            model.servers.extend(
                scope
                    .own("server")
                    .map(|server| Server::read(server, &scope)),
            );
            model.upstreams.extend(
                scope
                    .own("upstream")
                    .map(|block| (block.argument(0), block)),
            );
        }
        for stream in model.main.own("stream") {
            let scope = model.main.inside(stream);
            let servers = scope
                .own("server")
                .map(|server| StreamServer::read(server, &scope));
            model.stream_servers.extend(servers);
            let upstreams = scope
                .own("upstream")
                .map(|block| (block.argument(0), block));
            model.stream_upstreams.extend(upstreams);
        }
        model
    }

    /// Whether everything is here, so that what is not here does not exist: NGINX starts with no configuration without
    /// `events`.
    pub(crate) fn is_complete(&self) -> bool {
        self.main.own("events").next().is_some()
    }

    /// Whether opsctl rendered the file of this statement: then the origin behind it is known to mark its streams, and to
    /// keep its connections longer than the edge does.
    pub(crate) fn is_rendered(&self, statement: &Statement) -> bool {
        let document = self.config.document(statement.file);
        document.is_some_and(is_rendered)
    }

    /// Whether the target is known to be this version or a later one.
    pub(crate) fn is_at_least(&self, version: Version) -> bool {
        self.target.is_some_and(|target| target.version >= version)
    }

    /// Whether the target is not known to lack this directive.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.target.is_none_or(|target| target.knows(name))
    }

    /// Every location that passes MCP on, with its server.
    pub(crate) fn mcp_locations(&self) -> impl Iterator<Item = (&Server<'c>, &Location<'c>)> {
        self.proxied()
            .filter(|(server, location)| server.carries_mcp(location))
    }

    /// Every location that passes event streams on: those of MCP and those that say so.
    pub(crate) fn streaming_locations(&self) -> impl Iterator<Item = (&Server<'c>, &Location<'c>)> {
        self.proxied()
            .filter(|(server, location)| server.carries_mcp(location) || location.names_streams())
    }

    /// Every location that passes requests on.
    pub(crate) fn proxied(&self) -> impl Iterator<Item = (&Server<'c>, &Location<'c>)> {
        self.servers.iter().flat_map(|server| {
            let locations = server
                .locations
                .iter()
                .map(move |location| (server, location));
            locations.filter(|(_, location)| location.proxy_pass().is_some())
        })
    }

    /// The upstream block that a location passes requests to; none for an address or a name of DNS.
    pub(crate) fn upstream_of(&self, location: &Location<'c>) -> Option<&'c Statement> {
        let target = location.proxy_pass()?.argument(0);
        let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
        let name = rest.split('/').next().unwrap_or(rest);
        self.upstreams.get(name).copied()
    }

    /// The server that answers on the socket of this `listen` until a name has chosen another: the marked one, else the
    /// first.
    pub(crate) fn default_server(&self, listen: &Listen<'c>) -> Option<&Server<'c>> {
        let on_socket =
            |server: &&Server<'c>| server.listens.iter().any(|other| other.same_socket(listen));
        let marked = self.servers.iter().find(|server| {
            let mut listens = server.listens.iter();
            listens.any(|other| other.same_socket(listen) && other.is_default())
        });
        marked.or_else(|| self.servers.iter().find(on_socket))
    }
}
