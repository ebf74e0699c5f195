//! JSON lines on standard output. Both functions set what a process has once: they are for `main`.

use origin_config::LogLevel;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// The level of the log, which can be changed while it is written.
#[derive(Debug, Clone)]
pub struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Lines of this level and above are written from now on.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::warn!(%error, "the level of the log stays as it is");
        }
    }
}

/// Starts the log. Timestamps are RFC 3339 in UTC. The access log does not depend on the level, as in Hypercorn, where it
/// is a logger of its own.
pub fn start(level: LogLevel) -> Level {
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    Level(handle)
}

fn filter(level: LogLevel) -> Targets {
    let own = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    // At DEBUG the HTTP crates write a line per frame, which hides what the origin says.
    let foreign = own.min(LevelFilter::INFO);
    Targets::new()
        .with_default(foreign)
        .with_target("origin", own)
        .with_target("access", LevelFilter::INFO)
}

/// Sends panics to the log, where they have a time and a place, instead of plain text to standard error.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let reason = crate::middleware::panic_guard::reason(panic.payload());
        tracing::error!(place, reason, "panic");
    }));
}
