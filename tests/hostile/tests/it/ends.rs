//! No process is left, however the origin ends.

use hostile::{gone, runs};

use super::*;

/// A server that ignores the end of its input and SIGTERM.
fn deaf() -> String {
    let program = env!("CARGO_BIN_EXE_mcp-hostile");
    let script = "trap '' TERM; exec \"$0\" deaf";
    format!("[[servers]]\nname = \"a\"\ncommand = [\"sh\", \"-c\", {script:?}, {program:?}]\n")
}

#[tokio::test]
async fn nothing_is_left_after_shutdown_not_even_what_a_server_started() {
    let world = world("").await;
    let (process, child) = (world.pid("a", "pid").await, world.pid("a", "child").await);
    assert!(runs(process) && runs(child));
    world.upstreams.shutdown().await;
    assert!(!runs(process));
    gone(child).await;
}

#[tokio::test]
async fn a_server_that_ignores_every_hint_is_killed() {
    let world = World::start(&deaf()).await;
    let process = world.pid("a", "pid").await;
    let ended = timeout(PATIENCE, world.upstreams.shutdown()).await;
    ended.expect("an end");
    assert!(!runs(process));
}

#[tokio::test]
async fn shutdown_also_ends_servers_that_never_became_ready() {
    let silent = server("silent", "start_timeout = \"100ms\"");
    let world = World::start(&silent).await;
    timeout(PATIENCE, world.upstreams.shutdown())
        .await
        .expect("an end");
    let outcome = world.call("a", "echo", 0).await;
    assert!(matches!(outcome, Err(CallError::Unavailable { .. })));
}

#[test]
fn nothing_is_left_when_the_origin_goes_without_a_shutdown() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().expect("a runtime")
    };
    let first = runtime();
    let (process, child) = first.block_on(async {
        let world = World::start(&deaf()).await;
        (world.pid("a", "pid").await, world.pid("a", "child").await)
    });
    drop(first);
    runtime().block_on(async {
        gone(process).await;
        gone(child).await;
    });
}
