//! One origin as a value: configured, given tools of its own, bound, run.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use origin_config::OriginConfig;
use tokio::sync::{Notify, mpsc};

use crate::app::{App, Extras};
use crate::clock::Clock;
use crate::listen::{self, BindError, Inherited, Listener};
use crate::native::{self, Tool, Toolbox};
use crate::reload::{self, Reloads, Source};
use crate::run::{Change, Stop, run};
use crate::signals;
use crate::tls::{CertificateError, Store};

/// An origin that does not run yet.
#[derive(Debug)]
pub struct Origin {
    config: OriginConfig,
    environment: Vec<(OsString, OsString)>,
    toolbox: Toolbox,
    tools_as: String,
    source: Option<Source>,
}

/// An origin that has its sockets.
#[derive(Debug)]
pub struct Bound {
    origin: Origin,
    listeners: Vec<Listener>,
    certificates: Option<Arc<Store>>,
}

/// Why an origin did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its own tools and a server of the configuration go by one name.
    #[error(
        "`{0}` is a server of the configuration and the name of the tools that are compiled in"
    )]
    Name(String),
    /// A certificate of its own cannot be used. The words are those of the cause.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It has no sockets. The words are those of the cause.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system refused something else.
    #[error("the origin cannot run")]
    System(#[from] io::Error),
}

impl Origin {
    /// An origin with this configuration. `environment` is the process's own, of which its servers get a part.
    pub fn new(config: OriginConfig, environment: Vec<(OsString, OsString)>) -> Self {
        Self {
            config,
            environment,
            toolbox: Toolbox::default(),
            tools_as: native::SERVER.to_owned(),
            source: None,
        }
    }

    /// The same with the place where its configuration is read again at SIGHUP. Without one that reads the certificates only.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// The same with one more tool. Of two with one name the later one stays.
    #[must_use]
    pub fn tool(mut self, tool: impl Tool) -> Self {
        self.toolbox.add(tool);
        self
    }

    /// The same with another name for the server that its own tools belong to: `[a-z0-9-]`, and none of `[[servers]]`.
    #[must_use]
    pub fn tools_as(mut self, server: &str) -> Self {
        server.clone_into(&mut self.tools_as);
        self
    }

    /// Binds every socket. Call it before any thread starts where one is a Unix socket.
    ///
    /// # Errors
    /// One of them cannot be bound, and none is then; or a name is taken, or a certificate cannot be used.
    pub fn bind(self) -> Result<Bound, RunError> {
        let mut servers = self.config.servers.iter();
        if !self.toolbox.is_empty() && servers.any(|server| server.name == self.tools_as) {
            return Err(RunError::Name(self.tools_as));
        }
        let names = self
            .environment
            .iter()
            .find(|(name, _)| name == "LISTEN_FDNAMES");
        let names = names.and_then(|(_, names)| names.to_str());
        let pairs = &self.config.tls.certificates;
        let certificates = (!pairs.is_empty())
            .then(|| Store::open(pairs, Clock::system()))
            .transpose()?;
        let listeners = listen::bind_all(&self.config, Inherited::from_environment(names))?;
        let origin = self;
        Ok(Bound {
            origin,
            listeners,
            certificates,
        })
    }

    /// Binds and runs.
    ///
    /// # Errors
    /// It could not begin.
    pub async fn run(self) -> Result<(), RunError> {
        Ok(self.bind()?.run().await?)
    }
}

impl Bound {
    /// Serves until SIGTERM or SIGINT, and has drained when it returns. SIGHUP has the configuration read again.
    ///
    /// # Errors
    /// It could not begin.
    pub async fn run(mut self) -> io::Result<()> {
        let (stop, asked) = (Stop::default(), Arc::new(Notify::new()));
        let done = Arc::<Reloads>::default();
        let (sender, changes) = mpsc::channel(1);
        let signals = tokio::spawn(signals::watch(stop.clone(), Arc::clone(&asked))?);
        let certificates = self.certificates.clone();
        let reloads = match self.origin.source.take() {
            Some(source) => tokio::spawn(source.attend(asked, sender, Arc::clone(&done))),
            None => tokio::spawn(reload::certificates_alone(asked, certificates)),
        };
        let ended = self.serve(stop, changes, done).await;
        signals.abort();
        reloads.abort();
        tracing::info!("drained");
        ended
    }

    /// Serves until `stop`, and has drained when it returns.
    ///
    /// # Errors
    /// It could not begin.
    pub async fn run_until(self, stop: Stop) -> io::Result<()> {
        let (_, changes) = mpsc::channel(1);
        self.serve(stop, changes, Arc::default()).await
    }

    async fn serve(
        self,
        stop: Stop,
        changes: mpsc::Receiver<Change>,
        reloads: Arc<Reloads>,
    ) -> io::Result<()> {
        let Self {
            origin,
            listeners,
            certificates,
        } = self;
        for listener in &listeners {
            tracing::info!(address = %listener.name, role = ?listener.role, "listening");
        }
        let native =
            (!origin.toolbox.is_empty()).then(|| (origin.tools_as, Arc::new(origin.toolbox)));
        let extras = Extras {
            native,
            certificates,
            reloads,
        };
        let app = App::start_with(origin.config, origin.environment, Clock::system(), extras);
        run(app, listeners, stop, changes).await
    }

    /// Where it listens, as the operator named it; with the port that the system chose.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.listeners.iter().map(|listener| &*listener.name)
    }
}
