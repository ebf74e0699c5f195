//! What works when servers behave.

use tokio::sync::mpsc;

use super::*;
use crate::snapshot::ServerState;
use crate::upstream::Heard;

#[tokio::test]
async fn the_snapshot_is_ready_when_all_servers_are_and_has_their_tools() {
    let upstreams = started(&[server("a", ""), server("b", "")]).await;
    let snapshot = Arc::clone(&upstreams.snapshot().borrow());
    assert!(snapshot.built_at.is_some());
    assert_eq!(
        snapshot
            .servers
            .iter()
            .map(|server| server.state)
            .collect::<Vec<_>>(),
        [ServerState::Ready; 2]
    );
    assert_eq!(
        snapshot
            .catalog
            .entries()
            .first()
            .map(|entry| entry.public.as_ref()),
        Some("a__echo")
    );
    assert_eq!(snapshot.catalog.entries().len(), 24);
    assert_eq!(
        snapshot
            .server("b")
            .map(|server| server.catalog.entries().len()),
        Some(12)
    );
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_slow_call_does_not_hold_up_a_fast_one() {
    let upstreams = started(&[server("a", "")]).await;
    let (order, mut answered) = mpsc::unbounded_channel();
    let call_and_tell = async |tool: &str| {
        let answer = call(&upstreams, "a", tool).await.unwrap();
        order.send(answer).unwrap();
    };
    tokio::join!(call_and_tell("slow"), call_and_tell("echo"));
    assert_eq!(answered.recv().await, Some(serde_json::json!({"n": 1})));
    assert_eq!(answered.recv().await, Some("slow".into()));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_hundred_calls_at_once_go_through_one_process() {
    let upstreams = started(&[server("a", "")]).await;
    let calls = (0..100).map(|_| call(&upstreams, "a", "pid"));
    let pids = futures_util::future::join_all(calls).await;
    let first = pids[0].as_ref().unwrap();
    assert!(pids.iter().all(|pid| pid.as_ref().unwrap() == first));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_sees_little_of_the_origins_environment() {
    let upstreams = started(&[server("a", "")]).await;
    let environment = call(&upstreams, "a", "env").await.unwrap();
    assert_eq!(environment["SET_HERE"], "yes");
    assert!(environment["PATH"].is_string());
    assert!(environment["HIDDEN"].is_null() && environment["CARGO_PKG_NAME"].is_null());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn tools_that_change_change_the_snapshot() {
    let upstreams = started(&[server("a", "")]).await;
    call(&upstreams, "a", "grow").await.unwrap();
    seen(&upstreams, |snapshot| {
        snapshot.catalog.list(mcp::Kind::Tools).contains("a__grown")
    })
    .await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn an_error_of_the_server_comes_back_as_it_was_sent() {
    let upstreams = started(&[server("a", "")]).await;
    let Err(CallError::Refused(error)) = call(&upstreams, "a", "refuse").await else {
        panic!()
    };
    assert_eq!(error.as_ref(), r#"{"code": -7, "message": "no"}"#);
    assert!(matches!(
        call(&upstreams, "nobody", "echo").await,
        Err(CallError::UnknownServer(_))
    ));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn progress_comes_before_the_answer_with_the_callers_token() {
    let upstreams = started(&[server("a", "")]).await;
    let call = Call {
        params: r#"{"name":"progress","_meta":{"progressToken":"t"}}"#.to_owned(),
        ..asked("progress")
    };
    let mut exchange = upstreams.begin("a", call).expect("a server");
    let mut heard = Vec::new();
    let answer = loop {
        match exchange.next().await {
            Heard::Note(note) => heard.push(note.params.expect("params")),
            Heard::Answer(outcome) => break outcome.expect("an answer"),
        }
    };
    assert_eq!((heard.len(), &*answer), (2, "\"done\""));
    assert!(
        heard
            .iter()
            .all(|params| params.contains(r#""progressToken": "t""#))
    );
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_resource_is_watched_once_for_many_and_given_up_with_the_last() {
    let upstreams = started(&[server("a", "")]).await;
    let watch = || upstreams.watch("a", "u:1".to_owned()).expect("a server");
    let (one, other) = (watch(), watch());
    drop(one);
    let once = serde_json::json!([["resources/subscribe", "u:1"]]);
    assert_eq!(call(&upstreams, "a", "subscribed").await.unwrap(), once);
    drop(other);
    let seen = call(&upstreams, "a", "subscribed").await.unwrap();
    assert_eq!(seen[1][0], "resources/unsubscribe");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_new_process_is_asked_for_what_is_watched() {
    let upstreams = started(&[server("a", "")]).await;
    let _watch = upstreams.watch("a", "u:1".to_owned());
    call(&upstreams, "a", "die").await.unwrap_err();
    seen(&upstreams, |snapshot| snapshot.servers[0].restarts == 1).await;
    seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Ready
    })
    .await;
    let seen = call(&upstreams, "a", "subscribed").await.unwrap();
    assert_eq!(seen, serde_json::json!([["resources/subscribe", "u:1"]]));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn every_kind_of_server_is_met_in_its_era() {
    let kinds = ["", "modern", "pinned", "strict"];
    let servers: Vec<Server> = kinds.iter().map(|kind| server("s", kind)).collect();
    let named = servers.into_iter().zip(["a", "b", "c", "d"]);
    let servers: Vec<Server> = named
        .map(|(server, name)| Server {
            name: name.into(),
            ..server
        })
        .collect();
    let upstreams = started(&servers).await;
    let snapshot = seen(&upstreams, |snapshot| snapshot.ready).await;
    let spoken = snapshot.servers.iter().map(|server| {
        let spoken = server.protocol_version.as_deref().unwrap_or_default();
        (spoken, server.restarts)
    });
    let (old, new) = ("2025-11-25", "2026-07-28");
    let expected = [(old, 0), (new, 0), (new, 0), (old, 0)];
    assert_eq!(spoken.collect::<Vec<_>>(), expected);
    for name in ["a", "b", "c", "d"] {
        let echoed = call(&upstreams, name, "echo").await.expect("an answer");
        assert_eq!(echoed["n"], 1, "{name}");
    }
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_comes_back_is_asked_for_the_era_that_was_found() {
    let upstreams = started(&[server("a", "strict")]).await;
    let before = pid(&upstreams, "a", "pid").await;
    kill(before);
    let back = seen(&upstreams, |snapshot| {
        let server = &snapshot.servers[0];
        server.restarts > 0 && server.error.is_none()
    });
    assert_eq!(back.await.servers[0].restarts, 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn what_is_filtered_out_is_not_there_before_or_after_a_change() {
    let mut some = server("a", "");
    some.filter.include.tools = vec!["gr*".into(), "pid".into()];
    some.filter.exclude.tools = vec!["grown".into()];
    let upstreams = started(&[some]).await;
    let names = |snapshot: &Snapshot| -> Vec<String> {
        let entries = snapshot.catalog.entries().iter();
        entries.map(|entry| entry.public.to_string()).collect()
    };
    let before = seen(&upstreams, |snapshot| snapshot.ready).await;
    assert_eq!(names(&before), ["a__grow", "a__pid"]);
    call(&upstreams, "a", "grow").await.expect("an answer");
    // It does one thing after another: its new list was read before this was answered.
    call(&upstreams, "a", "pid").await.expect("an answer");
    let after = Arc::clone(&upstreams.snapshot().borrow());
    assert_eq!(names(&after), names(&before));
    upstreams.shutdown().await;
}
