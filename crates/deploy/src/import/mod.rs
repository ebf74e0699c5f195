//! A hand-written edge as a deployment: what a spec can say becomes keys of `deploy.toml`, what it cannot stays NGINX's own
//! words in snippets, and every directive that is in neither is named with what stands in its place.

mod keep;
mod servers;
mod spec;
#[cfg(test)]
mod tests;

use crate::lint::Known;
use crate::lint::model::{Model, Server};
use crate::nginx_conf::{Config, Statement, parse};
use crate::words::{Name, ServerName};

use keep::sort_out;
use servers::{Upstreams, find};

/// What an edge becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The text of `deploy.toml`.
    pub spec: String,
    /// NGINX's own words that stay.
    pub snippets: Vec<Snippet>,
    /// What became of each directive.
    pub changes: Vec<Change>,
}

/// Directives for one of the folders of snippets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The folder: `http`, `server` or `mcp`.
    pub folder: &'static str,
    /// The text.
    pub text: String,
}

/// What became of a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file it stood in.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The directive without its block, secrets as stars.
    pub was: String,
    /// What stands in its place, or why nothing does.
    pub becomes: String,
    /// Whether a person has to look at it: something of the old edge is not there any more.
    pub needs_a_look: bool,
}

/// Why an edge cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No server passes MCP on.
    #[error("no server of this configuration passes MCP on")]
    NoMcp,
    /// Several do, and nobody said which.
    #[error("several servers pass MCP on: `{}`", .0.join("`, `"))]
    Several(Vec<String>),
    /// The one that does has no name of its own.
    #[error("the server that passes MCP on has no name that clients could use")]
    NoName,
    /// The requests go where no URL leads.
    #[error("`{0}` leads to no address that can be named in a URL")]
    NoAddress(String),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The name of the deployment.
    pub name: Name,
    /// The server, by one of its names; the name that it gets where it has none.
    pub server_name: Option<ServerName>,
}

/// Turns the server of a configuration that passes MCP on into a deployment.
///
/// # Errors
/// When there is no such server, more than one, or none that clients could reach by a name.
pub fn import(config: &Config, wanted: &Wanted) -> Result<Imported, ImportError> {
    let model = Model::new(config, Known::default());
    let server = choose(&model, wanted)?;
    let mut log = Log {
        config,
        changes: Vec::new(),
    };
    let upstreams = Upstreams { model: &model };
    let found = find(server, &upstreams, &mut log)?;
    let kept = sort_out(&model, server, &found, &mut log);
    let spec = spec::write(
        &spec::Parts {
            model: &model,
            server,
            wanted,
            servers: &found,
            limits: &kept,
        },
        &mut log,
    )?;
    let mut changes = log.changes;
    changes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Ok(Imported {
        spec,
        snippets: kept.snippets(),
        changes,
    })
}

fn choose<'m, 'c>(model: &'m Model<'c>, wanted: &Wanted) -> Result<&'m Server<'c>, ImportError> {
    let mut carriers: Vec<&Server<'c>> = model
        .servers
        .iter()
        .filter(|server| server.has_mcp() && !server.refuses_all())
        .collect();
    if let Some(name) = &wanted.server_name {
        let named = |server: &&Server<'c>| server.names.contains(&name.as_str());
        if carriers.iter().any(named) {
            carriers.retain(named);
        }
    }
    // one that speaks TLS beside one that does not is the same service
    if carriers.len() > 1 && carriers.iter().any(|server| server.has_tls()) {
        carriers.retain(|server| server.has_tls());
    }
    match carriers.as_slice() {
        [] => Err(ImportError::NoMcp),
        [one] => Ok(one),
        several => {
            let name =
                |server: &&Server<'c>| server.names.first().map_or("_", |name| name).to_owned();
            Err(ImportError::Several(several.iter().map(name).collect()))
        }
    }
}

/// Takes down what becomes of what.
struct Log<'c> {
    config: &'c Config,
    changes: Vec<Change>,
}

impl Log<'_> {
    /// Something else does the same.
    fn becomes(&mut self, statement: &Statement, becomes: impl Into<String>) {
        self.push(statement, becomes.into(), false);
    }

    /// Nothing does the same.
    fn lost(&mut self, statement: &Statement, why: impl Into<String>) {
        self.push(statement, why.into(), true);
    }

    fn push(&mut self, statement: &Statement, becomes: String, needs_a_look: bool) {
        let Some(file) = self.config.files.get(statement.file) else {
            return;
        };
        let line = file.document.line(statement.span.start);
        let bytes = file.document.bytes(statement.span);
        // a line of its own, so that the redaction knows a directive when it sees one
        let mut own = bytes.to_vec();
        if !own.ends_with(b";") {
            own.extend(b";");
        }
        let was = crate::lint::redact(&parse(own));
        let words = was.trim_end_matches(';').split_whitespace();
        // what an origin is told in a header is often a key, whatever the header is called
        let shown = if statement.name() == "proxy_set_header" {
            2
        } else {
            usize::MAX
        };
        self.changes.push(Change {
            file: file.name.clone(),
            line,
            was: words.take(shown).collect::<Vec<_>>().join(" "),
            becomes,
            needs_a_look,
        });
    }
}
