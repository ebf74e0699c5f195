//! `/call-tool` as an event stream.

use super::{post, text, world};

const EVENTS: [(&str, &str); 1] = [("accept", "text/event-stream")];

#[tokio::test]
async fn progress_comes_before_the_result() {
    let world = world();
    let body = r#"{"tool":"s__steps","request_id":"r-1"}"#;
    let response = post(&world, &EVENTS, body).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("x-accel-buffering", "no"),
        ("cache-control", "no-cache"),
        ("x-request-id", "r-1"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let (status, events) = text(response).await;
    let events: Vec<_> = events.split_terminator("\n\n").collect();
    assert_eq!(status, 200);
    assert_eq!(
        events[0],
        "event: progress\ndata: {\"progress\":1.0,\"message\":\"m\"}"
    );
    assert!(events[1].contains("\"progress\":2.0"), "{events:?}");
    let result = r#"event: result
data: {"success":true,"data":{"content":[]},"error":null"#;
    assert!(
        events[2].starts_with(result) && events.len() == 3,
        "{events:?}"
    );
}

#[tokio::test]
async fn a_failure_is_the_result_of_its_stream() {
    let world = world();
    for (tool, code) in [
        ("hang", "TIMEOUT"),
        ("die", "SERVICE_UNAVAILABLE"),
        ("fail", "EXECUTION_ERROR"),
    ] {
        let body = format!(r#"{{"tool":"s__{tool}"}}"#);
        let (status, events) = text(post(&world, &EVENTS, &body).await).await;
        assert_eq!(status, 200);
        assert!(events.starts_with("event: result\n"), "{events}");
        assert!(events.contains(&format!("\"code\":\"{code}\"")), "{events}");
    }
}

#[tokio::test]
async fn what_is_refused_before_the_call_is_no_stream() {
    let world = world();
    let response = post(&world, &EVENTS, r#"{"tool":"s__none"}"#).await;
    assert_eq!(
        (
            response.status().as_u16(),
            &response.headers()["content-type"]
        ),
        (404, &"application/json".parse().unwrap())
    );
}
