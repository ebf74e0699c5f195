//! No process is left, however the origin ends.

use super::*;

#[tokio::test]
async fn nothing_is_left_after_shutdown_not_even_what_a_server_started() {
    let upstreams = started(&[server("a", "")]).await;
    let (process, child) = (
        pid(&upstreams, "a", "pid").await,
        pid(&upstreams, "a", "child").await,
    );
    assert!(runs(process) && runs(child));
    upstreams.shutdown().await;
    assert!(!runs(process));
    gone(child).await;
}

#[tokio::test]
async fn a_server_that_ignores_every_hint_is_killed() {
    let upstreams = started(&[server("a", "deaf")]).await;
    let process = pid(&upstreams, "a", "pid").await;
    timeout(PATIENCE, upstreams.shutdown())
        .await
        .expect("an end");
    assert!(!runs(process));
}

#[tokio::test]
async fn shutdown_also_ends_servers_that_never_became_ready() {
    let upstreams = start(&[server("a", "silent"), server("b", "dead")]);
    seen(&upstreams, |snapshot| snapshot.servers[1].error.is_some()).await;
    timeout(PATIENCE, upstreams.shutdown())
        .await
        .expect("an end");
    assert!(matches!(
        call(&upstreams, "a", "echo").await,
        Err(CallError::Unavailable { .. })
    ));
}

#[test]
fn nothing_is_left_when_the_origin_goes_without_a_shutdown() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (process, child) = runtime.block_on(async {
        let upstreams = started(&[server("a", "deaf")]).await;
        (
            pid(&upstreams, "a", "pid").await,
            pid(&upstreams, "a", "child").await,
        )
    });
    drop(runtime);
    let waiting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    waiting.block_on(async {
        gone(process).await;
        gone(child).await;
    });
}
