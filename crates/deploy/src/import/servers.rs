//! The MCP servers behind the locations of an edge.

use std::collections::BTreeSet;

use super::{ImportError, Log};
use crate::lint::model::value;
use crate::lint::model::{Kind, Location, Model, Server};
use crate::nginx_conf::Statement;

/// One MCP server that the edge passes requests to.
#[derive(Debug, Clone)]
pub(super) struct Behind<'c> {
    /// The name that it gets.
    pub(super) name: String,
    /// Its endpoint.
    pub(super) url: String,
    /// The paths that clients use, as the locations have them without a slash at the end.
    pub(super) paths: Vec<String>,
    /// How long the edge waits for it, in seconds.
    pub(super) patience: Option<u64>,

    /// The locations.
    pub(super) locations: Vec<&'c Statement>,
}

/// The upstream blocks of a configuration.
pub(super) struct Upstreams<'m, 'c> {
    pub(super) model: &'m Model<'c>,
}

/// The path that stands for MCP where a location takes every path.
const ENDPOINT: &str = "/mcp";

/// Finds every MCP server that a server passes requests to, each once.
pub(super) fn find<'c>(
    server: &Server<'c>,
    upstreams: &Upstreams<'_, 'c>,
    log: &mut Log<'_>,
) -> Result<Vec<Behind<'c>>, ImportError> {
    let mut found: Vec<Behind<'c>> = Vec::new();
    let mut names = BTreeSet::new();
    for location in &server.locations {
        let Some(pass) = location.proxy_pass() else {
            continue;
        };
        if !server.carries_mcp(location) {
            continue;
        }
        let path = endpoint_of(location);
        let url = upstreams.url(location, pass, &path, log)?;
        if let Some(known) = found.iter_mut().find(|known| same(&known.url, &url)) {
            known.locations.push(location.statement);
            if !known.paths.contains(&path) {
                known.paths.push(path);
            }
            continue;
        }
        let name = unused(
            name_of(&path, upstreams.model.upstream_of(location)),
            &mut names,
        );
        log.becomes(pass, format!("[[servers]] `{name}` with url `{url}`"));
        found.push(Behind {
            name,
            url,
            paths: vec![path],
            patience: patience(location),

            locations: vec![location.statement],
        });
    }
    if found.is_empty() {
        return Err(ImportError::NoMcp);
    }
    Ok(found)
}

/// The endpoint that a client of this location uses.
fn endpoint_of(location: &Location<'_>) -> String {
    let path = location.path.trim_end_matches('/');
    let is_plain = matches!(location.kind, Kind::Exact | Kind::Prefix | Kind::FirmPrefix);
    if path.is_empty() || !is_plain {
        ENDPOINT.to_owned()
    } else {
        path.to_owned()
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn patience(location: &Location<'_>) -> Option<u64> {
    let written = location.scope.nearest("proxy_read_timeout")?;
    let time = value::time(written.argument(0))?;
    (time.as_secs() > 0).then_some(time.as_secs())
}

impl<'c> Upstreams<'_, 'c> {
    /// The URL that requests for `path` go to.
    fn url(
        &self,
        location: &Location<'c>,
        pass: &Statement,
        path: &str,
        log: &mut Log<'_>,
    ) -> Result<String, ImportError> {
        let target = pass.argument(0);
        let refused = || ImportError::NoAddress(target.to_owned());
        let (scheme, rest) = target.split_once("://").ok_or_else(refused)?;
        let (authority, uri) = match rest.split_once('/') {
            Some((authority, uri)) => (authority, Some(format!("/{uri}"))),
            None => (rest, None),
        };
        let authority = match self.model.upstream_of(location) {
            Some(block) => Self::first_server(block, log).ok_or_else(refused)?,
            None => authority.to_owned(),
        };
        let is_nameable =
            !authority.starts_with("unix") && !target.contains('$') && !authority.is_empty();
        if !is_nameable || !matches!(scheme, "http" | "https") {
            return Err(refused());
        }
        let path = match uri {
            // what the location matched is replaced
            Some(uri) => {
                let rest = path.strip_prefix(location.path).unwrap_or_default();
                format!("{uri}{rest}")
            }
            None => path.to_owned(),
        };
        Ok(format!("{scheme}://{authority}{path}"))
    }

    fn first_server(block: &Statement, log: &mut Log<'_>) -> Option<String> {
        let mut servers = block
            .children()
            .iter()
            .filter(|child| child.name() == "server");
        let first = servers.next()?;
        for other in servers {
            log.lost(other, "one URL a server: put the others behind a balancer, or name each as a server of its own");
        }
        let address = first.argument(0);
        if address.starts_with("unix:") {
            return None;
        }
        Some(address.to_owned())
    }
}

/// A name for a server: what its path says beside `mcp`, else its upstream, else `app`.
fn name_of(path: &str, upstream: Option<&Statement>) -> String {
    let said = path
        .split('/')
        .find(|part| !part.is_empty() && *part != "mcp");
    let said = said.or_else(|| upstream.map(|block| block.argument(0)));
    let mut name: String = said
        .unwrap_or("app")
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let name: String = name.trim_matches('-').chars().take(28).collect();
    if name.is_empty() {
        "app".to_owned()
    } else {
        name
    }
}

fn unused(name: String, names: &mut BTreeSet<String>) -> String {
    let mut candidates =
        std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
    let free = candidates
        .find(|candidate| !names.contains(candidate))
        .unwrap_or(name);
    names.insert(free.clone());
    free
}
