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
    /// Of the server: no other one, before or after it, has the same.
    pub(super) server: u64,
    /// Among the processes that all clients share.
    pub(super) process: usize,
}

/// The state of all servers; each change makes a new snapshot.
#[derive(Debug)]
pub(super) struct Board {
    naming: Naming,
    clock: Clock,
    /// In the order of the configuration.
    records: Mutex<Vec<Record>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

/// One server on the board.
#[derive(Debug)]
struct Record {
    place: u64,
    /// What of it clients see.
    filter: Arc<Filter>,
    status: ServerStatus,
}

impl Board {
    /// A board without servers, and where its snapshots are seen.
    pub(super) fn new(options: &Options) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let (snapshots, seen) = watch::channel(Arc::default());
        let board = Self {
            naming: options.naming,
            clock: options.clock,
            records: Mutex::default(),
            snapshots,
        };
        (board, seen)
    }

    /// The servers are these from now on, each at its place. One at a place that is not known yet is starting. Where another one
    /// had its name, what that offered stays listed meanwhile, as far as it may still be seen.
    pub(super) fn arrange(&self, servers: &[(u64, &Server)]) {
        self.change(|records| {
            let mut old = std::mem::take(records);
            for &(place, server) in servers {
                if let Some(known) = old.iter().position(|record| record.place == place) {
                    records.push(old.swap_remove(known));
                    continue;
                }
                let filter = Arc::new(filter(&server.filter));
                let mut status = starting(server);
                let before = old.iter().find(|record| record.status.name == server.name);
                if let Some(before) = before
                    && before.status.state <= ServerState::Restarting
                {
                    for process in &mut status.processes {
                        process.state = ServerState::Restarting;
                    }
                    status.settle();
                    offer(&mut status, before.status.offers.clone().filtered(&filter));
                }
                records.push(Record {
                    place,
                    filter,
                    status,
                });
            }
        });
    }

    /// A process of the server is up, and this is what it offers.
    pub(super) fn ready(&self, seat: Seat, hello: Hello) {
        self.change_one(seat, |filter, status, process| {
            process.state = ServerState::Ready;
            process.error = None;
            status.protocol_version = Some(hello.protocol_version);
            status.server_info = hello
                .server_info
                .and_then(|info| RawValue::from_string(info.into_string()).ok());
            offer(status, hello.offers.filtered(filter));
        });
    }

    /// One list of the server is this now. Lists are read again when they have grown old: one that is the same is no news.
    pub(super) fn listed(&self, seat: Seat, kind: Kind, list: List) {
        let known = {
            let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let record = records.iter().find(|record| record.place == seat.server);
            record.map(|record| record.status.offers.clone())
        };
        let Some(known) = known else {
            return;
        };
        let mut offers = known.clone();
        offers.set(kind, list.clone());
        if offers == known {
            return;
        }
        self.change_one(seat, |_, status, _| {
            let mut offers = status.offers.clone();
            offers.set(kind, list);
            offer(status, offers);
        });
    }

    /// A process of the server is down and will be started again. The server's tools stay listed while `state` says that one
    /// of its processes will be back.
    pub(super) fn down(&self, seat: Seat, state: ServerState, error: String) {
        self.change_one(seat, |_, _, process| {
            process.state = state;
            process.error = Some(error);
        });
    }

    /// A process of the server is started once more.
    pub(super) fn restarted(&self, seat: Seat) {
        self.change_one(seat, |_, _, process| process.restarts += 1);
    }

    /// Changes what is known of one process. A server that is not on the board any more has nothing to say.
    fn change_one(
        &self,
        seat: Seat,
        change: impl FnOnce(&Arc<Filter>, &mut ServerStatus, &mut ProcessStatus),
    ) {
        self.change(|records| {
            let record = records
                .iter_mut()
                .find(|record| record.place == seat.server);
            let Some(Record { filter, status, .. }) = record else {
                return;
            };
            let Some(mut process) = status.processes.get(seat.process).cloned() else {
                return;
            };
            change(filter, status, &mut process);
            status.processes[seat.process] = process;
            if status.settle() == ServerState::Failed {
                offer(status, Offers::default());
            }
        });
    }

    /// Changes the records and publishes what they make, under one lock: snapshots come in the order of the changes.
    fn change(&self, change: impl FnOnce(&mut Vec<Record>)) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut records);
        let servers = || records.iter().map(|record| &record.status);
        let sources: Vec<Source<'_>> = servers().map(source).collect();
        let catalog = Arc::new(Catalog::build(self.naming, &sources));
        self.snapshots.send_modify(|snapshot| {
            let settled = servers().all(|server| server.state != ServerState::Starting);
            let ready = snapshot.ready || settled;
            *snapshot = Arc::new(Snapshot {
                ready,
                built_at: ready.then(|| self.clock.wall()),
                servers: servers().cloned().collect(),
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
