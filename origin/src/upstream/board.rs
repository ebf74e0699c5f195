//! Where the supervisors put what they know, and from where the snapshot is built.

use std::sync::{Arc, Mutex, PoisonError};

use mcp::catalog::{Catalog, Source};
use mcp::upstream::Hello;
use origin_config::Server;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::Options;
use crate::clock::Clock;
use crate::snapshot::{ServerState, ServerStatus, Snapshot};
use mcp::Naming;

/// The state of all servers; each change makes a new snapshot.
#[derive(Debug)]
pub(super) struct Board {
    naming: Naming,
    clock: Clock,
    servers: Mutex<Vec<Record>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

/// What is known of one server.
#[derive(Debug)]
struct Record {
    status: ServerStatus,
    tools: Vec<Box<str>>,
}

impl Board {
    /// A board on which every server is starting, and where its snapshots are seen.
    pub(super) fn new(
        servers: &[Server],
        options: &Options,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let records: Vec<Record> = servers
            .iter()
            .map(|server| Record::new(&server.name))
            .collect();
        let (snapshots, seen) = watch::channel(Arc::default());
        let board = Self {
            naming: options.naming,
            clock: options.clock,
            servers: Mutex::new(records),
            snapshots,
        };
        board.change(|_| {});
        (board, seen)
    }

    /// The server is up and has these tools.
    pub(super) fn ready(&self, index: usize, hello: Hello) {
        self.change_one(index, |record| {
            let status = &mut record.status;
            status.state = ServerState::Ready;
            status.error = None;
            status.protocol_version = Some(hello.protocol_version);
            status.server_info = hello
                .server_info
                .and_then(|info| RawValue::from_string(info.into_string()).ok());
            record.offer(hello.tools);
        });
    }

    /// The server's tools are these now.
    pub(super) fn tools(&self, index: usize, tools: Vec<Box<str>>) {
        self.change_one(index, |record| record.offer(tools));
    }

    /// The server is down and will be started again. Its tools stay listed where `state` says that it will be back.
    pub(super) fn down(&self, index: usize, state: ServerState, error: String) {
        self.change_one(index, |record| {
            record.status.state = state;
            record.status.error = Some(error);
            if state == ServerState::Failed {
                record.offer(Vec::new());
            }
        });
    }

    /// The server is started once more.
    pub(super) fn restarted(&self, index: usize) {
        self.change_one(index, |record| record.status.restarts += 1);
    }

    fn change_one(&self, index: usize, change: impl FnOnce(&mut Record)) {
        self.change(|records| {
            if let Some(record) = records.get_mut(index) {
                change(record);
            }
        });
    }

    /// Changes the records and publishes what they make, under one lock: snapshots come in the order of the changes.
    fn change(&self, change: impl FnOnce(&mut Vec<Record>)) {
        let mut records = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut records);
        let sources: Vec<Source<'_>> = records.iter().map(Record::source).collect();
        let catalog = Arc::new(Catalog::build(self.naming, &sources));
        self.snapshots.send_modify(|snapshot| {
            let settled = records
                .iter()
                .all(|record| record.status.state != ServerState::Starting);
            let ready = snapshot.ready || settled;
            *snapshot = Arc::new(Snapshot {
                ready,
                built_at: ready.then(|| self.clock.wall()),
                servers: records.iter().map(|record| record.status.clone()).collect(),
                catalog,
            });
        });
    }
}

impl Record {
    fn new(name: &str) -> Self {
        let status = ServerStatus {
            name: name.to_owned(),
            state: ServerState::Starting,
            catalog: Arc::default(),
            restarts: 0,
            error: None,
            protocol_version: None,
            server_info: None,
        };
        let mut record = Self {
            status,
            tools: Vec::new(),
        };
        record.offer(Vec::new());
        record
    }

    fn offer(&mut self, tools: Vec<Box<str>>) {
        self.tools = tools;
        let catalog = Catalog::build(Naming::Plain, &[self.source()]);
        for skipped in catalog.skipped() {
            tracing::warn!(server = self.status.name, "tool left out: {skipped}");
        }
        self.status.catalog = Arc::new(catalog);
    }

    fn source(&self) -> Source<'_> {
        Source {
            server: &self.status.name,
            tools: &self.tools,
        }
    }
}
