//! Servers of several kinds behind one edge, and what the death of one costs the others: nothing.

use std::time::{Duration, Instant};

use e2e::{Deployment, Running, Tools, Words};
use probe::{Connection, Target, Version, mcp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

/// A tool of each server, with arguments that it takes.
const CALLS: [(&str, &str, &str); 4] = [
    ("time__get_current_time", "timezone", "UTC"),
    ("everything__echo", "message", "hello"),
    ("words__count_words", "text", "one two three"),
    ("git__git_status", "repo_path", REPOSITORY),
];

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[tokio::test]
async fn a_process_that_is_killed_all_the_time_costs_the_others_nothing() {
    let tools = Tools::from_environment();
    let words = Words::start(&tools);
    let deployment = Deployment::with_all_four(&tools, words.url());
    let running = Running::start(&tools, &deployment);
    assert_eq!(running.verdict["ok"], true, "{:#}", running.verdict);
    let killing = async {
        let end = Instant::now() + LOOP;
        let mut killed = 0;
        while Instant::now() < end {
            killed += kill_time(&running);
            sleep(Duration::from_millis(300)).await;
        }
        killed
    };
    let target = running.target();
    let others = CALLS[1..].iter().map(|call| called_for(&target, *call));
    let (killed, made) = tokio::join!(killing, futures(others.collect()));
    assert!(
        killed > 2 && made.iter().all(|made| *made > 5),
        "{killed} {made:?}"
    );
    answers_again(&target, CALLS[0]).await;
}

#[tokio::test]
async fn a_server_by_url_that_is_killed_costs_the_others_nothing_and_comes_back() {
    let tools = Tools::from_environment();
    let words = Words::start(&tools);
    let deployment = Deployment::with_all_four(&tools, words.url());
    let running = Running::start(&tools, &deployment);
    let target = running.target();
    let restarts = async {
        let mut words = words;
        for _ in 0..3 {
            sleep(LOOP / 4).await;
            words = words.restart(&tools);
        }
        words
    };
    let others = [CALLS[0], CALLS[1], CALLS[3]].map(|call| called_for(&target, call));
    let (_words, made) = tokio::join!(restarts, futures(others.into()));
    assert!(made.iter().all(|made| *made > 5), "{made:?}");
    answers_again(&target, CALLS[2]).await;
}

/// Kills the time server of this deployment; how many processes of it there were.
fn kill_time(running: &Running) -> usize {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let own = ids.filter(|id| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        // below the origin, which is below opsctl
        let above = parent(*id).and_then(parent);
        above == i32::try_from(running.child.id()).ok()
            && String::from_utf8_lossy(&line).contains("mcp-server-time")
    });
    let killed = own
        .filter_map(Pid::from_raw)
        .map(|id| kill_process(id, Signal::KILL));
    killed.flatten().count()
}

fn parent(id: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// Calls one tool again and again; how often. Every call must be answered.
async fn called_for(target: &Target, call: (&str, &str, &str)) -> u64 {
    let mut connection = Connection::open(target, Version::Http3)
        .await
        .expect("a connection");
    let end = Instant::now() + LOOP;
    let mut made = 0;
    while Instant::now() < end {
        made += 1;
        let answer = ask(&mut connection, made, call).await;
        let failed = answer["error"].is_object() || answer["result"]["isError"] == true;
        assert!(!failed, "{}: {answer:#}", call.0);
    }
    made
}

async fn ask(connection: &mut Connection, id: u64, call: (&str, &str, &str)) -> Value {
    let (tool, key, value) = call;
    let arguments = Map::from_iter([(key.to_owned(), json!(value))]);
    let answer = connection
        .fetch(mcp::tools_call("/mcp", id, tool, arguments))
        .await;
    let answer = answer.expect("an answer");
    mcp::answer_to(&answer, id).expect("an answer in JSON-RPC")
}

async fn answers_again(target: &Target, call: (&str, &str, &str)) {
    let mut connection = Connection::open(target, Version::Http3)
        .await
        .expect("a connection");
    let deadline = Instant::now() + BACK;
    for id in 1.. {
        let answer = ask(&mut connection, id, call).await;
        if answer["result"]["content"].is_array() {
            return;
        }
        assert!(Instant::now() < deadline, "{}: {answer:#}", call.0);
        sleep(Duration::from_millis(500)).await;
    }
}

/// Awaits all of them at once.
async fn futures<F: Future<Output = u64>>(all: Vec<F>) -> Vec<u64> {
    let mut all = all.into_iter().map(Box::pin).collect::<Vec<_>>();
    let mut made = vec![None; all.len()];
    std::future::poll_fn(|cx| {
        for (future, made) in all.iter_mut().zip(&mut made) {
            if made.is_none()
                && let std::task::Poll::Ready(count) = future.as_mut().poll(cx)
            {
                *made = Some(count);
            }
        }
        match made.iter().copied().collect::<Option<Vec<u64>>>() {
            Some(all) => std::task::Poll::Ready(all),
            None => std::task::Poll::Pending,
        }
    })
    .await
}

/// How long servers are killed.
const LOOP: Duration = Duration::from_secs(10);

/// The longest pause before a restart is 30 s.
const BACK: Duration = Duration::from_mins(1);
