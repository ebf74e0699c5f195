//! Real processes, some of them hostile, behind real pipes.

mod arranged;
mod faults;
mod private;
mod remote;
mod serves;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mcp::Naming;
use mcp::upstream::Caller;
use origin_config::{ProcessMode, Server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{Call, CallError, Options, Said, Trace, Upstreams};
use crate::clock::Clock;
use crate::snapshot::Snapshot;

/// A server of `server.py` in one of its modes; an empty mode is a good one.
fn server(name: &str, mode: &str) -> Server {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/upstream/tests/server.py");
    let command = ["python3", script, mode]
        .into_iter()
        .filter(|word| !word.is_empty());
    Server {
        name: name.into(),
        command: command.map(Into::into).collect(),
        remote: None,
        socket: None,
        working_directory: None,
        environment: [("SET_HERE".to_owned(), "yes".to_owned())].into(),
        environment_pass: Vec::new(),
        start_timeout: PATIENCE,
        call_timeout: PATIENCE,
        process: ProcessMode::Shared,
        launch: origin_config::Launch::default(),
        filter: origin_config::Filter::default(),
        max_processes: 2,
    }
}

fn start(servers: &[Server]) -> Upstreams {
    let options = Options {
        is_counted: false,
        naming: Naming::Prefixed,
        environment: std::env::vars_os()
            .chain([("HIDDEN".into(), "secret".into())])
            .collect(),
        client_name: "origin".into(),
        native: None,
        clock: Clock::system(),
    };
    Upstreams::start(servers, &options)
}

/// Starts the servers and waits for the first complete snapshot.
async fn started(servers: &[Server]) -> Upstreams {
    let upstreams = start(servers);
    seen(&upstreams, |snapshot| snapshot.ready).await;
    upstreams
}

/// Waits for a snapshot.
async fn seen(upstreams: &Upstreams, wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut wanted = wanted;
    let mut snapshots = upstreams.snapshot();
    let found = timeout(PATIENCE, snapshots.wait_for(|snapshot| wanted(snapshot))).await;
    Arc::clone(&found.expect("the snapshot in time").expect("a supervisor"))
}

async fn call(upstreams: &Upstreams, server: &str, tool: &str) -> Result<Value, CallError> {
    let result = upstreams.call(server, asked(tool)).await?;
    Ok(serde_json::from_str(&result).expect("JSON"))
}

/// A call of a tool.
fn asked(tool: &str) -> Call {
    Call {
        method: "tools/call".into(),
        params: format!(r#"{{"name":"{tool}","arguments":{{"n":1}}}}"#),
        caller: Caller::Own,
        request_id: "r-1".into(),
        trace: Trace::default(),
        endless: false,
    }
}

async fn pid(upstreams: &Upstreams, server: &str, tool: &str) -> Pid {
    let id = call(upstreams, server, tool)
        .await
        .expect("a pid")
        .as_i64()
        .expect("a number");
    Pid::from_raw(i32::try_from(id).expect("a small number")).expect("not zero")
}

fn kill(process: Pid) {
    kill_process(process, Signal::KILL).expect("a process to kill");
}

/// Whether the process runs; one that has ended and waits to be noticed by its parent does not.
fn runs(process: Pid) -> bool {
    let stat = std::fs::read_to_string(
        Path::new("/proc")
            .join(process.as_raw_nonzero().to_string())
            .join("stat"),
    );
    stat.is_ok_and(|stat| {
        !stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .starts_with('Z')
    })
}

/// Waits until the process is gone.
async fn gone(process: Pid) {
    let ended = async {
        while runs(process) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("no process left");
}

/// Far above what anything here takes: it only ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);
