//! What happens when servers do not behave.

use super::*;
use crate::snapshot::ServerState;

#[tokio::test]
async fn a_server_killed_in_a_call_fails_that_call_at_once_and_serves_the_next() {
    let upstreams = started(&[server("a", "")]).await;
    let process = pid(&upstreams, "a", "pid").await;
    let (hanging, ()) = tokio::join!(call(&upstreams, "a", "hang"), async {
        call(&upstreams, "a", "echo").await.unwrap();
        kill(process);
    });
    let Err(CallError::Unavailable { reason, .. }) = hanging else {
        panic!("{hanging:?}")
    };
    assert!(reason.contains("SIGKILL"), "{reason}");
    seen(&upstreams, |snapshot| snapshot.servers[0].restarts == 1).await;
    seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Ready
    })
    .await;
    assert_ne!(pid(&upstreams, "a", "pid").await, process);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn the_tools_of_a_server_that_restarts_stay_listed() {
    let upstreams = started(&[server("a", "")]).await;
    kill(pid(&upstreams, "a", "pid").await);
    let down = seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Restarting
    })
    .await;
    assert_eq!(down.catalog.entries().len(), 16);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_times_out_and_is_cancelled() {
    let hurried = Server {
        call_timeout: Duration::from_millis(300),
        ..server("a", "")
    };
    let upstreams = started(&[hurried]).await;
    assert!(matches!(
        call(&upstreams, "a", "hang").await,
        Err(CallError::Timeout { .. })
    ));
    assert_eq!(call(&upstreams, "a", "cancelled").await.unwrap(), 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_its_call() {
    let upstreams = started(&[server("a", "")]).await;
    tokio::select! {
        biased;
        _ = call(&upstreams, "a", "hang") => panic!("answered"),
        answer = call(&upstreams, "a", "echo") => drop(answer.unwrap()),
    }
    assert_eq!(call(&upstreams, "a", "cancelled").await.unwrap(), 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn garbage_between_messages_is_passed_over() {
    let upstreams = started(&[server("a", "")]).await;
    assert_eq!(
        call(&upstreams, "a", "garbage").await.unwrap(),
        "after garbage"
    );
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_line_that_is_too_long_or_a_closed_pipe_ends_the_process_and_a_new_one_serves() {
    let upstreams = started(&[server("a", "")]).await;
    for (tool, why) in [("long", "16 MiB"), ("mute", "standard output")] {
        let process = pid(&upstreams, "a", "pid").await;
        let Err(CallError::Unavailable { reason, .. }) = call(&upstreams, "a", tool).await else {
            panic!("{tool}")
        };
        assert!(reason.contains(why), "{reason}");
        gone(process).await;
        seen(&upstreams, |snapshot| {
            snapshot.servers[0].state == ServerState::Ready
        })
        .await;
    }
    upstreams.shutdown().await;
}

#[tokio::test]
async fn servers_that_do_not_start_are_named_and_the_others_serve() {
    let missing = Server {
        command: vec!["/nowhere/no-such-server".into()],
        ..server("missing", "")
    };
    let silent = Server {
        start_timeout: Duration::from_millis(200),
        ..server("silent", "silent")
    };
    let upstreams = started(&[missing, server("dead", "dead"), silent, server("good", "")]).await;
    let snapshot = Arc::clone(&upstreams.snapshot().borrow());
    for (name, words) in [
        ("missing", "no-such-server"),
        ("dead", "nothing to serve here"),
        ("silent", "200ms"),
    ] {
        let status = snapshot.server(name).unwrap();
        assert_eq!(status.state, ServerState::Failed, "{name}");
        assert!(
            status.error.as_ref().unwrap().contains(words),
            "{:?}",
            status.error
        );
    }
    assert!(matches!(
        call(&upstreams, "missing", "echo").await,
        Err(CallError::Unavailable { .. })
    ));
    assert_eq!(call(&upstreams, "good", "echo").await.unwrap()["n"], 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_caller_is_not_told_what_the_server_wrote_to_its_error_output() {
    let upstreams = started(&[server("a", "")]).await;
    let Err(CallError::Unavailable { reason, .. }) = call(&upstreams, "a", "die").await else {
        panic!()
    };
    assert_eq!(reason, "it ended: exit status: 3");
    let down = seen(&upstreams, |snapshot| snapshot.servers[0].error.is_some()).await;
    assert!(
        down.servers[0]
            .error
            .as_ref()
            .unwrap()
            .contains("my last words")
    );
    upstreams.shutdown().await;
}
