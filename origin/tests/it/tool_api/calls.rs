//! `/call-tool` without a stream.

use http::Version;

use super::{call, post, text, world};
use crate::support::{World, request, until};

#[tokio::test]
async fn arguments_and_result_go_through_byte_by_byte() {
    let world = world();
    let arguments = r#"{"n": 1.0e1,"big":98765432109876543210.50}"#;
    let body = format!("{{\"tool\":\"s__given\",\"arguments\":{arguments}}}");
    let (status, answer) = text(post(&world, &[], &body).await).await;
    assert_eq!(status, 200, "{answer}");
    let raw = r#""data":{"content": [],"n":1.50e3,"big":123456789012345678901,"line":"#;
    assert!(
        answer.starts_with(&format!("{{\"success\":true,{raw}")),
        "{answer}"
    );
    let sent = format!("\"arguments\":{arguments}").replace('"', "\\\"");
    assert!(answer.contains(&sent), "{answer}");
    assert!(
        answer.contains(r#""error":null,"code":null,"request_id":""#),
        "{answer}"
    );
}

#[tokio::test]
async fn every_way_to_fail_has_its_code_and_status() {
    let world = world();
    for (tool, arguments, status, code, error) in [
        (
            "s__gven",
            "{}",
            404,
            "TOOL_NOT_FOUND",
            "did you mean `s__given`?",
        ),
        (
            "s__checked",
            "{\"n\":10}",
            400,
            "INVALID_ARGUMENTS",
            "`arguments.n`: ",
        ),
        (
            "s__given",
            "{\"a\":1,\"a\":2}",
            400,
            "INVALID_ARGUMENTS",
            "`arguments.a` stands twice",
        ),
        ("s__invalid", "{}", 400, "INVALID_ARGUMENTS", "no"),
        ("s__fail", "{}", 200, "EXECUTION_ERROR", "the disk is full"),
        ("s__refuse", "{}", 502, "EXECUTION_ERROR", "no"),
        (
            "s__odd",
            "{}",
            502,
            "EXECUTION_ERROR",
            "no result of a tool",
        ),
        ("s__asks", "{}", 502, "EXECUTION_ERROR", "over `/mcp` only"),
        ("s__hang", "{}", 504, "TIMEOUT", "did not answer within"),
        ("s__die", "{}", 503, "SERVICE_UNAVAILABLE", "not available"),
    ] {
        let (seen, body) = call(
            &world,
            &format!(r#"{{"tool":"{tool}","arguments":{arguments}}}"#),
        )
        .await;
        assert_eq!(
            (seen, body["code"].as_str()),
            (status, Some(code)),
            "{tool}: {body}"
        );
        assert_eq!(body["success"], false);
        let text = body["error"].as_str().unwrap_or_default();
        assert!(text.contains(error), "{tool}: {text}");
        assert!(body["meta"]["execution_time_ms"].is_number(), "{body}");
    }
}

#[tokio::test]
async fn what_failed_is_told_whole() {
    let world = world();
    let (_, failed) = call(&world, r#"{"tool":"s__fail"}"#).await;
    assert_eq!(failed["data"]["isError"], true);
    let (_, refused) = call(&world, r#"{"tool":"s__refuse"}"#).await;
    assert_eq!(refused["meta"]["upstream_error"]["code"], -7);
    let (_, checked) = call(&world, r#"{"tool":"s__checked","arguments":{"n":"x"}}"#).await;
    let violation = &checked["meta"]["violations"][0];
    assert_eq!(
        (violation["path"].as_str(), violation["keyword"].as_str()),
        (Some("/n"), Some("type"))
    );
    let died = post(&world, &[], r#"{"tool":"s__die"}"#).await;
    assert_eq!(died.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_does_not_take_its_tool_down() {
    let world = world();
    let (status, body) = call(&world, r#"{"tool":"s__unusable","arguments":{"any":1}}"#).await;
    assert_eq!((status, &body["success"]), (200, &true.into()), "{body}");
}

#[tokio::test]
async fn a_body_that_asks_nothing_is_refused_with_the_reason() {
    let world = world();
    for (body, error) in [
        ("", "empty"),
        ("tool=x", "not JSON"),
        (r#"{"tool":"s__given"} {}"#, "trailing"),
        (
            r#"{"tool":"s__given","argument":{}}"#,
            "`argument` is not known",
        ),
        (r#"{"tool":"s__given","request_id":"a b"}"#, "`request_id`"),
    ] {
        let (status, answer) = call(&world, body).await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &"INVALID_ARGUMENTS".into()),
            "{body}: {answer}"
        );
        assert!(
            answer["error"]
                .as_str()
                .is_some_and(|text| text.contains(error)),
            "{answer}"
        );
    }
    let refused = world
        .send(Version::HTTP_11, request("GET", "/call-tool", &[]))
        .await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST, OPTIONS".parse().unwrap())
    );
    let accept = post(&world, &[("accept", "text/html")], r#"{"tool":"s__given"}"#).await;
    assert_eq!(accept.status(), 406);
}

#[tokio::test]
async fn the_id_of_the_body_is_the_one_id() {
    let world = world();
    let body = r#"{"tool":"s__given","request_id":"mine:1"}"#;
    let response = post(&world, &[("x-request-id", "edge-made")], body).await;
    assert_eq!(response.headers()["x-request-id"], "mine:1");
    let (_, answer) = text(response).await;
    assert!(answer.contains(r#""request_id":"mine:1""#), "{answer}");
    let header = post(
        &world,
        &[("x-request-id", "edge-made")],
        r#"{"tool":"s__given"}"#,
    )
    .await;
    assert!(text(header).await.1.contains(r#""request_id":"edge-made""#));
}

async fn cancelled(world: &World) -> u64 {
    let (_, body) = call(world, r#"{"tool":"s__cancelled"}"#).await;
    body["data"]["cancelled"].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn a_client_that_goes_cancels_its_call() {
    let world = world();
    assert_eq!(cancelled(&world).await, 0);
    let hanging = post(&world, &[], r#"{"tool":"s__hang"}"#);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(200), hanging).await;
    assert!(gone.is_err(), "it hangs");
    until("the cancellation", async || cancelled(&world).await == 1).await;
}
