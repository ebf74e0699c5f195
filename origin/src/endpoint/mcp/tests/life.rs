//! The life of sessions, and what names none.

use super::*;

#[tokio::test]
async fn a_session_is_named_known_and_ended() {
    let app = app("");
    let client = Client::open(&app, "/mcp").await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let (head, body) = answer(&app, post("/mcp", list)).await;
    assert_eq!(
        (head.status(), &body["id"]),
        (StatusCode::BAD_REQUEST, &json!(1))
    );
    assert_eq!(client.status(Method::POST, list).await, StatusCode::OK);
    assert_eq!(
        client.status(Method::DELETE, "").await,
        StatusCode::NO_CONTENT
    );
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let status = client.status(method, list).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_forged_or_foreign_session_id_is_none() {
    let app = app("");
    let mut client = Client::open(&app, "/mcp").await;
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let other = Client {
        path: ONE,
        session: client.session.clone(),
        app: Arc::clone(&app),
    };
    assert_eq!(
        other.status(Method::POST, ping).await,
        StatusCode::NOT_FOUND
    );
    let own = client.session.clone();
    assert!(own.len() == 32 && own.bytes().all(|byte| byte.is_ascii_hexdigit()));
    for forged in [
        &own[..31],
        &own.to_uppercase()
            .replace(|c: char| c.is_ascii_digit(), "F"),
        "",
        "1",
    ] {
        forged.clone_into(&mut client.session);
        let status = client.status(Method::POST, ping).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{forged}");
    }
    let twice = [
        JSON,
        ("mcp-session-id", own.as_str()),
        ("mcp-session-id", &own),
    ];
    let twice = sent(&app, request(Method::POST, "/mcp", &twice, ping)).await;
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn the_methods_that_mean_nothing_are_refused_and_allow_says_what_does() {
    let app = app("");
    let modern = [("mcp-protocol-version", "2026-07-28")];
    for (method, headers, allow) in [
        (Method::PUT, &[][..], ALLOWED),
        (Method::GET, &modern, "POST, OPTIONS"),
        (Method::DELETE, &modern, "POST, OPTIONS"),
    ] {
        let (head, body) = answer(&app, request(method, "/mcp", headers, "")).await;
        assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(head.headers()[ALLOW], allow);
        assert_eq!(body["error"]["code"], -32600);
    }
    for method in [Method::GET, Method::DELETE] {
        let status = sent(&app, request(method, "/mcp", &[], "")).await.status();
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_unknown_server_is_not_found() {
    let app = app("");
    let (head, body) = answer(&app, post("/servers/nobody/mcp", &call("echo"))).await;
    assert_eq!(
        (head.status(), &body["id"]),
        (StatusCode::NOT_FOUND, &json!("c"))
    );
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn while_the_servers_start_the_answer_is_to_come_back() {
    let app = app("silent");
    let (head, body) = answer(&app, post("/mcp", &call("hostile__echo"))).await;
    assert_eq!(
        (head.status(), &head.headers()[RETRY_AFTER]),
        (StatusCode::SERVICE_UNAVAILABLE, &RETRY_SOON)
    );
    assert_eq!(
        (&body["id"], &body["error"]["data"]["code"]),
        (&json!("c"), &json!("SERVICE_UNAVAILABLE"))
    );
    app.upstreams.shutdown().await;
}

const OPEN: &str =
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;

#[tokio::test]
async fn with_all_sessions_in_use_a_client_is_to_come_back_and_an_idle_one_makes_place() {
    let app = app_with("", |config| config.sessions.max = 2);
    let (one, other) = (
        Client::open(&app, "/mcp").await,
        Client::open(&app, "/mcp").await,
    );
    let (_listening, held) = (one.get(None).await, other.get(None).await);
    let (head, body) = answer(&app, post("/mcp", OPEN)).await;
    assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&head.headers()[RETRY_AFTER], &body["id"]),
        (&RETRY_SOON, &json!(0))
    );
    drop(held);
    let (head, _) = answer(&app, post("/mcp", OPEN)).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(
        other.status(Method::DELETE, "").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(one.status(Method::DELETE, "").await, StatusCode::NO_CONTENT);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_thousand_openings_leave_no_more_sessions_than_allowed() {
    let app = app_with("", |config| config.sessions.max = 10);
    for _ in 0..1_000 {
        let head = sent(&app, post("/mcp", OPEN)).await;
        assert_eq!(head.status(), StatusCode::OK);
    }
    assert_eq!(app.sessions.len(), 10);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn an_idle_session_ends_by_itself_and_one_that_listens_does_not() {
    let app = app_with("", |config| {
        config.sessions.idle_timeout = Duration::from_millis(100);
    });
    let (idle, busy) = (
        Client::open(&app, "/mcp").await,
        Client::open(&app, "/mcp").await,
    );
    let _listening = busy.get(None).await;
    let ended = async {
        while app.sessions.len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("its end");
    assert_eq!(
        busy.status(Method::DELETE, "").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(idle.status(Method::DELETE, "").await, StatusCode::NOT_FOUND);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_takes_its_processes_with_it() {
    let app = app_with("", private);
    let (one, other) = (Client::open(&app, ONE).await, Client::open(&app, ONE).await);
    let pid = async |client: &Client| client.ask(&call("pid")).await["result"].clone();
    let (first, second) = (pid(&one).await, pid(&other).await);
    assert!(first.is_u64() && first != second && first == pid(&one).await);
    assert_eq!(one.status(Method::DELETE, "").await, StatusCode::NO_CONTENT);
    let stat = std::path::PathBuf::from(format!("/proc/{first}/stat"));
    let gone = async {
        while stat.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("its end");
    assert_eq!(second, pid(&other).await);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_process_that_died_is_replaced_when_it_is_needed_again() {
    let app = app_with("", private);
    let client = Client::open(&app, ONE).await;
    let first = client.ask(&call("pid")).await["result"].clone();
    let died = client.ask(&call("die")).await;
    assert_eq!(died["error"]["code"], -32000);
    let second = client.ask(&call("pid")).await["result"].clone();
    assert!(second.is_u64() && second != first);
    app.upstreams.shutdown().await;
}

#[tokio::test]
async fn a_call_in_flight_when_its_session_ends_is_told_so() {
    let app = app_with("", |config| config.sessions.answer_wait = PATIENCE);
    let client = Client::open(&app, ONE).await;
    let held = call("hang");
    let (response, status) = tokio::join!(client.post(&held), async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.status(Method::DELETE, "").await
    });
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    app.upstreams.shutdown().await;
}
