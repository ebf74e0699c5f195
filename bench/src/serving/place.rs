//! Which core does what: the servers have one, the clients the other.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Fault;

/// The cores of the two sides; on a machine with one core it is the same one.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    clients: usize,
    servers: usize,
}

impl Places {
    pub(crate) fn find() -> Result<Self, Fault> {
        let set = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core));
        let clients = cores.next().ok_or("this process may run nowhere")?;
        let servers = cores.next().unwrap_or(clients);
        let places = Self { clients, servers };
        go(clients)?;
        // ten thousand connections are as many descriptors here, and in a server that does not ask for them itself
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        setrlimit(Resource::Nofile, raised)?;
        Ok(places)
    }

    /// Calls `start` on the servers' core: what it starts stays there.
    pub(crate) fn on_server_core<T>(
        self,
        start: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        go(self.servers)?;
        let started = start();
        go(self.clients)?;
        started
    }
}

/// Moves this thread, and with it all that it starts.
fn go(core: usize) -> Result<(), Fault> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}
