//! Servers of `http` and of `stream`.

use crate::nginx_conf::Statement;

use super::listen::Listen;
use super::location::{Kind, Location, has_word};
use super::scope::Scope;

/// A server of `http`.
#[derive(Debug)]
pub(crate) struct Server<'c> {
    /// The block.
    pub(crate) statement: &'c Statement,
    /// What is in force in it.
    pub(crate) scope: Scope<'c>,
    /// Where it listens; nothing where it says nothing (port 80 then).
    pub(crate) listens: Vec<Listen<'c>>,
    /// Its names.
    pub(crate) names: Vec<&'c str>,
    /// Its locations with those inside them, and each `if` inside that passes requests on.
    pub(crate) locations: Vec<Location<'c>>,
}

/// A server of `stream`.
#[derive(Debug)]
pub(crate) struct StreamServer<'c> {
    /// What is in force in it.
    pub(crate) scope: Scope<'c>,
    /// Where it listens.
    pub(crate) listens: Vec<Listen<'c>>,
}

impl<'c> Server<'c> {
    pub(super) fn read(statement: &'c Statement, http: &Scope<'c>) -> Self {
        let scope = http.inside(statement);
        let mut locations = Vec::new();
        collect(statement, &scope, &mut locations);
        Self {
            statement,
            listens: scope.own("listen").map(Listen::read).collect(),
            names: scope
                .own("server_name")
                .flat_map(Statement::arguments)
                .collect(),
            locations,
            scope,
        }
    }

    /// Whether it speaks HTTP/3.
    pub(crate) fn has_quic(&self) -> bool {
        self.listens.iter().any(|listen| listen.has("quic"))
    }

    /// Whether it speaks TLS over TCP.
    pub(crate) fn has_tls(&self) -> bool {
        self.listens.iter().any(|listen| listen.has("ssl"))
    }

    /// Whether it turns everybody away: it is there for names that nobody serves.
    pub(crate) fn refuses_all(&self) -> bool {
        let refuses = |statement: &Statement| {
            matches!(statement.argument(0), "421" | "444" | "404" | "403" | "400")
        };
        self.scope.word("ssl_reject_handshake") == "on" || self.scope.own("return").any(refuses)
    }

    /// Whether MCP goes through a location of it: it says so, or the server is named for MCP and has no other location
    /// that says so.
    pub(crate) fn carries_mcp(&self, location: &Location<'c>) -> bool {
        if location.names_mcp() {
            return true;
        }
        let is_catch_all = location.kind != Kind::Named && location.path == "/";
        let is_named = self.names.iter().any(|name| has_word(name, &["mcp"]));
        is_catch_all && is_named && !self.locations.iter().any(Location::names_mcp)
    }

    /// Whether any MCP goes through it.
    pub(crate) fn has_mcp(&self) -> bool {
        let mut locations = self.locations.iter();
        locations.any(|location| location.proxy_pass().is_some() && self.carries_mcp(location))
    }

    /// The location that answers for a path, as NGINX chooses it: the exact one, else the longest prefix, unless a pattern
    /// takes it. Nothing where no location does, or where a pattern cannot be read.
    pub(crate) fn location_for(&self, path: &str) -> Option<&Location<'c>> {
        let top = || {
            let own = self.scope.own("location");
            let own: Vec<_> = own.map(|statement| statement.span).collect();
            self.locations
                .iter()
                .filter(move |location| own.contains(&location.statement.span))
        };
        if let Some(exact) =
            top().find(|location| location.kind == Kind::Exact && location.path == path)
        {
            return Some(exact);
        }
        let prefix = top()
            .filter(|location| matches!(location.kind, Kind::Prefix | Kind::FirmPrefix))
            .filter(|location| path.starts_with(location.path))
            .max_by_key(|location| location.path.len());
        if prefix.is_some_and(|location| location.kind == Kind::FirmPrefix) {
            return prefix;
        }
        for location in
            top().filter(|location| matches!(location.kind, Kind::Pattern | Kind::PatternAnyCase))
        {
            if location.matches(path)? {
                return Some(location);
            }
        }
        prefix
    }
}

impl<'c> StreamServer<'c> {
    pub(super) fn read(statement: &'c Statement, stream: &Scope<'c>) -> Self {
        let scope = stream.inside(statement);
        Self {
            listens: scope.own("listen").map(Listen::read).collect(),
            scope,
        }
    }

    /// Whether it passes datagrams on.
    pub(crate) fn is_udp(&self) -> bool {
        self.listens.iter().any(Listen::is_udp)
    }
}

fn collect<'c>(block: &'c Statement, scope: &Scope<'c>, out: &mut Vec<Location<'c>>) {
    for child in block.children() {
        if child.name() == "location" {
            let inner = scope.inside(child);
            out.push(Location::read(child, inner.clone()));
            collect(child, &inner, out);
        } else if child.name() == "if" && block.name() == "location" {
            let inner = scope.inside(child);
            let mut location = Location::read(block, inner);
            location.statement = child;
            out.push(location);
        }
    }
}
