//! Processes that one session has to itself.

use mcp::Revision;
use mcp::upstream::Greeting;
use tokio::sync::mpsc;

use super::*;
use crate::upstream::Private;

/// Starts a process, and where what it says is heard.
pub(super) fn private(
    upstreams: &Upstreams,
) -> Result<(Private, mpsc::UnboundedReceiver<Said>), CallError> {
    let greeting = Arc::new(Greeting {
        revision: Revision::V2025_11_25,
        capabilities: r#"{"sampling":{}}"#.into(),
        client_info: r#"{"name":"c"}"#.into(),
    });
    let (heard, said) = mpsc::unbounded_channel();
    let hears = Box::new(move |said| drop(heard.send(said)));
    Ok((upstreams.private("a", greeting, hears)?, said))
}

async fn told(private: &Private, tool: &str) -> Value {
    let exchange = private.way().begin(asked(tool));
    let answer = exchange.answer().await.expect("an answer");
    serde_json::from_str(&answer).expect("JSON")
}

async fn pid_of(private: &Private) -> Pid {
    let id = told(private, "pid").await.as_i64().expect("a number");
    Pid::from_raw(i32::try_from(id).expect("a small number")).expect("not zero")
}

#[tokio::test]
async fn each_has_its_own_process_which_ends_with_it() {
    let upstreams = started(&[server("a", "")]).await;
    let (one, _) = private(&upstreams).expect("a process");
    let (other, _) = private(&upstreams).expect("a process");
    let (first, second) = (pid_of(&one).await, pid_of(&other).await);
    assert!(first != second && pid(&upstreams, "a", "pid").await != first);
    drop(one);
    gone(first).await;
    assert!(runs(second));
    upstreams.shutdown().await;
    assert!(!runs(second));
}

#[tokio::test]
async fn there_are_no_more_of_them_than_allowed() {
    let upstreams = started(&[server("a", "")]).await;
    let (one, mut said) = private(&upstreams).expect("a process");
    let _other = private(&upstreams).expect("a process");
    let refused = private(&upstreams).map(drop);
    assert!(matches!(refused, Err(CallError::Unavailable { .. })));
    drop(one);
    let ended = async { while !matches!(said.recv().await, Some(Said::Ended) | None) {} };
    timeout(PATIENCE, ended).await.expect("its end");
    assert!(private(&upstreams).is_ok());
    upstreams.shutdown().await;
}

#[tokio::test]
async fn the_client_is_asked_and_its_answer_goes_back() {
    let upstreams = started(&[server("a", "")]).await;
    let (process, mut said) = private(&upstreams).expect("a process");
    let mut exchange = process.way().begin(asked("ask"));
    let Some(Said::Asked { id, method, .. }) = said.recv().await else {
        panic!("nothing was asked")
    };
    assert_eq!(method, "sampling/createMessage");
    process.respond(id, Ok(r#"{"said":1.0}"#.into()));
    let crate::upstream::Heard::Answer(Ok(answer)) = exchange.next().await else {
        panic!("no answer")
    };
    assert_eq!(&*answer, r#"{"said": 1.0}"#);
    upstreams.shutdown().await;
}

#[tokio::test]
async fn one_that_dies_fails_its_calls_and_says_so() {
    let upstreams = started(&[server("a", "")]).await;
    let (process, mut said) = private(&upstreams).expect("a process");
    let answer = process.way().begin(asked("die")).answer().await;
    assert!(matches!(answer, Err(CallError::Unavailable { .. })));
    assert!(matches!(said.recv().await, Some(Said::Ended)));
    let after = process.way().begin(asked("echo")).answer().await;
    assert!(matches!(after, Err(CallError::Unavailable { .. })));
    upstreams.shutdown().await;
}
