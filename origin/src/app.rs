//! What every request can reach.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Extensions;
use origin_config::{OriginConfig, Reload, ToolNames};

use crate::clock::Clock;
use crate::endpoint::mcp::{Parked, Sessions};
use crate::health::Dependencies;
use crate::keys::{Holder, Keys};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::native::Toolbox;
use crate::reload::Reloads;
use crate::router::Routes;
use crate::snapshot::Snapshot;
use crate::state_key;
use crate::stream::Streams;
use crate::tls::Store;
use crate::tools::Books;
use crate::upstream::{Options, Upstreams};

/// The state of a running origin, shared by all requests; a new configuration makes another one ([`App::succeed`]).
#[derive(Debug)]
pub struct App {
    /// The configuration, checked.
    pub config: Arc<OriginConfig>,
    /// The MCP servers behind this origin.
    pub upstreams: Arc<Upstreams>,
    /// The streams that are open now.
    pub streams: Arc<Streams>,
    /// Which endpoint answers which path.
    pub routes: Routes,
    /// The sessions of MCP clients up to 2025-11-25.
    pub sessions: Arc<Sessions>,
    /// The requests of MCP clients of 2026-07-28 that wait at a server for an answer of theirs.
    pub parked: Arc<Parked>,
    /// Who the origin is to MCP clients.
    pub service: mcp::Service,
    /// The API keys that clients need; `None`: none are asked for.
    pub keys: Option<Arc<Keys>>,
    /// What is counted of requests; `None`: nothing is counted.
    pub metrics: Option<Arc<Metrics>>,
    /// What one client may take.
    pub limits: Arc<Limits>,
    /// What the servers need beside themselves.
    pub dependencies: Arc<Dependencies>,
    /// What the states of servers are sealed with.
    pub seal: Arc<mcp::Seal>,
    /// The origin's own certificates; `None`: it speaks no TLS.
    pub certificates: Option<Arc<Store>>,
    /// The tools, as clients see them that do not speak MCP.
    pub books: Arc<Books>,
    /// The keys of the file that wait for the next start: what is running has their old values.
    pub waiting: Vec<&'static str>,
    /// How often the configuration was read again, and what came of it.
    pub reloads: Arc<Reloads>,
    /// Where the time comes from.
    pub clock: Clock,
    began: Instant,
}

/// What an origin has beside its configuration.
#[derive(Debug, Default)]
pub struct Extras {
    /// Tools that are compiled in, and the name of the server that they make.
    pub native: Option<(String, Arc<Toolbox>)>,
    /// The certificates of `certfile`, read.
    pub certificates: Option<Arc<Store>>,
    /// Where it is told how often its configuration is read again.
    pub reloads: Arc<Reloads>,
}

impl App {
    /// Starts the servers of the configuration and returns at once: readiness follows them. `environment` is the origin's
    /// own, of which the servers get a part. Must be called on a runtime.
    pub fn start(
        config: OriginConfig,
        environment: Vec<(OsString, OsString)>,
        clock: Clock,
    ) -> Arc<Self> {
        Self::start_with(config, environment, clock, Extras::default())
    }

    /// The same with what a configuration alone does not make.
    pub fn start_with(
        config: OriginConfig,
        environment: Vec<(OsString, OsString)>,
        clock: Clock,
        extras: Extras,
    ) -> Arc<Self> {
        let Extras {
            native,
            certificates,
            reloads,
        } = extras;
        let is_counted = config.metrics || !config.admin_bind.is_empty();
        let options = Options {
            naming: match config.tool_names {
                ToolNames::Prefixed => mcp::Naming::Prefixed,
                ToolNames::Plain => mcp::Naming::Plain,
            },
            environment,
            client_name: config.name.clone(),
            native,
            is_counted,
            clock,
        };
        let upstreams = Arc::new(Upstreams::start(&config.servers, &options));
        Arc::new(Self {
            parked: Arc::default(),
            sessions: Sessions::start(&config, Arc::clone(&upstreams), clock),
            service: mcp::Service {
                name: config.name.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                keyed: config.api_keys_file.is_some(),
            },
            keys: config
                .api_keys_file
                .as_deref()
                .map(|path| Keys::start(path, clock)),
            metrics: is_counted.then(Arc::default),
            limits: Arc::new(Limits::new(&config.limits, clock)),
            dependencies: Arc::new(Dependencies::start(&config.dependencies, clock)),
            seal: state_key::open(config.state_key_file.as_deref()).into(),
            certificates,
            upstreams,
            streams: Streams::new(config.stream_keep_alive, clock),
            routes: Routes::new(&config.expose),
            books: Arc::default(),
            waiting: Vec::new(),
            reloads,
            config: Arc::new(config),
            clock,
            began: clock.now(),
        })
    }

    /// What this is under a new configuration. Servers, sessions, streams and everything else that did not change is the same
    /// thing in both. Must be called on a runtime.
    pub fn succeed(&self, reload: Reload) -> Arc<Self> {
        let Reload {
            config, waiting, ..
        } = reload;
        let now = &self.config;
        if config.servers != now.servers {
            let patience = config.graceful_timeout;
            self.upstreams.arrange(&config.servers, patience);
        }
        let path = config.api_keys_file.as_deref();
        let keys = if config.api_keys_file == now.api_keys_file {
            self.keys.clone()
        } else {
            path.map(|path| Keys::start(path, self.clock))
        };
        let seal = match &config.state_key_file {
            // Another start would make another key, and so would this.
            None if now.state_key_file.is_none() => Arc::clone(&self.seal),
            // Read again, so that a new key is taken up where the file has kept its name.
            file => state_key::open(file.as_deref()).into(),
        };
        let limits = if config.limits == now.limits {
            Arc::clone(&self.limits)
        } else {
            Arc::new(Limits::new(&config.limits, self.clock))
        };
        let dependencies = if config.dependencies == now.dependencies {
            Arc::clone(&self.dependencies)
        } else {
            Arc::new(Dependencies::start(&config.dependencies, self.clock))
        };
        Arc::new(Self {
            upstreams: Arc::clone(&self.upstreams),
            streams: Arc::clone(&self.streams),
            routes: Routes::new(&config.expose),
            sessions: Arc::clone(&self.sessions),
            parked: Arc::clone(&self.parked),
            service: mcp::Service {
                keyed: keys.is_some(),
                ..self.service.clone()
            },
            keys,
            metrics: self.metrics.clone(),
            limits,
            dependencies,
            seal,
            certificates: self.certificates.clone(),
            books: Arc::clone(&self.books),
            waiting,
            reloads: Arc::clone(&self.reloads),
            config: Arc::new(config),
            clock: self.clock,
            began: self.began,
        })
    }

    /// How long the origin has been there.
    pub fn uptime(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.began)
    }

    /// What a request may see of the capabilities at this moment: its key may be for some servers only.
    pub fn snapshot_for(&self, extensions: &Extensions) -> Arc<Snapshot> {
        let whole = self.snapshot();
        match Holder::of(extensions) {
            Some(holder) => holder.view(&whole),
            None => whole,
        }
    }

    /// The capabilities at this moment.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.upstreams.snapshot().borrow())
    }
}
