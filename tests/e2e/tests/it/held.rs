//! Streams that are held while the edge reloads and the origin restarts; `cargo xtask soak reload` and `restart` are the long ones.

use std::time::Duration;

use e2e::held::{Held, Restarts, Stories, reload};
use e2e::{Deployment, Running, Tools};
use probe::Version;

/// Twenty-one streams through three reloads of a deployment.
async fn reloaded(deployment: &Deployment, tools: &Tools) -> Stories {
    let running = Running::start(tools, deployment);
    let target = running.target().with_keep_alive(Duration::from_secs(1));
    let held = Held::open(&target, &Version::ALL, 21).await;
    for _ in 0..3 {
        reload(&running).await;
        held.until_all_go_on().await;
    }
    held.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_an_edge_that_ends_tls_loses_no_stream_over_tcp() {
    let tools = Tools::from_environment();
    let stories = reloaded(&Deployment::with_time(&tools), &tools).await;
    let lost = stories.lost(&[Version::Http1, Version::Http2]);
    assert!(lost.is_empty(), "{lost:?}\n{stories}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_an_edge_that_passes_connections_on_loses_no_stream_and_no_event() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools).passed_on();
    let stories = reloaded(&deployment, &tools).await;
    let lost = stories.lost(&Version::ALL);
    assert!(lost.is_empty(), "{lost:?}\n{stories}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_an_edge_without_udp_of_its_own_is_not_noticed() {
    let tools = Tools::from_environment();
    let deployment = Deployment::with_time(&tools).passed_on_by_the_kernel();
    let stories = reloaded(&deployment, &tools).await;
    let lost = stories.lost(&Version::ALL);
    assert!(lost.is_empty(), "{lost:?}\n{stories}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_origin_ends_streams_properly_and_fails_no_request() {
    let origin = Restarts::start(&Tools::from_environment()).await;
    let seen = origin.run(3, 18).await;
    assert!(seen.is_clean(), "{seen}");
    for version in Version::ALL {
        let seen = seen.of(version);
        assert!(
            seen.proper == 18 && seen.answered > 0,
            "{version}: {seen:?}"
        );
    }
}
