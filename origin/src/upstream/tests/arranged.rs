//! Servers that come, change and go while the others serve.

use super::*;

/// Far longer than a test: what ends a process earlier is that its calls are answered.
const LONG: Duration = Duration::from_hours(1);

fn otherwise(name: &str) -> Server {
    let mut server = server(name, "");
    server.environment.insert("SET_HERE".into(), "no".into());
    server
}

fn listed(snapshot: &Snapshot, server: &str) -> bool {
    let entries = snapshot.catalog.entries();
    entries.iter().any(|entry| &*entry.server == server)
}

#[tokio::test]
async fn a_server_that_is_as_it_was_goes_on() {
    let upstreams = started(&[server("a", "")]).await;
    let before = pid(&upstreams, "a", "pid").await;
    upstreams.arrange(&[server("b", ""), server("a", "")], LONG);
    let both = seen(&upstreams, |snapshot| listed(snapshot, "b")).await;
    let names: Vec<_> = both.servers.iter().map(|server| &*server.name).collect();
    assert_eq!(names, ["b", "a"]);
    assert!(both.ready && listed(&both, "a"));
    assert_eq!(pid(&upstreams, "a", "pid").await, before);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_is_gone_answers_what_it_was_asked_first() {
    let upstreams = started(&[server("a", ""), server("b", "")]).await;
    let process = pid(&upstreams, "a", "pid").await;
    let asked = upstreams.begin("a", asked("slow")).expect("it is there");
    upstreams.arrange(&[server("b", "")], LONG);
    assert!(!listed(&upstreams.snapshot().borrow(), "a"));
    let refused = call(&upstreams, "a", "echo").await;
    assert!(matches!(refused, Err(CallError::UnknownServer(_))));
    assert_eq!(&*asked.answer().await.expect("an answer"), "\"slow\"");
    gone(process).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_does_not_keep_a_server_that_is_gone() {
    let upstreams = started(&[server("a", "")]).await;
    let process = pid(&upstreams, "a", "pid").await;
    let asked = upstreams.begin("a", asked("hang")).expect("it is there");
    upstreams.arrange(&[], Duration::ZERO);
    let answer = asked.answer().await;
    assert!(matches!(answer, Err(CallError::Unavailable { .. })));
    gone(process).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn calls_wait_for_the_new_processes_of_a_server_that_is_configured_otherwise() {
    let upstreams = started(&[server("a", "")]).await;
    let before = pid(&upstreams, "a", "pid").await;
    let slow = upstreams.begin("a", asked("slow")).expect("it is there");
    upstreams.arrange(&[otherwise("a")], LONG);
    assert!(listed(&upstreams.snapshot().borrow(), "a"), "no gap");
    let environment = call(&upstreams, "a", "env").await.expect("an answer");
    assert_eq!(environment["SET_HERE"], "no");
    assert_eq!(&*slow.answer().await.expect("an answer"), "\"slow\"");
    gone(before).await;
    assert_ne!(pid(&upstreams, "a", "pid").await, before);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_has_its_process_until_its_server_is_configured_otherwise() {
    let upstreams = started(&[server("a", ""), server("b", "")]).await;
    let (process, mut said) = private::private(&upstreams).expect("a process");
    upstreams.arrange(&[server("a", "")], LONG);
    let answer = process.way().begin(asked("echo")).answer().await;
    assert!(answer.is_ok(), "{answer:?}");
    upstreams.arrange(&[otherwise("a")], LONG);
    let ended = async { while !matches!(said.recv().await, Some(Said::Ended) | None) {} };
    timeout(PATIENCE, ended).await.expect("its end");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn what_clients_watch_is_watched_in_the_new_processes() {
    let upstreams = started(&[server("a", "")]).await;
    let _watch = upstreams.watch("a", "file:///x".into()).expect("a server");
    upstreams.arrange(&[otherwise("a")], LONG);
    let subscribed = async {
        let wanted = serde_json::json!([["resources/subscribe", "file:///x"]]);
        while call(&upstreams, "a", "subscribed")
            .await
            .expect("an answer")
            != wanted
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, subscribed).await.expect("a subscription");
    upstreams.shutdown().await;
}
