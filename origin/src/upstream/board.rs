//! Where the supervisors put what they know, and from where the snapshot is built.

use std::sync::{Arc, Mutex, PoisonError};

use mcp::catalog::{Catalog, Source};
use mcp::filter::{Filter, Rule};
use mcp::upstream::Hello;
use mcp::{Kind, List, Naming, Offers};
use origin_config::{ProcessMode, Server};
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::Options;
use crate::clock::Clock;
use crate::snapshot::{ProcessStatus, ServerState, ServerStatus, Snapshot};

/// A process of a server, by its places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat {
    /// Of the server in the configuration.
    pub(super) server: usize,
    /// Among the processes that all clients share.
    pub(super) process: usize,
}

/// The state of all servers; each change makes a new snapshot.
#[derive(Debug)]
pub(super) struct Board {
    naming: Naming,
    clock: Clock,
    /// What of each server clients see, in the order of the servers.
    filters: Vec<Arc<Filter>>,
    servers: Mutex<Vec<ServerStatus>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Board {
    /// A board on which every server is starting, and where its snapshots are seen.
    pub(super) fn new(
        servers: &[&Server],
        options: &Options,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let records: Vec<ServerStatus> = servers.iter().map(|server| starting(server)).collect();
        let (snapshots, seen) = watch::channel(Arc::default());
        let board = Self {
            naming: options.naming,
            clock: options.clock,
            filters: servers
                .iter()
                .map(|server| filter(&server.filter).into())
                .collect(),
            servers: Mutex::new(records),
            snapshots,
        };
        board.change(|_| {});
        (board, seen)
    }

    /// A process of the server is up, and this is what it offers.
    pub(super) fn ready(&self, seat: Seat, hello: Hello) {
        self.change_one(seat, |status, process| {
            process.state = ServerState::Ready;
            process.error = None;
            status.protocol_version = Some(hello.protocol_version);
            status.server_info = hello
                .server_info
                .and_then(|info| RawValue::from_string(info.into_string()).ok());
            let filter = self.filters.get(seat.server).cloned().unwrap_or_default();
            offer(status, hello.offers.filtered(&filter));
        });
    }

    /// One list of the server is this now. Lists are read again when they have grown old: one that is the same is no news.
    pub(super) fn listed(&self, seat: Seat, kind: Kind, list: List) {
        let known = {
            let records = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
            records.get(seat.server).map(|record| record.offers.clone())
        };
        let Some(known) = known else {
            return;
        };
        let mut offers = known.clone();
        offers.set(kind, list.clone());
        if offers == known {
            return;
        }
        self.change_one(seat, |status, _| {
            let mut offers = status.offers.clone();
            offers.set(kind, list);
            offer(status, offers);
        });
    }

    /// A process of the server is down and will be started again. The server's tools stay listed while `state` says that one
    /// of its processes will be back.
    pub(super) fn down(&self, seat: Seat, state: ServerState, error: String) {
        self.change_one(seat, |_, process| {
            process.state = state;
            process.error = Some(error);
        });
    }

    /// A process of the server is started once more.
    pub(super) fn restarted(&self, seat: Seat) {
        self.change_one(seat, |_, process| process.restarts += 1);
    }

    fn change_one(&self, seat: Seat, change: impl FnOnce(&mut ServerStatus, &mut ProcessStatus)) {
        self.change(|records| {
            let Some(record) = records.get_mut(seat.server) else {
                return;
            };
            let Some(mut process) = record.processes.get(seat.process).cloned() else {
                return;
            };
            change(record, &mut process);
            record.processes[seat.process] = process;
            if record.settle() == ServerState::Failed {
                offer(record, Offers::default());
            }
        });
    }

    /// Changes the records and publishes what they make, under one lock: snapshots come in the order of the changes.
    fn change(&self, change: impl FnOnce(&mut Vec<ServerStatus>)) {
        let mut records = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut records);
        let sources: Vec<Source<'_>> = records.iter().map(source).collect();
        let catalog = Arc::new(Catalog::build(self.naming, &sources));
        self.snapshots.send_modify(|snapshot| {
            let settled = records
                .iter()
                .all(|record| record.state != ServerState::Starting);
            let ready = snapshot.ready || settled;
            *snapshot = Arc::new(Snapshot {
                ready,
                built_at: ready.then(|| self.clock.wall()),
                servers: records.clone(),
                catalog,
                naming: self.naming,
            });
        });
    }
}

/// How many processes of a server all clients share.
pub(super) fn processes(server: &Server) -> usize {
    usize::try_from(server.launch.processes.max(1)).unwrap_or(1)
}

fn filter(patterns: &origin_config::Filter) -> Filter {
    let rule = |include: &[String], exclude: &[String]| Rule {
        include: include.to_vec(),
        exclude: exclude.to_vec(),
    };
    let (include, exclude) = (&patterns.include, &patterns.exclude);
    Filter {
        tools: rule(&include.tools, &exclude.tools),
        prompts: rule(&include.prompts, &exclude.prompts),
        resources: rule(&include.resources, &exclude.resources),
    }
}

fn starting(server: &Server) -> ServerStatus {
    let mut status = ServerStatus {
        name: server.name.clone(),
        state: ServerState::Starting,
        catalog: Arc::default(),
        offers: Offers::default(),
        private: server.process == ProcessMode::PerSession,
        restarts: 0,
        error: None,
        processes: vec![ProcessStatus::starting(); processes(server)],
        protocol_version: None,
        server_info: None,
    };
    offer(&mut status, Offers::default());
    status
}

fn offer(status: &mut ServerStatus, offers: Offers) {
    status.offers = offers;
    let catalog = Catalog::build(Naming::Plain, &[source(status)]);
    for skipped in catalog.skipped() {
        tracing::warn!(server = status.name, "left out: {skipped}");
    }
    status.catalog = Arc::new(catalog);
}

/// The server as a catalog takes it in.
pub(crate) fn source(status: &ServerStatus) -> Source<'_> {
    Source {
        server: &status.name,
        offers: &status.offers,
        private: status.private,
    }
}
