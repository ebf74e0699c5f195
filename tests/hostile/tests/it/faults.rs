//! Each fault: what its caller is told, and that the next call works.

use hostile::{gone, runs};
use rustix::process::{Pid, Signal, kill_process};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn kill(process: u32) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    kill_process(process.expect("a pid"), Signal::KILL).expect("a process to kill");
}

#[tokio::test]
async fn a_server_killed_in_a_call_fails_it_within_a_second_and_serves_the_next() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    let (reason, ()) = tokio::join!(unavailable(&world, "hang", SECOND), async {
        serves(&world).await;
        kill(process);
    });
    assert!(reason.contains("SIGKILL"), "{reason}");
    serves(&world).await;
    assert_ne!(world.pid("a", "pid").await, process);
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_times_out_and_is_cancelled_at_the_server() {
    let world = world("call_timeout = \"300ms\"").await;
    let outcome = world.call("a", "hang", 0).await;
    assert!(
        matches!(outcome, Err(CallError::Timeout { .. })),
        "{outcome:?}"
    );
    assert_eq!(world.call("a", "cancelled", 0).await.unwrap(), "1");
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn what_is_no_message_no_answer_or_one_too_many_is_passed_over() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    for (tool, text) in [
        ("garbage", "after garbage"),
        ("unknown_id", "to the caller"),
        ("twice", "first"),
        ("twice", "first"),
    ] {
        assert_eq!(world.call("a", tool, 1).await.unwrap(), text);
    }
    assert_eq!(world.pid("a", "pid").await, process);
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn floods_of_notifications_and_of_errors_hold_no_call_up() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    let (notified, failed) = (
        world.call("a", "notifications", 5000).await,
        world.call("a", "errors", 20).await,
    );
    assert_eq!(notified.unwrap(), "after notifications");
    assert_eq!(failed.unwrap(), "after errors");
    assert_eq!(world.pid("a", "pid").await, process);
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_closes_a_pipe_and_lives_on_is_ended_and_started_again() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    let reason = unavailable(&world, "close_output", SECOND).await;
    assert!(reason.contains("standard output"), "{reason}");
    gone(process).await;
    let process = world.pid("a", "pid").await;
    world
        .call("a", "close_input", 0)
        .await
        .expect("its last answer");
    let reason = unavailable(&world, "echo", SECOND).await;
    assert!(reason.contains("standard input"), "{reason}");
    gone(process).await;
    serves(&world).await;
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_line_is_ended_and_started_again() {
    let world = world("call_timeout = \"500ms\"").await;
    let process = world.pid("a", "pid").await;
    assert!(world.call("a", "half", 0).await.is_err());
    gone(process).await;
    serves(&world).await;
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_fills_its_error_output_before_it_serves_does_serve() {
    let world = World::start(&server("chatty", "")).await;
    serves(&world).await;
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_caller_is_told_how_a_server_ended_and_not_what_it_wrote() {
    let world = world("").await;
    assert_eq!(
        unavailable(&world, "die", SECOND).await,
        "it ended: exit status: 3"
    );
    let down = world
        .until(|snapshot| snapshot.servers[0].error.is_some())
        .await;
    let error = down.servers[0].error.as_deref().unwrap_or_default();
    assert!(error.contains("my last words"), "{error}");
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn what_leaves_the_group_outlives_the_server_and_holds_nothing_up() {
    let world = world("").await;
    let (child, stray) = (world.pid("a", "child").await, world.pid("a", "stray").await);
    kill(world.pid("a", "pid").await);
    gone(child).await;
    serves(&world).await;
    world.upstreams.shutdown().await;
    // A process that makes a session of its own is out of the group's reach: only a control group would hold it.
    assert!(runs(stray));
    kill(stray);
}

#[tokio::test]
async fn servers_that_do_not_start_say_why_and_calls_to_them_fail_at_once() {
    for (mode, more, why) in [
        ("dead", "", "nothing to serve here"),
        ("leaves", "", "exit status: 0"),
        ("silent", "start_timeout = \"200ms\"", "200ms"),
        (
            "",
            "working_directory = \"/nowhere/at/all\"",
            "working_directory",
        ),
    ] {
        let world = World::start(&server(mode, more)).await;
        let status = world.upstreams.snapshot().borrow().servers[0].clone();
        assert_eq!(status.state.as_str(), "failed", "{mode}");
        let error = status.error.unwrap_or_default();
        assert!(error.contains(why), "{error}");
        unavailable(&world, "echo", SECOND).await;
        world.upstreams.shutdown().await;
    }
}
