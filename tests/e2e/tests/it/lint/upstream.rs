//! Harm between NGINX and the origin.

use std::time::Duration;

use probe::Ask;

use super::stage::{Case, plain};

const KEPT: &str = "proxy_http_version 1.1; proxy_set_header Connection \"\";";

fn location(directives: &str) -> String {
    format!("location = /mcp {{ proxy_pass http://app; {directives} }}")
}

fn upstream(directives: &str) -> String {
    format!("upstream app {{ server 127.0.0.1:@ORIGIN@; {directives} }}")
}

#[test]
fn every_call_comes_on_a_connection_of_its_own() {
    let upstream = upstream("keepalive 8;");
    let case = Case {
        rule: "upstream-closed",
        bad: plain(&upstream, &location("")),
        good: plain(&upstream, &location(KEPT)),
    };
    case.shows(async |stage| {
        for _ in 0..2 {
            stage.ask(Ask::post("/mcp", "{}")).await;
        }
        let seen = stage.origin.seen();
        let is_old = seen.iter().all(|seen| seen.line.ends_with("HTTP/1.0"));
        assert_eq!(is_old, seen[0].connection != seen[1].connection, "{seen:?}");
        is_old
    });
}

#[test]
fn a_post_on_a_connection_that_the_origin_gave_up_is_lost() {
    let case = Case {
        rule: "upstream-keepalive",
        bad: plain(&upstream("keepalive 8;"), &location(KEPT)),
        good: plain(
            &upstream("keepalive 8; keepalive_timeout 500ms;"),
            &location(KEPT),
        ),
    };
    case.shows(async |stage| {
        stage.ask(Ask::post("/mcp?stale=1", "{}")).await;
        tokio::time::sleep(Duration::from_millis(1300)).await;
        stage.ask(Ask::post("/mcp?stale=1", "{}")).await.head.status == 502
    });
}

#[test]
fn a_post_is_sent_twice() {
    let upstream = upstream("server 127.0.0.1:@SECOND@;");
    let with = |more: &str| {
        plain(
            &upstream,
            &location(&format!("proxy_next_upstream error timeout{more};")),
        )
    };
    let case = Case {
        rule: "retry-non-idempotent",
        bad: with(" non_idempotent"),
        good: with(""),
    };
    case.shows(async |stage| {
        stage.ask(Ask::post("/mcp?drop=1", "{}")).await;
        stage.origin.seen().len() + stage.second.seen().len() == 2
    });
}

#[test]
fn a_body_of_two_megabytes_is_refused() {
    let case = Case {
        rule: "body-limit",
        bad: plain(&upstream(""), &location("")),
        good: plain(&upstream(""), &location("client_max_body_size 16m;")),
    };
    case.shows(async |stage| {
        let body = vec![b' '; 2 << 20];
        stage.ask(Ask::post("/mcp", body)).await.head.status == 413
    });
}

#[test]
fn a_session_is_continued_at_another_origin() {
    let by = |key: &str| {
        let upstream = upstream(&format!(
            "server 127.0.0.1:@SECOND@; hash {key} consistent;"
        ));
        plain(&upstream, &location(""))
    };
    let case = Case {
        rule: "affinity-header",
        bad: by("$http_mcp_session_id"),
        good: by("$remote_addr"),
    };
    case.shows(async |stage| {
        stage.ask(Ask::post("/mcp", "{}")).await;
        let is_first = !stage.origin.seen().is_empty();
        for number in 0..12 {
            let ask = Ask::post("/mcp", "{}").with_header("mcp-session-id", &format!("s-{number}"));
            stage.ask(ask.expect("a header")).await;
        }
        let other = if is_first {
            &stage.second
        } else {
            &stage.origin
        };
        !other.seen().is_empty()
    });
}

#[test]
fn two_requests_of_a_session_come_to_two_origins() {
    let with = |choice: &str| {
        plain(
            &upstream(&format!("server 127.0.0.1:@SECOND@; {choice}")),
            &location(""),
        )
    };
    let case = Case {
        rule: "affinity-missing",
        bad: with(""),
        good: with("hash $remote_addr consistent;"),
    };
    case.shows(async |stage| {
        for _ in 0..2 {
            let ask = Ask::post("/mcp", "{}").with_header("mcp-session-id", "s-1");
            stage.ask(ask.expect("a header")).await;
        }
        !stage.origin.seen().is_empty() && !stage.second.seen().is_empty()
    });
}
