//! What happens when a remote server, or what stands before it, does not behave.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;

type Make = Box<dyn Fn() -> Reply + Send + Sync>;

/// Answers tool calls with this, and then well.
async fn once(reply: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Far, Upstreams) {
    let far = Far::start(calls(move |seen, before| match before {
        0 => reply(seen),
        _ => Reply::Well,
    }))
    .await;
    let upstreams = reached(&far, "").await;
    (far, upstreams)
}

#[tokio::test]
async fn a_call_that_fails_is_told_why_and_fails_alone() {
    let html = || ("content-type", "text/html".to_owned());
    let giant = format!("data: {}", "x".repeat(17 << 20));
    let replies: Vec<(Make, &str)> = vec![
        (
            Box::new(move || Reply::Plain(500, html(), "<p>".into())),
            "500",
        ),
        (
            Box::new(move || Reply::Plain(503, html(), "<p>".into())),
            "503",
        ),
        (
            Box::new(move || Reply::Plain(403, html(), "<p>".into())),
            "credentials",
        ),
        (
            Box::new(move || Reply::Plain(200, html(), "<p>".into())),
            "`text/html`",
        ),
        (
            Box::new(|| Reply::Plain(202, ("x", String::new()), String::new())),
            "`nothing`",
        ),
        (
            Box::new(|| Reply::Plain(200, ("content-encoding", "gzip".into()), "{}".into())),
            "gzip",
        ),
        (
            Box::new(|| Reply::Plain(200, ("x", String::new()), "{}".into())),
            "not to what was asked",
        ),
        (
            Box::new(|| Reply::Events(vec![": hello\n\n".into()])),
            "ended before the answer",
        ),
        (
            Box::new(|| Reply::Broken(vec!["data: {\"jso".into()])),
            "broke off",
        ),
        (
            Box::new(move || Reply::Events(vec![giant.clone()])),
            "16 MiB",
        ),
        (Box::new(|| Reply::Close), "connection broke"),
    ];
    for (reply, why) in replies {
        let (far, upstreams) = once(move |_| reply()).await;
        let reason = refused(&upstreams).await;
        assert!(reason.contains(why), "{why}: {reason}");
        assert_eq!(echo(&upstreams).await.unwrap(), json!({"n": 1}), "{why}");
        let counts = ["tools/call", "initialize"].map(|method| far.seen(method).len());
        assert_eq!(
            counts,
            [2, 1],
            "{why}: a call that may have been done was sent again"
        );
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_refusal_in_json_rpc_is_the_answer_whatever_its_status_and_id() {
    let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -7, "message": "no"}});
    let (_far, upstreams) =
        once(move |_| Reply::Plain(400, ("x", String::new()), error.to_string())).await;
    let Err(CallError::Refused(error)) = echo(&upstreams).await else {
        panic!("not refused")
    };
    assert!(error.contains("-7"), "{error}");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let other = Far::start(|_, _| Reply::Well).await;
    let target = format!("http://{}/elsewhere", other.address);
    let location = ("location", target.clone());
    let (_far, upstreams) = once(move |_| Reply::Plain(307, location.clone(), String::new())).await;
    let reason = refused(&upstreams).await;
    assert!(reason.contains(&target), "{reason}");
    assert!(other.seen("tools/call").is_empty());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn half_a_stream_is_gone_on_with_where_it_stopped() {
    let (far, upstreams) = {
        let far = Far::start(|seen, before| match (seen.method(), before) {
            ("tools/call", _) => Reply::Broken(vec!["id: c-1\nretry: 100\ndata: \n\n".into()]),
            ("GET", 0) => Reply::Plain(503, ("x", String::new()), String::new()),
            ("GET", _) if seen.header("last-event-id") == "c-1" => {
                let message = json!({"jsonrpc": "2.0", "id": 3, "result": "late"});
                let ids = (1..9).map(|id| {
                    event(
                        "c-2",
                        &json!({"jsonrpc": "2.0", "id": id, "result": message["result"]}),
                    )
                });
                Reply::Events(ids.collect())
            }
            ("GET", _) => Reply::Silent(Vec::new()),
            _ => Reply::Well,
        })
        .await;
        let upstreams = reached(&far, "").await;
        (far, upstreams)
    };
    assert_eq!(echo(&upstreams).await.unwrap(), "late");
    assert_eq!(far.seen("tools/call").len(), 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_lost_session_is_opened_anew_and_the_call_done_in_it() {
    let far = Far::start(calls(|seen, _| match seen.header("mcp-session-id") {
        "session-0" => Reply::Plain(404, ("x", String::new()), String::new()),
        _ => Reply::Well,
    }))
    .await;
    let upstreams = reached(&far, "").await;
    let answers = tokio::join!(echo(&upstreams), echo(&upstreams), echo(&upstreams));
    assert!(
        answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok(),
        "{answers:?}"
    );
    assert_eq!(far.seen("initialize").len(), 2);
    let restarts = upstreams.snapshot().borrow().servers[0].restarts;
    assert_eq!(restarts, 1);
    upstreams.shutdown().await;
}

/// A server that knows its first session until the flag is set, and says 400 where 404 is due.
async fn forgetful() -> (Far, Arc<AtomicBool>) {
    let forgets = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&forgets);
    let far = Far::start(move |seen, _| {
        let old = seen.header("mcp-session-id") == "session-0" && seen.method() != "DELETE";
        if !(old && flag.load(Ordering::Relaxed)) {
            return Reply::Well;
        }
        let error = json!({"code": -32000, "message": "No valid session ID provided"});
        let refusal = json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": error});
        Reply::Plain(400, ("x", String::new()), refusal.to_string())
    });
    (far.await, forgets)
}

#[tokio::test]
async fn a_lost_session_is_noticed_too_where_it_is_said_by_400() {
    let (far, forgets) = forgetful().await;
    let upstreams = reached(&far, "").await;
    until(&far, "ping", 1).await;
    forgets.store(true, Ordering::Relaxed);
    assert_eq!(echo(&upstreams).await.unwrap(), json!({"n": 1}));
    assert_eq!(far.seen("initialize").len(), 2);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_knows_no_pings_keeps_its_session() {
    let far = Far::start(|seen, _| match seen.method() {
        "ping" | "tools/call" => Reply::Plain(400, ("x", String::new()), String::new()),
        _ => Reply::Well,
    })
    .await;
    let upstreams = reached(&far, "read_timeout = \"300ms\"").await;
    until(&far, "ping", 3).await;
    assert!(refused(&upstreams).await.contains("400"));
    assert_eq!(far.seen("initialize").len(), 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_lost_while_nobody_uses_it_is_opened_anew() {
    let (far, forgets) = forgetful().await;
    // Pings go out in half of this at the latest.
    let upstreams = reached(&far, "read_timeout = \"300ms\"").await;
    until(&far, "ping", 3).await;
    assert_eq!(far.seen("initialize").len(), 1);
    forgets.store(true, Ordering::Relaxed);
    until(&far, "initialize", 2).await;
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_asked_when_it_is_back() {
    let far = Far::start(|_, _| Reply::Well).await;
    let (upstreams, address) = (reached(&far, "").await, far.address.to_string());
    far.stop().await;
    let back = async {
        sleep(Duration::from_millis(100)).await;
        Far::at(&address, None, |_, _| Reply::Well).await
    };
    let (answer, far) = tokio::join!(echo(&upstreams), back);
    assert_eq!(answer.unwrap(), json!({"n": 1}));
    assert_eq!(far.seen("tools/call").len(), 1);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_said_to_be_and_is_used_again_when_it_comes_back() {
    let far = Far::start(|_, _| Reply::Well).await;
    let (upstreams, address) = (reached(&far, "").await, far.address.to_string());
    far.stop().await;
    let reason = refused(&upstreams).await;
    assert!(reason.contains("cannot be connected to"), "{reason}");
    seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Restarting
    })
    .await;
    let _far = Far::at(&address, None, |_, _| Reply::Well).await;
    seen(&upstreams, |snapshot| {
        snapshot.servers[0].state == ServerState::Ready
    })
    .await;
    assert!(echo(&upstreams).await.is_ok());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn what_only_reads_is_sent_again_where_a_call_is_not() {
    let far = Far::start(|seen, before| match (seen.method(), before) {
        ("tools/list", 0) => Reply::Close,
        ("tools/list", 1) => Reply::Plain(502, ("x", String::new()), String::new()),
        _ => Reply::Well,
    })
    .await;
    let upstreams = reached(&far, "").await;
    assert_eq!(far.seen("tools/list").len(), 3);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_will_not_be_met_is_failed_with_the_reason() {
    for (status, why) in [
        (401, "credentials"),
        (404, "404"),
        (301, "redirects"),
        (500, "500"),
    ] {
        let far = Far::start(move |_, _| Reply::Plain(status, ("x", String::new()), String::new()));
        let far = far.await;
        let upstreams = started(&[at(&far, "")]).await;
        let snapshot = seen(&upstreams, |snapshot| snapshot.servers[0].error.is_some()).await;
        let server = &snapshot.servers[0];
        assert_eq!(server.state, ServerState::Failed, "{why}");
        assert!(
            server.error.as_ref().unwrap().contains(why),
            "{:?}",
            server.error
        );
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_token_that_was_replaced_is_tried_before_a_call_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let put = |text: &str| {
        let mut file = std::fs::File::create(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    };
    put("old one");
    let far = Far::start(calls(|seen, _| match seen.header("authorization") {
        "Bearer new" => Reply::Well,
        _ => Reply::Plain(401, ("x", String::new()), String::new()),
    }))
    .await;
    let upstreams = reached(&far, &format!("bearer_token_file = \"{}\"", path.display())).await;
    assert!(refused(&upstreams).await.contains("credentials"));
    put("new");
    assert_eq!(echo(&upstreams).await.unwrap(), json!({"n": 1}));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_stream_that_is_silent_for_too_long_is_given_up() {
    let far = Far::start(calls(|_, _| Reply::Silent(vec![": hello\n\n".into()]))).await;
    let upstreams = reached(&far, "read_timeout = \"300ms\"").await;
    let reason = refused(&upstreams).await;
    assert!(reason.contains("silent for 300ms"), "{reason}");
    upstreams.shutdown().await;
}
