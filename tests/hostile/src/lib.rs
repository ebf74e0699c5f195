//! An origin's servers, driven as the origin drives them, with the server of this package behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use findings::{Document, Report};
use mcp::Naming;
use mcp::upstream::Caller;
use origin::clock::Clock;
use origin::snapshot::Snapshot;
use origin::upstream::{Call, CallError, Options, Upstreams};
use origin_config::Server;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The servers of one origin.
#[derive(Debug)]
pub struct World {
    /// As the origin's endpoints have them.
    pub upstreams: Upstreams,
}

impl World {
    /// Starts the `[[servers]]` of this TOML and waits until each is ready or has failed. Must be called on a runtime.
    ///
    /// # Panics
    /// When the TOML is none, or nothing comes of the servers.
    pub async fn start(toml: &str) -> Self {
        let options = Options {
            naming: Naming::Prefixed,
            environment: std::env::vars_os()
                .chain([("HIDDEN".into(), "secret".into())])
                .collect(),
            client_name: "origin".to_owned(),
            native: None,
            clock: Clock::system(),
            is_counted: false,
        };
        let upstreams = Upstreams::start(&servers(toml), &options);
        let world = Self { upstreams };
        world.until(|snapshot| snapshot.ready).await;
        world
    }

    /// Calls a tool with `{"n": n}`; its answer is the text of its result.
    ///
    /// # Errors
    /// As the origin has them.
    ///
    /// # Panics
    /// When a result has no text.
    pub async fn call(&self, server: &str, tool: &str, n: u64) -> Result<String, CallError> {
        let result = self.upstreams.call(server, call(tool, n)).await?;
        let result: Value = serde_json::from_str(&result).expect("JSON");
        let text = result["content"][0]["text"].as_str();
        Ok(text.expect("a text").to_owned())
    }

    /// A call whose answer is a process id.
    ///
    /// # Panics
    /// When there is none.
    pub async fn pid(&self, server: &str, tool: &str) -> u32 {
        let answer = self.call(server, tool, 0).await;
        answer.expect("an answer").parse().expect("a number")
    }

    /// Waits for a snapshot.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn until(&self, mut wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.upstreams.snapshot();
        let found = timeout(PATIENCE, snapshots.wait_for(|snapshot| wanted(snapshot))).await;
        Arc::clone(&found.expect("the snapshot in time").expect("a supervisor"))
    }
}

/// A call of a tool.
pub fn call(tool: &str, n: u64) -> Call {
    Call {
        method: "tools/call".into(),
        params: json!({"name": tool, "arguments": {"n": n}}).to_string(),
        caller: Caller::Own,
        request_id: "r-1".to_owned(),
        trace: origin::upstream::Trace::default(),
        endless: false,
    }
}

/// The `[[servers]]` of a TOML text, as the origin reads them.
///
/// # Panics
/// When it has an error.
pub fn servers(toml: &str) -> Vec<Server> {
    let mut report = Report::new();
    let document = Document::parse(toml, "test", &mut report);
    let (config, findings) = origin_config::load(document);
    config
        .unwrap_or_else(|| panic!("{report}{findings}"))
        .servers
}

/// Whether the process runs; one that has ended and waits to be noticed by its parent does not.
pub fn runs(process: u32) -> bool {
    let stat = Path::new("/proc").join(process.to_string()).join("stat");
    std::fs::read_to_string(stat).is_ok_and(|stat| {
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.starts_with('Z')
    })
}

/// Waits until the process is gone.
///
/// # Panics
/// When it stays.
pub async fn gone(process: u32) {
    let ended = async {
        while runs(process) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("no process left");
}

/// Far above what anything here takes: it only ends a test that hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);
