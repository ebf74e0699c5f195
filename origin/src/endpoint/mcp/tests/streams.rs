//! The standing stream, and streams that break.

use super::*;

#[tokio::test]
async fn a_broken_stream_is_taken_up_by_the_last_event() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let mut events = Events::of(client.post(&call("slow")).await);
    let first = events.next().await.expect("the priming event").id;
    drop(events);
    let other = client.ask(&call("echo").replace("\"c\"", "2")).await;
    assert_eq!(other["result"], json!([1.0]));
    let mut resumed = client.get(Some(&first)).await;
    let event = resumed.next().await.expect("the answer");
    assert_eq!(event.data["result"], "slow");
    assert_eq!(resumed.next().await, None);
    let mut again = client.get(Some(&first)).await;
    assert_eq!(again.next().await.as_ref(), Some(&event));
    let mut behind = client.get(Some(&event.id)).await;
    assert_eq!(behind.next().await, None);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_event_that_was_never_sent_is_refused() {
    let app = app("");
    let client = Client::open(&app, ONE).await;
    for id in ["x", "7-0", "0-9", "0-", ""] {
        let last = [("last-event-id", id)];
        let response = sent(&app, client.request(Method::GET, &last, "")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{id}");
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn changes_of_tools_are_told_on_the_standing_stream_once_they_are_there() {
    for change in [|_: &mut OriginConfig| {}, private] {
        let app = app_with("", change);
        let (client, other) = (Client::open(&app, ONE).await, Client::open(&app, ONE).await);
        let mut events = client.get(None).await;
        events.next().await.expect("the priming event");
        let growing = if app.upstreams.is_private("hostile") {
            &client
        } else {
            &other
        };
        growing.ask(&call("grow")).await;
        let told = events.message().await;
        assert_eq!(told["method"], "notifications/tools/list_changed");
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let listed = client.ask(list).await.to_string();
        assert!(listed.contains("\"grown\""));
        app.upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_second_standing_stream_takes_the_place_of_the_first() {
    let app = app("");
    let client = Client::open(&app, "/mcp").await;
    let mut first = client.get(None).await;
    first.next().await.expect("the priming event");
    let mut second = client.get(None).await;
    assert_eq!(first.next().await, None);
    second.next().await.expect("the priming event");
    client.ask(&call("hostile__grow")).await;
    let told = second.message().await;
    assert_eq!(told["method"], "notifications/tools/list_changed");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_streams() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let mut standing = client.get(None).await;
    let mut held = Events::of(client.post(&call("hang")).await);
    assert_eq!(
        client.status(Method::DELETE, "").await,
        StatusCode::NO_CONTENT
    );
    for events in [&mut standing, &mut held] {
        while events.next().await.is_some() {}
    }
    let count = Client::open(&app, ONE).await.ask(&call("cancelled")).await;
    assert_eq!(count["result"], 1);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn at_shutdown_a_standing_stream_ends_and_a_call_is_answered() {
    let app = app_with("", hasty);
    let client = Client::open(&app, ONE).await;
    let mut standing = client.get(None).await;
    let mut held = Events::of(client.post(&call("slow")).await);
    app.streams.end_all();
    while let Some(event) = standing.next().await {
        assert!(event.data.is_null(), "{event:?}");
    }
    assert_eq!(held.message().await["result"], "slow");
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn what_is_kept_for_clients_that_may_come_back_is_bounded() {
    let app = app_with("", |config| {
        hasty(config);
        config.sessions.max_bytes = 1;
    });
    let client = Client::open(&app, ONE).await;
    let mut events = Events::of(client.post(&call("slow")).await);
    let first = events.next().await.expect("the priming event").id;
    assert_eq!(events.message().await["result"], "slow");
    drop(events);
    client.ask(&call("echo").replace("\"c\"", "2")).await;
    let last = [("last-event-id", first.as_str())];
    let response = sent(&app, client.request(Method::GET, &last, "")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn two_who_wait_do_not_wake_each_other() {
    let app = app("");
    let client = Client::open(&app, ONE).await;
    let live = app.sessions.find(&client.session).expect("a session");
    let lane = live.with(|state| state.session.outbox.open(1));
    let mut bell = live.bell();
    bell.borrow_and_update();
    live.with(|state| state.session.outbox.whole(lane));
    live.catalog();
    assert!(!bell.has_changed().expect("a session"));
    live.with(|state| state.session.outbox.push(lane, "x".to_owned(), true));
    assert!(bell.has_changed().expect("a session"));
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_client_that_leaves_before_its_stream_begins_leaves_nothing() {
    let app = app("");
    let client = Client::open(&app, ONE).await;
    let live = app.sessions.find(&client.session).expect("a session");
    let slow = call("slow");
    tokio::select! {
        biased;
        _ = client.post(&slow) => panic!("answered"),
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
    }
    let answered = async {
        while live.is_busy() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, answered)
        .await
        .expect("the end of the call");
    assert_eq!(live.with(|state| state.session.outbox.bytes()), 0);
    app.upstreams.shutdown().await;
}
