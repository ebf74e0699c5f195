//! Several processes of one server.

use std::collections::HashSet;

use origin::snapshot::ServerState;
use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// Three processes that do one thing after another, all ready.
async fn three() -> World {
    let world = world("processes = 3").await;
    let ready = |world: &origin::snapshot::Snapshot| {
        let mut processes = world.servers[0].processes.iter();
        processes.all(|process| process.state == ServerState::Ready)
    };
    world.until(ready).await;
    world
}

/// The process that answers after half a second.
async fn busy(world: &World) -> Result<String, CallError> {
    world.call("a", "slow", 500).await
}

#[tokio::test]
async fn calls_at_the_same_time_go_to_different_processes() {
    let world = three().await;
    let (one, two, three) = tokio::join!(busy(&world), busy(&world), busy(&world));
    let processes: HashSet<_> = [one, two, three].map(|pid| pid.expect("an answer")).into();
    assert_eq!(processes.len(), 3);
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_process_that_dies_takes_its_own_call_with_it_and_no_other() {
    let world = three().await;
    let first = world.pid("a", "pid").await;
    let (one, two, three, ()) = tokio::join!(busy(&world), busy(&world), busy(&world), async {
        tokio::task::yield_now().await;
        let process = i32::try_from(first).ok().and_then(Pid::from_raw);
        kill_process(process.expect("a pid"), Signal::KILL).expect("a process");
    });
    let died = [&one, &two, &three].map(|outcome| usize::from(outcome.is_err()));
    assert_eq!(died.iter().sum::<usize>(), 1, "{one:?} {two:?} {three:?}");
    // while one of them is down the others serve
    serves(&world).await;
    world
        .until(|snapshot| snapshot.servers[0].restarts == 1)
        .await;
    let server = world.upstreams.snapshot().borrow().servers[0].clone();
    assert_eq!(server.state, ServerState::Ready);
    assert_eq!(server.processes.len(), 3);
    world.upstreams.shutdown().await;
}
