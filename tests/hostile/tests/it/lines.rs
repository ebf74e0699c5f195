//! Lines longer than any message may be.

use super::*;

/// Above what a line may have.
const TOO_LONG: u64 = 200;

#[tokio::test]
async fn an_answer_that_is_too_long_fails_its_call_alone() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    let outcome = world.call("a", "long_answer", TOO_LONG).await;
    let Err(CallError::Refused(error)) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.contains("16 MiB"), "{error}");
    assert_eq!(world.pid("a", "pid").await, process);
    world.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_line_of_200_mb_is_passed_over_in_bounded_memory() {
    let world = world("").await;
    let process = world.pid("a", "pid").await;
    let before = peak();
    let text = world.call("a", "long", TOO_LONG).await;
    assert_eq!(text.expect("an answer"), "after the line");
    assert_eq!(world.pid("a", "pid").await, process);
    let grown = peak() - before;
    assert!(grown < 64 << 10, "{grown} KiB");
    world.upstreams.shutdown().await;
}

/// The most memory that this process ever had, in KiB (`VmHWM` of `proc_pid_status(5)`).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let text = line.expect("a field").trim_end_matches("kB").trim();
    text.parse().expect("a number")
}
