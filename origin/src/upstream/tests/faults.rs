//! What happens when servers do not behave.

use super::*;
use crate::snapshot::ServerState;

#[tokio::test]
async fn the_tools_of_a_server_that_restarts_stay_listed() {
    let upstreams = started(&[server("a", "")]).await;
    kill(pid(&upstreams, "a", "pid").await);
    let down = seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Restarting
    })
    .await;
    assert_eq!(down.catalog.entries().len(), 12);
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
