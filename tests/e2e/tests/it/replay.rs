//! The same requests over HTTP/1.1, HTTP/2 and HTTP/3 through the edge: the answers are the same, to the header.

mod requests;
mod transcript;

use e2e::{Deployment, Running, Tools};
use probe::Version;

use requests::{legacy, modern, refused};
use transcript::{Line, Script};

/// Plays a script over every version and holds the transcripts against the first.
async fn same_over_all_versions(script: impl AsyncFn(&mut Script)) -> Vec<Line> {
    let tools = Tools::from_environment();
    same_through(&tools, &Deployment::with_fixtures(&tools), script).await
}

/// The same through this deployment.
async fn same_through(
    tools: &Tools,
    deployment: &Deployment,
    script: impl AsyncFn(&mut Script),
) -> Vec<Line> {
    let running = Running::start(tools, deployment);
    let mut first: Option<Vec<Line>> = None;
    for version in Version::ALL {
        let mut play = Script::new(running.target(), version);
        script(&mut play).await;
        let lines = play.lines();
        match &first {
            None => first = Some(lines),
            Some(first) => {
                assert_eq!(first.len(), lines.len());
                for (one, other) in first.iter().zip(&lines) {
                    assert_eq!(one, other, "{version}");
                }
            }
        }
    }
    first.expect("there is a version")
}

/// The statuses by the name of the request.
fn assert_statuses(lines: &[Line], expected: &[(&str, u16)]) {
    let found: Vec<(&str, u16)> = lines.iter().map(|line| (line.name, line.status)).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_modern_revision_is_the_same_over_every_version() {
    let lines = same_over_all_versions(modern::play).await;
    assert_statuses(&lines, modern::STATUSES);
    let of = |name| {
        let line = lines.iter().find(|line| line.name == name);
        let line = line.expect("it was asked");
        (line.headers["content-type"][0].as_str(), &line.messages)
    };
    assert_eq!(of("call").0, "application/json");
    let (kind, messages) = of("call with progress");
    assert_eq!((kind, messages.len()), ("text/event-stream", 4));
    let (_, messages) = of("listen");
    assert_eq!(
        messages[0]["method"],
        "notifications/subscriptions/acknowledged"
    );
}

#[tokio::test]
async fn a_legacy_session_is_the_same_over_every_version() {
    let lines = same_over_all_versions(legacy::play).await;
    assert_statuses(&lines, legacy::STATUSES);
    let messages = |name| {
        let line = lines.iter().find(|line| line.name == name);
        line.expect("it was asked").messages.as_slice()
    };
    // the priming event, three steps of progress, the answer; asked for again, all but the first
    assert_eq!(messages("call with progress").len(), 5);
    assert_eq!(messages("resumed"), &messages("call with progress")[1..]);
}

#[tokio::test]
async fn a_legacy_session_is_the_same_with_an_origin_that_ends_quic_itself() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_fixtures(&tools).passed_on();
    let lines = same_through(&tools, &deployment, legacy::play).await;
    assert_statuses(&lines, legacy::STATUSES);
}

#[tokio::test]
async fn what_is_refused_is_refused_the_same_way_over_every_version() {
    let lines = same_over_all_versions(refused::play).await;
    assert_statuses(&lines, refused::STATUSES);
    // who names no site of the deployment gets a page of the edge, and not a word about what is behind it
    for line in lines.iter().filter(|line| line.name != "foreign host") {
        assert_eq!(line.messages.len(), 1, "{line:#?}");
        assert!(
            line.messages
                .iter()
                .all(|message| message["error"]["code"].is_i64()),
            "{line:#?}"
        );
    }
}
