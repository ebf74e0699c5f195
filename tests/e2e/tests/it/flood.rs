//! A flood of sessions that nobody wants any more.

use e2e::{Origin, Tools};
use probe::{Connection, Target, Version, mcp};

/// How many sessions are begun, and over how many connections at once.
const SESSIONS: usize = 50_000;
const CONNECTIONS: usize = 4;

/// The most that the origin may have in memory meanwhile. A build for development had 23 MB at the most with the 4096 sessions
/// that live by default, and 126 MB when all 50,000 were kept.
const CAP: u64 = 64 << 20;

async fn begin_sessions(target: Target, count: usize) -> usize {
    let opened = Connection::open(&target, Version::Http1).await;
    let mut connection = opened.expect("it listens");
    let mut begun = 0;
    for _ in 0..count {
        let answer = connection
            .fetch(mcp::initialize("/mcp", 1, mcp::LEGACY))
            .await
            .expect("an answer");
        match answer.head.status.as_u16() {
            200 => begun += 1,
            503 => assert!(answer.head.header("retry-after").is_some()),
            other => panic!("initialize is answered {other}"),
        }
    }
    begun
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_thousand_initialize_leave_the_origin_small_and_serving() {
    let tools = Tools::from_environment();
    let origin = Origin::start(&tools, "").await;
    let floods: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            tokio::spawn(begin_sessions(
                origin.target().clone(),
                SESSIONS / CONNECTIONS,
            ))
        })
        .collect();
    let mut begun = 0;
    for flood in floods {
        begun += flood.await.expect("no panic");
    }
    assert!(begun > 0, "no session was begun");
    let peak = origin.peak_memory();
    assert!(peak < CAP, "{peak} bytes at the most");
    let ask = mcp::tools_list("/mcp", 7, None);
    let answer = probe::fetch(origin.target(), Version::Http1, ask).await;
    let answer = answer.expect("it still serves");
    let listed = mcp::answer_to(&answer, 7).expect("an answer to it");
    assert!(listed["result"]["tools"].is_array(), "{listed}");
}
